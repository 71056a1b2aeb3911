"""Nodes of a cluster of Ray on this machine, as `ray start` makes them, one core each."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic, sleep
from types import TracebackType
from typing import Self

_PATIENCE = 120.0
_STORE = 80_000_000  # bytes of a node's object store


class Nodes:
    """Two nodes of a cluster of their own; no other on this machine is seen or ended.

    Attributes:
        address: what `--ray` takes.
        environment: of processes that join it.
    """

    def __init__(self) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.environment = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0"}
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder = mkdtemp(prefix="ray")  # a short path: sockets lie in it
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.__exit__, None, None, None)
            port = self.address.rpartition(":")[2]
            self._start("--head", "--port", port, "--temp-dir", self._folder)
            self._start("--address", self.address)
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._nodes:
            self.lose()
        rmtree(self._folder, ignore_errors=True)

    def lose(self) -> None:
        """The node that came last dies at once, with all that runs on it."""
        node = self._nodes.pop()
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def _start(self, *told: str) -> None:
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1"]
        ray += ["--node-ip-address", "127.0.0.1", "--object-store-memory", str(_STORE)]
        log = Path(self._folder, f"node-{len(self._nodes)}.log")
        with log.open("wb") as out:
            node = subprocess.Popen(
                [*ray, *told],
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._nodes.append(node)
        end = monotonic() + _PATIENCE
        while b"--block" not in log.read_bytes():  # it says so once it runs
            assert node.poll() is None and monotonic() < end, log.read_text()
            sleep(0.1)
