"""Nodes of a cluster of Ray on this machine, as `ray start` makes them, one core each."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic, sleep

_PATIENCE = 120.0
_STORE = 80_000_000  # bytes of a node's object store


class Nodes:
    """Nodes of a cluster of their own; no other on this machine is seen or ended.

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
        self.folder = mkdtemp(prefix="ray")  # a short path: sockets lie in it
        self.running: list[subprocess.Popen[bytes]] = []

    def lose(self) -> None:
        """The node that came last dies at once, with all that runs on it."""
        node = self.running.pop()
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def start(self, *told: str) -> None:
        """One more, once it runs."""
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1"]
        ray += ["--node-ip-address", "127.0.0.1", "--object-store-memory", str(_STORE)]
        log = Path(self.folder, f"node-{len(self.running)}.log")
        with log.open("wb") as out:
            node = subprocess.Popen(
                [*ray, *told],
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.running.append(node)
        end = monotonic() + _PATIENCE
        while b"--block" not in log.read_bytes():  # it says so once it runs
            assert node.poll() is None and monotonic() < end, log.read_text()
            sleep(0.1)


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """Two of them, until the context ends."""
    nodes = Nodes()
    try:
        nodes.start(
            "--head", "--port", nodes.address.rpartition(":")[2], "--temp-dir", nodes.folder
        )
        nodes.start("--address", nodes.address)
        yield nodes
    finally:
        while nodes.running:
            nodes.lose()
        rmtree(nodes.folder, ignore_errors=True)
