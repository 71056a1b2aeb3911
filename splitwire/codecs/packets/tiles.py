"""Tiles of 8-bit codes in packets, plain or as JPEG, with concealment of what is lost.

DFTS2 (arXiv:2112.00794) puts a few rows of one channel into a packet. Here rows of several
channels that lie far apart share one, so that a packet is not all header; what a lost packet
takes with it stays the same few rows of a channel, with their neighbours in others. Clip
range and mean of each channel are learnt beforehand and need not travel.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.finite import check_finite
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.packets.base import PacketCodec
from splitwire.codecs.packets.conceal import CONCEALMENTS
from splitwire.codecs.packets.framing import seal, unseal
from splitwire.codecs.pillow import read_picture, write_picture
from splitwire.errors import BitstreamError, CodecError, did_you_mean

Codes = NDArray[np.uint8]
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # markers of JPEG


@dataclass(frozen=True, eq=False)
class TilePackets(PacketCodec):
    """Rows of 8-bit codes as they are.

    Attributes:
        bounds: the clip range, one pair.
        mean: of each channel, float32 (C,), from which concealment starts.
        shape: of the tensors.
        rows: of a channel in a packet.
        channels: in a packet.
        conceal: how what is lost is made up; see conceal.py.
    """

    kind: ClassVar[int] = 2
    bounds: ClipRange = field(kw_only=True)
    mean: NDArray[np.float32] = field(kw_only=True)
    shape: tuple[int, ...] = field(kw_only=True)
    rows: int = field(kw_only=True)
    channels: int = field(kw_only=True)
    conceal: str = field(kw_only=True, default="nearest")

    def __post_init__(self) -> None:
        if self.conceal not in CONCEALMENTS:
            known = ", ".join(CONCEALMENTS)
            hint = did_you_mean(self.conceal, CONCEALMENTS)
            raise CodecError(f"unknown concealment {self.conceal!r}{hint}; there are: {known}")

    def packets(self, x: ArrayLike, frame: int = 0) -> list[bytes]:
        """See PacketCodec."""
        tensor = np.asarray(x, np.float32)
        if tensor.shape != self.shape:
            raise CodecError(f"a tensor of shape {tensor.shape} instead of {self.shape}")
        check_finite("tiles", tensor)
        codes = kernels.quantize(np.ascontiguousarray(to_planes(tensor)), *self.bounds.pair)
        bodies = [self._coded(codes[group, rows]) for group, rows in self._places()]
        return seal(bodies, self.kind, self._context, frame)

    def assemble(self, packets: Iterable[bytes]) -> Tensor:
        """See PacketCodec."""
        return self.concealed(*self.arrived(packets))

    def arrived(self, packets: Iterable[bytes]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Planes less their means, zeros where nothing arrived, and where something did."""
        places = list(self._places())
        count, bodies = unseal(packets, self.kind, self._context)
        if count not in (0, len(places)):
            raise BitstreamError(f"damaged packets of tiles: {count} instead of {len(places)}")
        planes = np.zeros(planes_shape(self.shape), np.float32)
        known = np.zeros(planes.shape, np.bool_)
        for at, body in bodies.items():
            group, rows = places[at]
            shape = known[group, rows].shape
            codes = self._uncoded(body, (shape[0], shape[1], shape[2]))
            decoded = kernels.dequantize(codes, *self.bounds.pair)
            planes[group, rows] = decoded - self.mean[group, None, None]
            known[group, rows] = True
        return planes, known

    def concealed(self, planes: NDArray[np.float32], known: NDArray[np.bool_]) -> Tensor:
        """The tensor of what `arrived` gives."""
        made = planes if known.all() else CONCEALMENTS[self.conceal](planes, known)
        return from_planes(made + self.mean[:, None, None], self.shape)

    def _places(self) -> Iterator[tuple[slice, slice]]:
        """Channels and rows of each packet."""
        count, height, _ = planes_shape(self.shape)
        apart = -(-count // self.channels)
        for first in range(apart):
            for row in range(0, height, self.rows):
                yield slice(first, None, apart), slice(row, row + self.rows)

    def _coded(self, codes: Codes) -> bytes:
        """The body of codes (channels, rows, W)."""
        return codes.tobytes()

    def _uncoded(self, body: memoryview, shape: tuple[int, int, int]) -> Codes:
        """Codes of that shape."""
        codes = np.frombuffer(body, np.uint8)
        if codes.size != np.prod(shape):
            raise BitstreamError(f"damaged packet of tiles: {codes.size} codes for shape {shape}")
        return codes.reshape(shape)

    @property
    def _context(self) -> bytes:
        pieces = f"{self.shape} {self.rows} {self.channels}".encode()
        return self.bounds.to_bytes() + self.mean.tobytes() + pieces


@dataclass(frozen=True, eq=False)
class JpegPackets(TilePackets):
    """Each packet's rows side by side as a small JPEG, less the header: it is the same for all.

    Attributes:
        quality: the usual scale of quantisation tables.
    """

    kind: ClassVar[int] = 3
    quality: int = field(kw_only=True, default=75)

    def _coded(self, codes: Codes) -> bytes:
        file = self._file(np.hstack(list(codes)))
        return file[self._begin(file) : -len(_END)]

    def _uncoded(self, body: memoryview, shape: tuple[int, int, int]) -> Codes:
        count, height, width = shape
        blank = self._file(np.zeros((height, count * width), np.uint8))
        file = memoryview(b"".join((blank[: self._begin(blank)], body, _END)))
        frame = read_picture(file, "JPEG", "L", height, count * width)
        return np.stack(np.hsplit(frame, count))

    def _file(self, frame: Codes) -> bytes:
        return write_picture(frame, "JPEG", optimize=False, quality=self.quality)

    def _begin(self, file: bytes) -> int:
        """Where the coded blocks begin: behind the header of the one scan."""
        at = file.index(_SCAN) + len(_SCAN)
        return at + int.from_bytes(file[at : at + 2], "big")

    @property
    def _context(self) -> bytes:
        return super()._context + bytes([self.quality])
