"""`jpeg`: the mosaic of 8-bit codes as a grey baseline JPEG (ITU-T T.81)."""

import io
from typing import ClassVar

from PIL import Image

from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.codecs.pillow import read_picture
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

    def _encode_frame(self, frame: Frame) -> bytes:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=self.quality, optimize=True)
        return file.getvalue()

    def _decode_frame(self, payload: memoryview, height: int, width: int) -> Frame:
        return read_picture(payload, "JPEG", "L", height, width)
