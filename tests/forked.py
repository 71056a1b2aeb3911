"""`splitwire` in processes forked from one that has torch, which takes seconds to load.

All else is as in a shell. What a fresh interpreter does is tested by test_cli, and of a cloud by
live/test_logs.
"""

import os
import runpy
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from typing import IO

from apart import CONTEXT, PATIENCE

from splitwire.cli import main


class Forked:
    """A command under way, with the names of `subprocess.Popen`.

    Args:
        words: what stands behind `splitwire`, or a script's file and what stands behind that.
        cwd: the folder that it runs in.
    """

    def __init__(self, words: list[str], cwd: Path) -> None:
        (here, out), (there, err) = CONTEXT.Pipe(duplex=False), CONTEXT.Pipe(duplex=False)
        given = (words, str(cwd), dict(os.environ), out, err)
        self._process = CONTEXT.Process(target=_run, args=given, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.stdout, self.stderr = _text(here), _text(there)
        out.close()
        err.close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote; one that takes longer is killed, which `subprocess` leaves to others."""
        with ThreadPoolExecutor(2) as pool:
            told = [pool.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except TimeoutExpired:
                self.kill()
                raise
        out, err = (each.result() for each in told)
        return out, err

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def forked(words: list[str], cwd: Path) -> CompletedProcess[str]:
    """A command that is done."""
    command = Forked(words, cwd)
    said = command.communicate(PATIENCE)
    return CompletedProcess(words, command.wait(), *said)


def _text(pipe: Connection) -> IO[str]:
    """The end of a pipe as a file."""
    with pipe:
        return open(os.dup(pipe.fileno()), encoding="utf-8")  # noqa: PTH123


def _run(
    words: list[str], cwd: str, environment: dict[str, str], out: Connection, err: Connection
) -> None:
    for number, pipe in enumerate((out, err), start=1):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    if words[0].endswith(".py"):
        sys.argv, sys.path[0] = words, cwd
        runpy.run_path(words[0], run_name="__main__")
    else:
        sys.argv = ["splitwire", *words]
        main()
