"""`h264`: the mosaic as H.264 (ITU-T H.264) by libx264."""

from collections.abc import Mapping
from typing import ClassVar

from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.codecs.units import Bits, join_units, nal_units
from splitwire.codecs.video import Claims, VideoCodec

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)

_SLICES = (1, 2, 5)
_SEI = 6
_SEQUENCE_PARAMETERS = 7
_HALF_CHROMA, _FULL_CHROMA = 1, 3
_LOW_PROFILES = (66, 77)  # baseline and main, which know 4:2:0 at 8 bits alone


@register_codec
class H264(VideoCodec):
    """Grey (4:0:0) H.264 at a constant quantisation parameter.

    Psycho-visual tuning is off: nobody looks at feature tensors.

    Attributes:
        qp: quantisation parameter of predicted frames; an intra picture's is 3 below.
        preset: speed against rate, in libx264's words.
    """

    name: ClassVar[str] = "h264"
    ffmpeg_encoder: ClassVar[str] = "libx264"
    ffmpeg_decoder: ClassVar[str] = "h264"
    block: ClassVar[int] = 16
    smallest: ClassVar[int] = 16
    largest: ClassVar[int] = 16384

    qp: int = parameter(28, "quantisation parameter; smaller is finer", low=1, high=51)
    preset: str = parameter("medium", "libx264's preset", choices=PRESETS)

    def options(self) -> Mapping[str, str]:
        """What the encoder is told."""
        off = "" if self.filters else ":no-deblock=1"
        return {
            "qp": "0" if self.lossless else str(self.qp),
            "preset": self.preset,
            "tune": "zerolatency",
            "x264-params": f"no-psy=1:keyint=infinite:scenecut=0:force-cfr=1{off}",
        }

    def packet(self, data: bytes) -> bytes:
        """The encoder's bytes without its settings in words."""
        # libx264 prepends 700 bytes of its settings as text, in a supplemental message (SEI).
        return join_units([unit for unit in nal_units(data) if unit[0] & 31 != _SEI])

    def claims(self, packet: bytes, chroma: int = 0) -> Claims:
        """How many pictures, and which sizes."""
        units = nal_units(packet)
        kinds = [unit[0] & 31 for unit in units]
        parameters = [u for u, k in zip(units, kinds, strict=True) if k == _SEQUENCE_PARAMETERS]
        return sum(k in _SLICES for k in kinds), [
            _picture_size(unit, chroma) for unit in parameters
        ]


def _picture_size(unit: bytes, chroma: int) -> tuple[int, int]:
    """Height and width in a sequence parameter set (ITU-T H.264, 7.3.2.1.1), before cropping."""
    bits = Bits(unit)
    bits.number(8)  # unit header
    profile = bits.number(8)
    bits.number(16)  # constraints, level
    bits.golomb()  # identifier
    found = _HALF_CHROMA if profile in _LOW_PROFILES else bits.golomb()
    if found != chroma:
        raise ValueError(f"chroma format {found} instead of {chroma}")
    if profile not in _LOW_PROFILES:
        _skip_depths(bits, chroma)
    bits.golomb()  # largest frame number
    order = bits.golomb()
    if order == 0:
        bits.golomb()  # largest order count
    elif order != 2:
        raise ValueError("an order of pictures that is not used here")
    bits.golomb()  # reference frames
    bits.number(1)  # gaps in frame numbers
    columns, rows = bits.golomb() + 1, bits.golomb() + 1
    if not bits.number(1):
        raise ValueError("interlaced fields")
    return 16 * rows, 16 * columns


def _skip_depths(bits: Bits, chroma: int) -> None:
    """What the high profiles say of samples."""
    if chroma == _FULL_CHROMA and bits.number(1):
        raise ValueError("colours coded apart")
    bits.golomb()  # bits a luma sample
    bits.golomb()  # bits a chroma sample
    bits.number(1)  # lossless blocks
    if bits.number(1):
        raise ValueError("scaling matrices")
