"""A page of the demonstration: its selection, and the edge that follows it."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from starlette.websockets import WebSocket

from splitwire import kernels
from splitwire.codecs.base import Decoder, Tensor
from splitwire.data.pictures import rgb
from splitwire.errors import DataError, SplitwireError
from splitwire.live.drive import Drive
from splitwire.live.edge import Edge
from splitwire.live.handshake import Name, fault
from splitwire.live.offers import LINKS
from splitwire.live.protocol import REASON_CHARACTERS, TEXT_BYTES
from splitwire.live.record import Record
from splitwire.live.shown import shown
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, AnyChoice, Way
from splitwire.runner.local import decode_arrays
from splitwire.runner.packet import split

_LARGEST_PICTURE = 4096 * 4096
_COMPARED: tuple[Way, ...] = (SHARED, EDGE_ONLY, CLOUD_ONLY)  # on every picture


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Selection:
    """What the page has selected."""

    model: Name
    split: Name
    codec: Name
    link: str = Field(pattern=rf"\A(?:{'|'.join(map(re.escape, LINKS))})\z")
    camera: bool = False  # whether pictures follow each other: one that does not builds on none


@dataclass(eq=False)
class Session:
    """A page's selection, and the edge that follows it.

    Args:
        drive: how the edge is to run for a selection: in any of the three ways, the shared one
            first.
    """

    drive: Callable[[Selection], Drive]
    _open: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _edge: Edge | None = field(default=None, init=False)
    _choices: dict[Way, AnyChoice] = field(default_factory=dict, init=False)
    _decoders: Sequence[Decoder] = field(default=(), init=False)
    _camera: bool = field(default=False, init=False)
    _warm: bool = field(default=False, init=False)

    async def run(self, page: WebSocket) -> None:
        """Answer message after message; an error is an answer too."""
        while True:
            message = await page.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("text") is not None:
                    await self._select(message["text"])
                    said: dict[str, Any] = {"chosen": True}
                else:
                    said = await self._picture(message["bytes"])
            except ValidationError as error:
                said = {"error": f"no selection: {fault(error)}"}
            except SplitwireError as error:
                said = {"error": shown(" ".join(str(error).split()), REASON_CHARACTERS)}
            await page.send_text(json.dumps(said))

    async def close(self) -> None:
        """Let go of the link."""
        self._edge = None
        await self._open.aclose()

    async def _select(self, text: str) -> None:
        if len(text) > TEXT_BYTES:
            raise DataError(f"a text of {len(text)} characters: {TEXT_BYTES} at most")
        selection = TypeAdapter(Selection).validate_json(text)
        loop = asyncio.get_running_loop()
        drive = await loop.run_in_executor(None, self.drive, selection)
        opened = AsyncExitStack()
        edge = await opened.enter_async_context(drive.edge())
        await self.close()  # not before: a selection that fails leaves the one before it running
        self._open, self._edge = opened, edge
        self._choices = {choice.way: choice for choice in drive.choices}
        self._decoders = [codec.decoder() for codec in self._choices[SHARED].codecs]
        self._camera, self._warm = selection.camera, False

    async def _picture(self, data: bytes) -> dict[str, Any]:
        if self._edge is None:
            raise DataError("choose first")
        loop = asyncio.get_running_loop()
        x = await loop.run_in_executor(None, self._prepared, data)
        if not self._warm:
            await self._edge.frame("picture", x, self._choices[SHARED])
        if not (self._warm and self._camera):
            self._edge.refresh()
        self._warm = True
        records = {w: await self._edge.frame("picture", x, self._choices[w]) for w in _COMPARED}
        strip, shared = {way: _shown(record) for way, record in records.items()}, records[SHARED]
        mosaics = await loop.run_in_executor(None, self._mosaics, shared) if shared.packet else []
        return {**strip[SHARED], "strip": strip, "mosaics": mosaics}

    def _prepared(self, data: bytes) -> Tensor:
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                if picture.width * picture.height > _LARGEST_PICTURE:
                    raise DataError("the picture is larger than 4096 × 4096")
                model = self._choices[SHARED].split.model
                return model.preprocess.picture(rgb(picture))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"no picture that can be read: {error}") from error

    def _mosaics(self, record: Record) -> list[str]:
        """Each crossing tensor as the cloud has it, to be seen."""
        shapes = [crossing.shape for crossing in record.choice.split.crossings]
        return [_drawn(x) for x in decode_arrays(record.packet, self._decoders, shapes)]


def _drawn(tensor: Tensor) -> str:
    """A crossing tensor, its channels side by side, as a PNG."""
    planes = tensor.reshape(-1, *tensor.shape[-2:])
    low, high = (float(v) for v in np.percentile(planes, [1, 99]))
    codes = kernels.quantize_tile(planes, low, max(high, low + 1e-6))
    file = io.BytesIO()
    Image.fromarray(codes).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _shown(record: Record) -> dict[str, Any]:
    """A record as the page takes it; milliseconds."""
    return {
        "outcome": record.outcome,
        "reason": record.reason,
        "bytes": record.bytes,
        "streams": [len(stream) for stream in split(record.packet)] if record.packet else [],
        "intra": record.intra,
        "stages": {name: 1e3 * seconds for name, seconds in record.seconds.items()},
        "total": 1e3 * record.total,
        "prediction": record.prediction,
    }
