"""`picture`: the photo itself, for the baseline that sends it and computes all in the cloud."""

from typing import ClassVar

import numpy as np

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.parameter import parameter
from splitwire.codecs.pillow import LONGEST_JPEG_SIDE, can_write, read_picture, write_picture
from splitwire.codecs.registry import register_codec

FORMATS = ("png", "jpeg", "webp", "avif")
_EFFORT = {"webp": {"method": 6}, "avif": {"max_threads": 1}}


@register_codec
class Picture(Codec):
    """An RGB picture file: 3×H×W of numbers 0 to 255, rounded to integers.

    This is what crosses at the split point `input`, where the edge computes nothing.

    Attributes:
        format: "png" (lossless), "jpeg" (4:2:0, as cameras write it), "webp" (lossy) or "avif"
            (4:2:0). The last two where the installed Pillow has them; none has JPEG XL.
        quality: of all but PNG, on a scale of each format's own.
    """

    name: ClassVar[str] = "picture"
    format: str = parameter("png", "file format", choices=FORMATS, decoding=True)
    quality: int = parameter(75, "of all but PNG", low=1, high=100)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Three colour planes of at most 65,500 samples a side, as in JPEG."""
        return len(shape) == 3 and shape[0] == 3 and max(shape) <= LONGEST_JPEG_SIDE

    @property
    def missing(self) -> str:
        """The format, where Pillow lacks it."""
        return "" if can_write(self.format.upper()) else f"{self.format.upper()} in Pillow"

    def _encode(self, x: Tensor) -> bytes:
        pixels = np.rint(x.clip(0, 255)).astype(np.uint8)
        options = _EFFORT.get(self.format, {})
        if self.format != "png":
            options = {"quality": self.quality, **options}
        samples = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        return write_picture(samples, self.format.upper(), **options)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        pixels = read_picture(payload, self.format.upper(), "RGB", *shape[1:])
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
