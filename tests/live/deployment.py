"""Clouds in processes of their own, and hand-made clients, for the tests of the live path."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from time import monotonic
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from websockets.sync.client import ClientConnection, connect

from splitwire.live.protocol import PATH, Answer, Frame, Hello, Refusal, Welcome, read_reply

NET = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

class Logarithm(nn.Module):
    def forward(self, x):
        return x.log()

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")

def small():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 8, 3, 2), nn.Flatten(), nn.Linear(392, 10)
    )
    return network, HOW

def negative_is_nan():
    return nn.Sequential(nn.Identity(), Logarithm(), nn.Flatten(), nn.Linear(3072, 10)), HOW

def no_classifier():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2)), HOW
"""
PATIENCE = 90.0  # seconds for a process to start on a busy machine; nothing is asserted on it


@dataclass
class CloudProcess:
    """`splitwire cloud` as a user runs it."""

    process: subprocess.Popen[str]
    lines: "Queue[str]"

    def event(self, name: str, **about: Any) -> dict[str, Any]:
        """The next log entry of that name and content; what comes before it is passed over."""
        end = monotonic() + PATIENCE
        while True:
            said = json.loads(self.lines.get(timeout=max(0.1, end - monotonic())))
            if said["event"] == name and all(said.get(k) == v for k, v in about.items()):
                return dict(said)

    def stop(self) -> int:
        """End it as an init system does; its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def start_cloud(folder: Path, *arguments: str, model: str = "net.py:small") -> CloudProcess:
    """A cloud that runs in `folder`, where net.py is."""
    (folder / "net.py").write_text(NET, encoding="utf-8")
    command = [sys.executable, "-m", "splitwire", "cloud", "--model", model, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    lines: Queue[str] = Queue()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.put(line)

    Thread(target=read, daemon=True).start()
    return CloudProcess(process, lines)


def dial(address: str, **options: Any) -> ClientConnection:
    """A WebSocket to a cloud."""
    url = address.replace("http", "ws", 1) + PATH
    return connect(url, compression=None, proxy=None, max_size=None, **options)


def fetch(address: str, headers: dict[str, str] | None = None) -> str:
    """The page at an address, with no proxy in between whatever the environment says."""
    with build_opener(ProxyHandler({})).open(Request(address, headers=headers or {})) as page:
        return str(page.read().decode())


def agree(socket: ClientConnection, **changes: Any) -> Welcome:
    """Say hello; the welcome, or RemoteError."""
    asked = {"model": "net.py:small", "split": "1", "codec": "raw:dtype=float32", **changes}
    socket.send(Hello(**asked).text())
    return Welcome.read(str(socket.recv(PATIENCE)))


def ask(
    socket: ClientConnection, packet: bytes, number: int = 1, agreement: int = 0, **frame: Any
) -> Answer | Refusal:
    """Send a frame and wait for what is said of it."""
    socket.send(Frame(agreement, number, frame.get("patience", PATIENCE), packet).message())
    reply = read_reply(socket.recv(PATIENCE))
    assert isinstance(reply, Answer | Refusal)
    assert reply.id == number
    return reply
