"""`splitwire serve-ray` as a user runs it, and many clients at once, for tests and benchmarks."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from time import monotonic
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from splitwire.live.handshake import Hello, Welcome
from splitwire.live.protocol import PATH, Answer, Frame, read_reply

_GOING_AWAY = 1001
_HERE = 0.1  # seconds in which an edge finishes itself what the cloud did not take


class RayCloud:
    """A cloud on Ray Serve, on a cluster of its own.

    Args:
        folder: where it runs, and its configuration is written.
        told: of the configuration, as TOML.
    """

    def __init__(self, folder: Path, told: str) -> None:
        with socket.socket() as free, socket.socket() as other:
            free.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.port, self.grpc_port = (each.getsockname()[1] for each in (free, other))
        ports = f"port = {self.port}\ngrpc_port = {self.grpc_port}\n"
        self.address = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        (folder / "cloud.toml").write_text(ports + told, encoding="utf-8")
        command = [sys.executable, "-m", "splitwire", "serve-ray", "cloud.toml"]
        path = os.pathsep.join((str(Path(__file__).parents[2]), str(Path(__file__).parent)))
        environment = {**os.environ, "PYTHONPATH": path, "RAY_DEDUP_LOGS": "0"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stderr=subprocess.PIPE
        )
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def event(self, name: str, patience: float = 300.0) -> dict[str, Any]:
        """The next log entry of that name."""
        end = monotonic() + patience
        while True:
            line = self._lines.get(timeout=max(0.1, end - monotonic()))
            said = json.loads(line) if line.startswith("{") else {"event": line}
            if said["event"] == name:
                return dict(said)

    def update(self) -> None:
        """Have every process replaced; returns at once."""
        self._process.send_signal(signal.SIGHUP)

    def replicas(self, deployment: str) -> list[int]:
        """The processes of a deployment of this cloud, and of no other on this machine."""
        pattern = f"^ray::ServeReplica:splitwire:{deployment}"
        found = subprocess.run(
            ["pgrep", "-f", pattern], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split() if self._is_ours(pid)]

    def _is_ours(self, pid: str) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == self._folder.resolve()
        except OSError:  # it has just ended
            return False

    def stop(self) -> int:
        """End it as an init system does; its exit status."""
        self._process.terminate()
        return self._process.wait(120)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)


@contextmanager
def ray_cloud(folder: Path, told: str) -> Iterator[RayCloud]:
    """A cloud on Ray Serve once it serves, until the context ends."""
    cloud = RayCloud(folder, told)
    try:
        cloud.event("serving")
        yield cloud
    except BaseException:
        cloud.stop()
        raise
    assert cloud.stop() == 0


class Crowd:
    """Clients that each send frame after frame, and what became of every frame.

    Args:
        address: of the cloud.
        hello: what each agrees on.
        packet: what each sends.
        headers: of each connection.

    Attributes:
        fates: frames by what became of them: answered; refused, by code; parted, where the cloud
            said that it leaves, upon which an edge falls back; unheard, where it said nothing. And
            connections that were turned away.
        twice: replies to a frame that had one.
        wrong: answers that tell something else than the first.
        seconds: of each answered frame, from its sending to its answer.
        clouds: seconds of the batches that they ran in, as their answers say.
    """

    def __init__(
        self, address: str, hello: Hello, packet: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self._url = address.replace("http", "ws", 1) + PATH
        self._hello, self._packet = hello, packet
        self._options: dict[str, Any] = {"compression": None, "proxy": None}
        self._options["additional_headers"] = headers or {}
        self.fates: Counter[str] = Counter()
        self.twice = self.wrong = self.sent = 0
        self.classes: list[int] | None = None
        self.seconds: list[float] = []
        self.clouds: list[float] = []
        self.stopped = False

    async def run(self, clients: int) -> None:
        """Let so many clients send until `stopped`."""
        await asyncio.gather(*(self._client() for _ in range(clients)))

    async def _client(self) -> None:
        while not self.stopped:
            try:
                async with connect(self._url, **self._options) as socket:
                    await socket.send(self._hello.text())
                    Welcome.read(str(await socket.recv()))
                    await self._frames(socket)
            except (OSError, WebSocketException, TimeoutError):
                self.fates["turned away"] += 0 if self.stopped else 1
                await asyncio.sleep(0.2)

    async def _frames(self, socket: Any) -> None:
        number, heard = 0, set[int]()
        while not self.stopped:
            number, begin = number + 1, monotonic()
            await socket.send(Frame(0, number, 30.0, self._packet).message())
            self.sent += 1
            try:
                reply = read_reply(await socket.recv())
            except ConnectionClosed as error:
                went = error.rcvd is not None and error.rcvd.code == _GOING_AWAY
                self.fates["parted" if went else "unheard"] += 1
                raise
            self.twice += reply.id in heard or reply.id != number
            heard.add(reply.id)
            if isinstance(reply, Answer):
                self.fates["answered"] += 1
                self.seconds.append(monotonic() - begin)
                self.clouds.append(reply.cloud)
                classes = json.loads(reply.body)["classes"]
                self.classes = self.classes or classes
                self.wrong += classes != self.classes
            else:
                self.fates[reply.code.name.lower()] += 1
                await asyncio.sleep(_HERE)
