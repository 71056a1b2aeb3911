"""`jpeg`: the mosaic of 8-bit codes as a grey baseline JPEG (ITU-T T.81)."""

from typing import ClassVar

from splitwire import kernels
from splitwire.codecs.layout import planes_shape
from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.codecs.pillow import LONGEST_JPEG_SIDE, read_picture, write_picture
from splitwire.codecs.registry import register_codec


@register_codec
class Jpeg(MosaicCodec):
    """What every device has. Blocks of 8×8 straddle channels where maps are not multiples of 8.

    Attributes:
        quality: the usual scale of quantisation tables (libjpeg), Huffman tables optimised.
    """

    name: ClassVar[str] = "jpeg"
    block: ClassVar[int] = 8
    quality: int = parameter(75, "JPEG quality", low=1, high=100)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether the mosaic of such a tensor is within JPEG's largest frame."""
        return max(kernels.frame_shape(planes_shape(shape), self.block)) <= LONGEST_JPEG_SIDE

    def _encode_frame(self, frame: Frame) -> bytes:
        return write_picture(frame, "JPEG", quality=self.quality)

    def _decode_frame(self, payload: memoryview, height: int, width: int) -> Frame:
        return read_picture(payload, "JPEG", "L", height, width)
