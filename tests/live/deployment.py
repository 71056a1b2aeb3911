"""Clouds in processes of their own, and hand-made clients, for the tests of the live path."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from time import monotonic
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from forked import Forked
from websockets.sync.client import ClientConnection, connect

from splitwire.live.handshake import Hello, Welcome
from splitwire.live.protocol import PATH, Answer, Frame, Refusal, read_reply

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

def whole():
    return small()[0], Preprocess(32, None, (127.0,) * 3, (128.0,) * 3, "bilinear")

def negative_is_nan():
    return nn.Sequential(nn.Identity(), Logarithm(), nn.Flatten(), nn.Linear(3072, 10)), HOW

def no_classifier():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2)), HOW

class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten())
        self.mean, self.scale = nn.Linear(900, 2), nn.Linear(900, 2)

    def forward(self, x):
        x = self.body(x)
        return {"mean": self.mean(x), "scale": self.scale(x).sigmoid() + 0.1}

def steering():
    return Heads(), HOW

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3, 2), nn.Conv2d(3, 6, 5, 4)
        self.left_head, self.right_head = nn.Linear(900, 10), nn.Linear(294, 10)

    def forward(self, x):
        left, right = self.left(x).relu(), self.right(x)
        return self.left_head(left.flatten(1)) + self.right_head(right.flatten(1))

def branches():
    return Branches(), HOW

def maps():
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Upsample(scale_factor=16.0)), HOW
"""

TASK = """
import torch
from splitwire.errors import TaskError
from splitwire.tasks.base import Task
from splitwire.tasks.metric import Metric

class Steering(Task):
    name = "steering"
    metrics = (Metric("shift", "distance of the means", lambda r, o, t: distance(r, o)),)

    def check(self, output):
        shapes = {name: tuple(value.shape) for name, value in output.items()}
        if shapes != {"mean": (1, 2), "scale": (1, 2)}:
            raise TaskError(f"mean and scale of two numbers expected, not {shapes}")

    def divergence(self, reference, output):
        p, q = normal(reference), normal(output)
        return float(torch.distributions.kl_divergence(p, q).sum())

    def log_likelihood(self, output, random):
        here = normal(output)
        noise = torch.tensor(random.normal(size=(1, 2)), dtype=torch.float32)
        drawn = (here.mean + here.stddev * noise).detach()
        return here.log_prob(drawn).sum()

    def predict(self, output):
        return {name: value[0].tolist() for name, value in output.items()}

def normal(output):
    return torch.distributions.Normal(output["mean"].float(), output["scale"].float())

def distance(reference, output):
    return float((reference["mean"] - output["mean"]).norm())

class Maps(Task):
    name = "maps"

    def check(self, output):
        if output.shape != (1, 8, 240, 240):
            raise TaskError("eight maps expected")

    def divergence(self, reference, output):
        return float((reference - output).square().mean())

    def log_likelihood(self, output, random):
        return -output.square().mean()

    def predict(self, output):
        return {"mean": output.mean().item()}
"""
PATIENCE = 90.0  # seconds for a process to start on a busy machine; nothing is asserted on it


@dataclass
class CloudProcess:
    """`splitwire cloud` as a user runs it."""

    process: Forked
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


def write_files(folder: Path) -> None:
    """net.py, the networks of these tests, and task.py, what one of them gives."""
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "task.py").write_text(TASK, encoding="utf-8")


def start_cloud(
    folder: Path, *arguments: str, models: Sequence[str] = ("net.py:small",)
) -> CloudProcess:
    """A cloud that runs in `folder`, where net.py and task.py are."""
    write_files(folder)
    held = [word for name in models for word in ("--model", name)]
    process = Forked(["cloud", *held, *arguments], folder)
    lines: Queue[str] = Queue()

    def read() -> None:
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
