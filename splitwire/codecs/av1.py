"""`av1`: the mosaic as AV1 by SVT-AV1, decoded by dav1d."""

import os
from collections.abc import Mapping
from typing import ClassVar

from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.codecs.units import obu_types
from splitwire.codecs.video import Claims, VideoCodec

_FRAME_HEADERS = (3, 6)

# SVT-AV1 writes its configuration to stderr for every encoder, and an "error" for every sequence
# that is not flushed at its end; what fails comes back as FFmpeg's error all the same.
os.environ.setdefault("SVT_LOG", "0")


@register_codec
class Av1(VideoCodec):
    """AV1 at a constant quantisation parameter. The encoder knows no grey: chroma is neutral.

    Attributes:
        qp: quantisation parameter.
        preset: speed against rate, in SVT-AV1's numbers: 0 slowest, 13 fastest.
    """

    name: ClassVar[str] = "av1"
    ffmpeg_encoder: ClassVar[str] = "libsvtav1"
    ffmpeg_decoder: ClassVar[str] = "libdav1d"
    pixel_format: ClassVar[str] = "yuv420p"
    block: ClassVar[int] = 8
    smallest: ClassVar[int] = 64
    largest: ClassVar[int] = 8192

    qp: int = parameter(32, "quantisation parameter; smaller is finer", low=1, high=63)
    preset: int = parameter(8, "SVT-AV1's preset", low=0, high=13)

    def options(self) -> Mapping[str, str]:
        """What the encoder is told."""
        quality = "lossless=1" if self.lossless else f"rc=0:qp={self.qp}"
        off = "" if self.filters else ":enable-dlf=0:enable-cdef=0:enable-restoration=0"
        return {
            "preset": str(self.preset),
            "svtav1-params": f"{quality}:aq-mode=0:lp=1:pred-struct=1:keyint=-1:scd=0{off}",
        }

    def claims(self, packet: bytes, chroma: int = 0) -> Claims:
        """How many pictures, and which sizes."""
        # Sizes are left to dav1d: it holds max_pixels against the frame as coded.
        return sum(kind in _FRAME_HEADERS for kind in obu_types(packet)), []
