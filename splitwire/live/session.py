"""A page of the demonstration: its selection, and the edge that follows it."""

import asyncio
import base64
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from starlette.websockets import WebSocket, WebSocketDisconnect

from splitwire import kernels
from splitwire.codecs.base import Decoder, Tensor
from splitwire.data.pictures import rgb
from splitwire.errors import DataError, SplitwireError
from splitwire.live.drive import Drive
from splitwire.live.edge import Edge
from splitwire.live.handshake import Name, fault
from splitwire.live.protocol import REASON_CHARACTERS, TEXT_BYTES
from splitwire.live.record import Record
from splitwire.live.shown import shown
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, AnyChoice, Way
from splitwire.runner.link import Trace
from splitwire.runner.local import decode_arrays
from splitwire.runner.packet import split

_LARGEST_PICTURE = 4096 * 4096
_COMPARED: tuple[Way, ...] = (SHARED, EDGE_ONLY, CLOUD_ONLY)
IN_FLIGHT, EVERY = 3, 10
"""Pictures of a camera that are under way at once, and of which one is run in all three ways."""

_Ran = dict[Way, Record] | None


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Selection:
    """What the page has selected."""

    model: Name
    split: Name
    codec: Name
    rate: float = Field(gt=0, le=1e9)  # bytes a second of the slowed link
    camera: bool = False  # whether pictures follow each other: one that does not builds on none

    def at(self, rate: float) -> "Selection":
        """The same at another rate."""
        return replace(self, rate=rate)


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
    _selected: Selection | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)  # pictures of a camera
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def run(self, page: WebSocket) -> None:
        """Answer message after message, in order; an error is an answer too.

        Pictures of a camera are several at once under way. What changes the selection, or is
        compared with the other ways, waits until it is alone.
        """
        # Beside those in the queue one is being told of, and one waits to join them.
        under_way: asyncio.Queue[asyncio.Task[_Ran] | None] = asyncio.Queue(IN_FLIGHT - 2)
        sending = asyncio.create_task(self._send(page, under_way))
        try:
            while (message := await page.receive())["type"] != "websocket.disconnect":
                alone = self._is_alone(message)
                if alone:
                    await under_way.join()
                ran = asyncio.create_task(self._run(message, alone))
                await under_way.put(ran)
                if alone:
                    await under_way.join()
            await under_way.put(None)
            await sending
        finally:
            sending.cancel()

    def _is_alone(self, message: Mapping[str, Any]) -> bool:
        """Whether nothing else may be under way: all but most of a camera's pictures."""
        if message.get("text") is not None or not (self._camera and self._warm):
            return True
        self._seen += 1
        return self._seen % EVERY == 0

    async def _send(
        self, page: WebSocket, under_way: "asyncio.Queue[asyncio.Task[_Ran] | None]"
    ) -> None:
        """Say what came of each message, in their order."""
        while (ran := await under_way.get()) is not None:
            try:
                said = await self._told(await ran)
            except ValidationError as error:
                said = {"error": f"no selection: {fault(error)}"}
            except SplitwireError as error:
                said = {"error": shown(" ".join(str(error).split()), REASON_CHARACTERS)}
            except Exception as error:  # of any kind: the page is told, and can go on
                logging.getLogger(__name__).exception("a frame of the page failed")
                said = {"error": f"the edge failed: {type(error).__name__}"}
            with suppress(WebSocketDisconnect, RuntimeError):  # the page has gone
                await page.send_text(json.dumps(said))
            under_way.task_done()

    async def _run(self, message: Mapping[str, Any], alone: bool) -> _Ran:
        """What came of a picture, by way; None of a selection."""
        if message.get("text") is not None:
            await self._select(message["text"])
            return None
        return await self._picture(message["bytes"], alone)

    async def close(self) -> None:
        """Let go of the link."""
        self._edge = None
        await self._open.aclose()

    async def _select(self, text: str) -> None:
        if len(text) > TEXT_BYTES:
            raise DataError(f"a text of {len(text)} characters: {TEXT_BYTES} at most")
        selection = TypeAdapter(Selection).validate_json(text)
        if self._edge and self._selected and selection.at(self._selected.rate) == self._selected:
            assert self._edge.uplink.relay is not None
            self._edge.uplink.relay.trace = Trace.constant(selection.rate)
            self._selected = selection
            return
        loop = asyncio.get_running_loop()
        drive = await loop.run_in_executor(None, self.drive, selection)
        opened = AsyncExitStack()
        edge = await opened.enter_async_context(drive.edge())
        await self.close()  # not before: a selection that fails leaves the one before it running
        self._open, self._edge, self._selected = opened, edge, selection
        self._choices = {choice.way: choice for choice in drive.choices}
        self._decoders = [codec.decoder() for codec in self._choices[SHARED].codecs]
        self._camera, self._warm, self._seen = selection.camera, False, 0

    async def _picture(self, data: bytes, alone: bool) -> dict[Way, Record]:
        """The records of a picture: in all three ways where it is alone, or shared."""
        if self._edge is None:
            raise DataError("choose first")
        loop = asyncio.get_running_loop()
        async with self._opening:  # or a small picture would overtake the large one before it
            x = await loop.run_in_executor(None, self._prepared, data)
        if not self._warm:
            await self._edge.frame("picture", x, self._choices[SHARED])
        if not (self._warm and self._camera):
            self._edge.refresh()
        self._warm = True
        ways = _COMPARED if alone else _COMPARED[:1]
        return {way: await self._edge.frame("picture", x, self._choices[way]) for way in ways}

    async def _told(self, records: _Ran) -> dict[str, Any]:
        """What the page is told of a picture, or of a selection."""
        if records is None:
            return {"chosen": True}
        loop, shared = asyncio.get_running_loop(), records[SHARED]
        far = await loop.run_in_executor(None, self._divergences, records)
        strip = {way: _shown(record) | {"divergence": far[way]} for way, record in records.items()}
        mosaics = await loop.run_in_executor(None, self._mosaics, shared) if shared.packet else []
        compared = {"strip": strip} if len(records) > 1 else {}
        return {**strip[SHARED], **compared, "mosaics": mosaics}

    def _divergences(self, records: dict[Way, Record]) -> dict[Way, float | None]:
        """How far each output is from the uncompressed network's, where both are known."""
        assert self._edge is not None
        whole = records[EDGE_ONLY].output if EDGE_ONLY in records else None
        found: dict[Way, float | None] = dict.fromkeys(records)
        for way, record in records.items() if whole is not None else ():
            if record.output is not None:
                with suppress(Exception):  # of any kind: the task may be a user's own
                    found[way] = float(self._edge.task.divergence(whole, record.output))
        return found

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
