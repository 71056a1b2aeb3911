"""`hevc`: the mosaic as HEVC (ITU-T H.265) by libx265."""

from collections.abc import Mapping
from typing import ClassVar

from splitwire.codecs.h264 import PRESETS
from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.codecs.units import Bits, nal_units
from splitwire.codecs.video import Claims, VideoCodec

_SLICES = range(32)
_SEQUENCE_PARAMETERS = 33
_FULL_CHROMA = 3


@register_codec
class Hevc(VideoCodec):
    """Grey (4:0:0) HEVC at a constant quantisation parameter, psycho-visual tuning off.

    Attributes:
        qp: quantisation parameter of predicted frames; an intra picture's is 3 below.
        preset: speed against rate, in libx265's words.
    """

    name: ClassVar[str] = "hevc"
    ffmpeg_encoder: ClassVar[str] = "libx265"
    ffmpeg_decoder: ClassVar[str] = "hevc"
    block: ClassVar[int] = 8
    smallest: ClassVar[int] = 16
    largest: ClassVar[int] = 8192

    qp: int = parameter(28, "quantisation parameter; smaller is finer", low=1, high=51)
    preset: str = parameter("medium", "libx265's preset", choices=PRESETS)

    def options(self) -> Mapping[str, str]:
        """What the encoder is told."""
        quality = "lossless=1" if self.lossless else f"qp={self.qp}"
        off = "" if self.filters else ":no-deblock=1:no-sao=1:no-strong-intra-smoothing=1"
        return {
            "preset": self.preset,
            "tune": "zerolatency",
            "x265-params": f"{quality}:psy-rd=0:psy-rdoq=0:aq-mode=0:keyint=-1:scenecut=0:"
            f"info=0:pools=none:frame-threads=1:log-level=none{off}",
        }

    def claims(self, packet: bytes, chroma: int = 0) -> Claims:
        """How many pictures, and which sizes."""
        units = nal_units(packet)
        kinds = [unit[0] >> 1 & 63 for unit in units]
        parameters = [u for u, k in zip(units, kinds, strict=True) if k == _SEQUENCE_PARAMETERS]
        return sum(k in _SLICES for k in kinds), [
            _picture_size(unit, chroma) for unit in parameters
        ]


def _picture_size(unit: bytes, chroma: int) -> tuple[int, int]:
    """Height and width in a sequence parameter set (ITU-T H.265, 7.3.2.2.1), before cropping."""
    bits = Bits(unit)
    bits.number(16 + 4)  # unit header, identifier of the video parameter set
    if bits.number(3):
        raise ValueError("temporal layers")
    bits.number(1 + 96)  # nesting, profile and level
    bits.golomb()  # identifier
    if (found := bits.golomb()) != chroma:
        raise ValueError(f"chroma format {found} instead of {chroma}")
    if chroma == _FULL_CHROMA and bits.number(1):
        raise ValueError("colours coded apart")
    width, height = bits.golomb(), bits.golomb()
    return height, width
