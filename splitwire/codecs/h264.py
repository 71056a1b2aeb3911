"""`h264`: the mosaic as H.264 (ITU-T H.264) by libx264."""

from collections.abc import Mapping
from typing import ClassVar

from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.codecs.video import VideoCodec

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

_START_CODE = b"\0\0\1"
_SEI = 6


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

    def _options(self) -> Mapping[str, str]:
        return {
            "qp": "0" if self.lossless else str(self.qp),
            "preset": self.preset,
            "tune": "zerolatency",
            "x264-params": "no-psy=1:keyint=infinite:scenecut=0:force-cfr=1",
        }

    def _packet(self, data: bytes) -> bytes:
        # libx264 prepends 700 bytes of its settings as text, in a supplemental message (SEI).
        units = data.split(_START_CODE)
        return _START_CODE.join(unit for unit in units if not unit or unit[0] & 31 != _SEI)
