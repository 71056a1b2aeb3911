"""`rans`: uniformly quantised codes at the price of their order-0 entropy, and their table's."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.parameter import parameter
from splitwire.codecs.quantizing import CLIP, QuantizingCodec
from splitwire.codecs.registry import register_codec

_BY_BYTES = b"\0"  # where the length of a packed table stands, which no table has


@register_codec
class Rans(QuantizingCodec):
    """Codes by interleaved static rANS, with one table for all channels.

    With `per=channel` each channel is quantised over a range of its own, so that the table is one
    of standardised channels.

        codes ─▶ counts ─▶ packed table ─▶ [length │ table │ rANS stream of the codes]

    8 bits of a feature tensor are coded by bytes, at three times the speed and the same rate:

        codes ─▶ counts ─▶ tree ─▶ [0 │ tree, plain bits │ rANS stream of leaves]

    Attributes:
        clip: the rule that chooses the range; "laplace" weighs clipping against coarse steps.
        bits: bits a code before entropy coding.
    """

    name: ClassVar[str] = "rans"
    exact: ClassVar[bool] = True
    clip: str = parameter("laplace", CLIP)
    bits: int = parameter(5, "bits a code", low=1, high=8, decoding=True)

    @property
    def code_levels(self) -> int:
        """How many codes there are."""
        return 1 << self.bits

    def _code(self, planes: Tensor, bounds: ClipRange) -> bytes:
        codes = kernels.quantize(planes, *bounds.pair, bits=self.bits)
        counts = kernels.histogram(codes, self.bits)
        if kernels.rans8_suits(counts):
            return _BY_BYTES + kernels.rans8_encode(codes, counts).tobytes()
        table = kernels.pack_frequencies(counts)
        frequencies = kernels.unpack_frequencies(table, 1 << self.bits)
        stream = kernels.rans_encode(codes, frequencies)
        return write_varint(table.size) + table.tobytes() + stream.tobytes()

    def _uncode(
        self, payload: memoryview, shape: tuple[int, int, int], bounds: ClipRange
    ) -> NDArray[np.float32]:
        length, at = read_varint(payload, 0)
        if payload[:at] == _BY_BYTES and self.bits == 8:
            codes = kernels.rans8_decode(payload[at:], shape)
            return kernels.dequantize(codes, *bounds.pair)
        frequencies = kernels.unpack_frequencies(payload[at : at + length], 1 << self.bits)
        codes = kernels.rans_decode(payload[at + length :], frequencies, shape)
        return kernels.dequantize(codes, *bounds.pair, bits=self.bits)
