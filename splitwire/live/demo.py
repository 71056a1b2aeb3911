"""The demonstration: the page's own edge, so that all three ways can be compared on one screen.

    browser ─ picture ─▶ edge (here, as slow as a phone) ─ slowed link ─▶ cloud (a process)

Over the WebSocket `/edge` the page sends its choices as JSON and pictures as files; for every
picture it gets a JSON object of what was measured.
"""

import asyncio
import base64
import io
import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from types import FrameType
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from splitwire import kernels
from splitwire.calibrate.packaged import with_shipped_profile
from splitwire.codecs.base import Tensor
from splitwire.codecs.registry import codec
from splitwire.errors import DataError, RemoteError, SplitwireError
from splitwire.live import loops
from splitwire.live.access import Access
from splitwire.live.connection import Address, Uplink
from splitwire.live.edge import Edge, Record, Setting
from splitwire.live.library import Library
from splitwire.live.pages import pages, picture_sizes
from splitwire.live.relay import Relay
from splitwire.models.load import Model
from splitwire.models.split import cut_points
from splitwire.runner.link import Trace
from splitwire.runner.local import decode

CODECS = {
    "ftc": ("quality", (39, 45, 51, 58)),
    "jpeg": ("quality", (20, 50, 80, 95)),
    "hevc": ("qp", (40, 32, 24, 16)),
    "av1": ("qp", (52, 40, 24, 8)),
    "ecsq": ("levels", (4, 8, 16, 32)),
    "rans": ("bits", (3, 4, 5, 6)),
    "raw": ("bits", (2, 4, 6, 8)),
}
"""The codecs on offer: the parameter that is their quality, and its values from coarse to fine."""

LINKS = {
    "3 MB/s, 5 ms": (3e6, 0.005),
    "450 KB/s, 5 ms": (450e3, 0.005),
    "100 KB/s, 40 ms": (100e3, 0.04),
    "not slowed": (1e9, 0.0),
}
"""Upload rate (bytes a second) and round trip (s)."""

CLOUD_ONLY = "picture:format=jpeg,quality=90"
_LARGEST_PICTURE = 4096 * 4096
_DEADLINE = 30.0
_STRIP_EVERY = 8  # pictures between measurements of the two other ways


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Choice:
    """What the page has selected."""

    model: str
    split: str
    codec: str
    link: str = Field(pattern="|".join(LINKS))


@dataclass(frozen=True)
class Demo:
    """The page's server side.

    Args:
        library: the networks of the edge.
        address: of the cloud.
        slowness: how many times slower than this machine the edge is to be.
        access: who may use it.
    """

    library: Library
    address: Address
    slowness: float = 1.0
    access: Access = field(default_factory=Access)

    def about(self) -> dict[str, Any]:
        """What there is to choose from."""
        return {
            "splits": {name: split_names(model) for name, model in self.library.models.items()},
            "codecs": {
                name: [f"{name}:{key}={value}" for value in values]
                for name, (key, values) in CODECS.items()
            },
            "links": list(LINKS),
            "slowness": self.slowness,
        }

    def serve_forever(self, port: int, said: Callable[[str], None]) -> None:
        """Serve the page on loopback until a signal; `said` is told its address."""
        models = list(self.library.models.values())
        about = {**self.about(), "sizes": picture_sizes(models)}
        routes = [WebSocketRoute("/edge", self.serve), *pages(models, self.access, about)]
        listening = socket.create_server(("127.0.0.1", port))
        said(f"http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_level="warning",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        loops.run(_Server(config).serve([listening]), emulated=True)

    async def serve(self, page: WebSocket) -> None:
        """One page."""
        if self.access.refusal(page.headers):
            await page.close()
            return
        await page.accept()
        session = _Session(self)
        try:
            await session.run(page)
        except WebSocketDisconnect:
            pass
        finally:
            await session.close()


class _Server(uvicorn.Server):
    """A server that only stops at a signal; raising it anew would leave the cloud behind."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True


class CloudProcess:
    """A cloud in a process of its own, on loopback; as a context, its address."""

    def __init__(self, model: str, weights: str) -> None:
        command = [sys.executable, "-m", "splitwire", "cloud", "--port", "0"]
        self._command = [*command, "--model", model, "--weights", weights]

    def __enter__(self) -> Address:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            said = json.loads(line) if line.startswith("{") else {"event": line}
            if said["event"] == "listening":
                # What it logs from here on is read, or its pipe would fill and stop it.
                Thread(target=deque, args=(self._process.stderr, 0), daemon=True).start()
                return Address(said["address"])
        raise RemoteError(f"the cloud did not start: {said['event']}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


class _Session:
    """A page's choice, and the edge that follows it."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._close: list[Callable[[], Any]] = []
        self._count = 0
        self._strip: dict[str, Any] = {}

    async def run(self, page: WebSocket) -> None:
        """Answer message after message; an error is an answer too."""
        while True:
            message = await page.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("text") is not None:
                    await self._choose(message["text"])
                    said: dict[str, Any] = {"chosen": True}
                else:
                    said = await self._picture(message["bytes"])
            except (SplitwireError, ValidationError) as error:
                said = {"error": str(error).splitlines()[0]}
            await page.send_text(json.dumps(said))

    async def close(self) -> None:
        """Let go of the link."""
        for close in reversed(self._close):
            if asyncio.iscoroutine(waiting := close()):
                await waiting
        self._close = []

    async def _choose(self, text: str) -> None:
        choice = TypeAdapter(Choice).validate_json(text)
        await self.close()
        library = self._demo.library
        if choice.model not in library.models:
            raise RemoteError(f"no model {choice.model!r} here")
        self._model = model = library.models[choice.model]
        loop = asyncio.get_running_loop()

        def cut(at: str, spec: str | None) -> Setting:
            halves = library.split(model, at)
            if spec is None:
                return Setting(halves, "none", [])
            made = with_shipped_profile(codec(spec), model.name, model.digest, at)
            return Setting(halves, spec, [made] * len(halves.crossings))

        ways = (("shared", choice.split, choice.codec), ("edge only", "output", None))
        made = {name: await loop.run_in_executor(None, cut, *way) for name, *way in ways}
        made["cloud only"] = await loop.run_in_executor(None, cut, "input", CLOUD_ONLY)
        await self._connect(made, *LINKS[choice.link])

    async def _connect(self, ways: dict[str, Setting], rate: float, rtt: float) -> None:
        relay = Relay(self._demo.address.target, Trace.constant(rate), rtt)
        via = await relay.open()
        self._close.append(relay.close)
        hellos = [hello for way in ways.values() if (hello := way.hello)]
        uplink = Uplink(replace(self._demo.address, via=via), hellos)
        await uplink.open()
        self._close.append(uplink.close)
        keeping = asyncio.create_task(uplink.keep())
        self._close.append(keeping.cancel)
        self._ways, self._now = ways, ways["shared"]
        self._edge = Edge(uplink, lambda: self._now, _DEADLINE, 1, self._demo.slowness)
        self._close.append(self._edge.close)
        self._count = 0

    async def _picture(self, data: bytes) -> dict[str, Any]:
        if not self._close:
            raise DataError("choose first")
        loop = asyncio.get_running_loop()
        x = await loop.run_in_executor(None, self._prepared, data)
        names = ["shared"]
        if self._count % _STRIP_EVERY == 0:
            names = ["shared", "edge only", "cloud only", "shared"]  # the first one warms up
        self._count += 1
        for name in names:
            self._now = self._ways[name]
            record = await self._edge.frame("picture", x)
            self._strip[name] = _shown(record)
        mosaic = await loop.run_in_executor(None, _mosaic, record)
        return {**self._strip["shared"], "strip": self._strip, "mosaic": mosaic}

    def _prepared(self, data: bytes) -> Tensor:
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                if picture.width * picture.height > _LARGEST_PICTURE:
                    raise DataError("the picture is larger than 4096 × 4096")
                return self._model.preprocess.picture(picture.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"no picture that can be read: {error}") from error


def split_names(model: Model) -> list[str]:
    """Where a person would cut: outputs of outer modules that are one map, in order."""
    points = cut_points(model)
    return [
        point.name
        for point in points
        if point.module
        and point.name.count(".") <= 1
        and len(point.crossings) == 1
        and len(point.crossings[0].shape) == 4
    ]


def _mosaic(record: Record) -> str:
    """The first crossing tensor as the cloud has it: its channels side by side, as a PNG."""
    setting = record.setting
    tensor = decode(record.packet, setting.codecs, setting.split.crossings)[0]
    planes = tensor.reshape(-1, *tensor.shape[-2:]).float().numpy()
    low, high = (float(v) for v in np.percentile(planes, [1, 99]))
    codes = kernels.quantize_tile(planes, low, max(high, low + 1e-6))
    file = io.BytesIO()
    Image.fromarray(codes).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _shown(record: Record) -> dict[str, Any]:
    """A record as the page takes it; milliseconds."""
    scores: Sequence[float] = ()
    if len(record.logits):
        powers = np.exp(record.logits - record.logits.max())
        scores = (powers / powers.sum()).tolist()
    return {
        "outcome": record.outcome,
        "reason": record.reason,
        "bytes": record.bytes,
        "stages": {name: 1e3 * seconds for name, seconds in record.seconds.items()},
        "total": 1e3 * record.total,
        "classes": record.classes.tolist(),
        "scores": scores,
    }
