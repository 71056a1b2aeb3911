"""`picture`: the photo itself, for the baseline that sends it and computes all in the cloud."""

from typing import ClassVar

import numpy as np

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.parameter import parameter
from splitwire.codecs.pillow import LONGEST_JPEG_SIDE, can_write, read_picture, write_picture
from splitwire.codecs.registry import register_codec

FORMATS = ("png", "jpeg", "webp", "avif")
_GREY = ("png", "jpeg")  # those that Pillow writes with one plane; the others get it three times
_EFFORT = {"webp": {"method": 6}, "avif": {"max_threads": 1}}


@register_codec
class Picture(Codec):
    """A picture file, RGB or grey: 3×H×W or 1×H×W of numbers 0 to 255, rounded to integers.

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
        """Three colour planes, or a grey one, of at most 65,500 samples a side, as in JPEG."""
        return len(shape) == 3 and shape[0] in (1, 3) and max(shape) <= LONGEST_JPEG_SIDE

    @property
    def missing(self) -> str:
        """The format, where Pillow lacks it."""
        return "" if can_write(self.format.upper()) else f"{self.format.upper()} in Pillow"

    def _encode(self, x: Tensor) -> bytes:
        pixels = np.rint(x.clip(0, 255)).astype(np.uint8)
        options = _EFFORT.get(self.format, {})
        if self.format != "png":
            options = {"quality": self.quality, **options}
        if self._plane(x.shape):
            samples = pixels[0]
        else:
            planes = np.broadcast_to(pixels, (3, *x.shape[1:]))
            samples = np.ascontiguousarray(planes.transpose(1, 2, 0))
        return write_picture(samples, self.format.upper(), **options)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        mode = "L" if self._plane(shape) else "RGB"
        pixels = read_picture(payload, self.format.upper(), mode, *shape[1:])
        planes = pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)[: shape[0]]
        return np.ascontiguousarray(planes, dtype=np.float32)

    def _plane(self, shape: tuple[int, ...]) -> bool:
        """Whether the file has one plane."""
        return shape[0] == 1 and self.format in _GREY
