"""Work in processes of their own, to be killed or short of disk; forked from one that has torch."""

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from splitwire.errors import SplitwireError
from splitwire.runner.threads import limit_threads

PATIENCE = 120  # seconds
CONTEXT = multiprocessing.get_context("forkserver")
# The last is what torch 2.6 writes a file for as it is loaded, which a full disk would forbid.
CONTEXT.set_forkserver_preload(
    [
        *("splitwire.cli", "splitwire.eval.run", "splitwire.train.run", "splitwire.live.cloud"),
        *("splitwire.live.oip_rest", "splitwire.live.serve", "splitwire.data.photos"),
        *("torch.export._trace", "torch.distributed.nn"),
    ]
)

_STEPS = ("open", "os.rename", "os.truncate", "os.mkdir")


@dataclass(frozen=True)
class End:
    """How a process ended: its status, negative for a signal, and what it said."""

    status: int | None
    said: str


def apart(
    work: Callable[..., Any],
    *given: Any,
    folder: Path | None = None,
    die_at: int | None = None,
    largest: int | None = None,
) -> End:
    """Do some work in a process of its own.

    Args:
        work: a function of a module.
        given: its arguments.
        folder: where it writes.
        die_at: before which of its steps in the folder it is killed, from 0.
        largest: bytes of a file, beyond which no write succeeds, as on a full disk.
    """
    here, there = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_work, args=(there, work, given, folder, die_at, largest))
    process.start()
    there.close()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
    said = here.recv() if here.poll() and process.exitcode == 1 else ""
    return End(process.exitcode, said)


def _work(
    told: Connection,
    work: Callable[..., Any],
    given: tuple[Any, ...],
    folder: Path | None,
    die_at: int | None,
    largest: int | None,
) -> None:
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if die_at is not None:
        sys.addaudithook(_Countdown(str(folder), die_at))
    limit_threads(1)  # others would wait for each other where the machine is busy
    try:
        work(*given)
    except SplitwireError as error:
        told.send(str(error))
        sys.exit(1)


class _Countdown:
    """Ends the process before the given step on files of a folder."""

    def __init__(self, folder: str, left: int) -> None:
        self._folder, self._left = folder, left

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and str(arguments[0]).startswith(self._folder):
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
