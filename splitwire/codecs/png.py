"""`png`: the mosaic of codes, losslessly, as an 8-bit grey PNG (ISO/IEC 15948)."""

from typing import ClassVar

from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.codecs.pillow import read_picture, write_picture
from splitwire.codecs.registry import register_codec


@register_codec
class Png(MosaicCodec):
    """The codes themselves: the only loss is the quantiser's.

    Attributes:
        bits: bits a code; fewer bits, fewer bytes, coarser steps.
    """

    name: ClassVar[str] = "png"
    exact: ClassVar[bool] = True
    bits: int = parameter(8, "bits a code", low=1, high=8, decoding=True)

    @property
    def depth(self) -> int:
        """Bits a code."""
        return self.bits

    @property
    def code_levels(self) -> int:
        """How many codes there are."""
        return 1 << self.bits

    def _encode_frame(self, frame: Frame) -> bytes:
        return write_picture(frame, "PNG")

    def _decode_frame(self, payload: memoryview, height: int, width: int) -> Frame:
        return read_picture(payload, "PNG", "L", height, width)
