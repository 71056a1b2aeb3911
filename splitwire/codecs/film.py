"""`film`: the video itself, for the baseline that sends it and computes all in the cloud."""

from typing import ClassVar

import numpy as np

from splitwire.codecs.av1 import Av1
from splitwire.codecs.base import Tensor
from splitwire.codecs.colour import from_yuv, to_yuv
from splitwire.codecs.ffmpeg import FrameDecoder, FrameEncoder
from splitwire.codecs.h264 import H264
from splitwire.codecs.hevc import Hevc
from splitwire.codecs.parameter import parameter
from splitwire.codecs.predictive import PredictiveCodec
from splitwire.codecs.registry import register_codec
from splitwire.codecs.video import Once, VideoCodec, check_claims
from splitwire.errors import BitstreamError, CodecError

_CODECS: dict[str, type[VideoCodec]] = {codec.name: codec for codec in (H264, Hevc, Av1)}
_BLOCK = 8


@register_codec
class Film(PredictiveCodec):
    """RGB pictures as frames of H.264, HEVC or AV1 at a low delay: 3×H×W of numbers 0 to 255.

    Each frame but the first is predicted from those before and leaves at once. There is no
    psycho-visual tuning: nobody looks.

    Attributes:
        format: "h264" (libx264), "hevc" (libx265) or "av1" (SVT-AV1).
        chroma: "420" (colour at half the height and width) or "444"; SVT-AV1 knows no 4:4:4.
        qp: quantisation parameter, to 63 for AV1, to 51 for the others.
        preset: speed against rate, in the encoder's own words or number; empty for `h264`'s,
            `hevc`'s or `av1`'s default.
    """

    name: ClassVar[str] = "film"
    format: str = parameter("h264", "video format", choices=tuple(_CODECS), decoding=True)
    chroma: str = parameter("420", "4:2:0 or 4:4:4", choices=("420", "444"), decoding=True)
    qp: int = parameter(28, "quantisation parameter; smaller is finer", low=1, high=63)
    preset: str = parameter("", "the encoder's preset")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.format, self.chroma) == ("av1", "444"):
            raise CodecError("film: SVT-AV1 codes no 4:4:4: give chroma=420, or another format")
        self._grey()  # which knows what qp and preset may be

    @property
    def missing(self) -> str:
        """FFmpeg's decoder, where it was built without."""
        return _CODECS[self.format]().missing

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Three colour planes of no more than the encoder's largest frame."""
        largest = _CODECS[self.format].largest
        return len(shape) == 3 and shape[0] == 3 and max(shape) <= largest

    def _encode_next(
        self, x: Tensor, past: Once[FrameEncoder] | None
    ) -> tuple[bytes, Once[FrameEncoder]] | None:
        grey, size = self._grey(), self._coded(x.shape)
        if past is None:
            frames: FrameEncoder | None = FrameEncoder(
                grey.ffmpeg_encoder, size, f"yuv{self.chroma}p", grey.options()
            )
        else:
            frames = past.take()
        if frames is None:  # it failed at a picture before
            return None
        rows, columns = (whole - n for whole, n in zip(size, x.shape[1:], strict=True))
        padded = np.pad(x, ((0, 0), (0, rows), (0, columns)), mode="edge")
        packet = frames.encode(*to_yuv(padded.clip(0, 255), self.chroma == "420"))
        return grey.packet(packet), Once(frames)

    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Once[FrameDecoder] | None
    ) -> tuple[Tensor, Once[FrameDecoder]]:
        grey, size, data = _CODECS[self.format](), self._coded(shape), bytes(payload)
        frames = FrameDecoder(grey.ffmpeg_decoder, size) if past is None else past.take()
        if frames is None:
            raise BitstreamError(f"a {self.format} frame follows one that was damaged")
        check_claims(grey, data, size, 1 if self.chroma == "420" else 3)
        picture = from_yuv(frames.decode_colour(data, f"yuv{self.chroma}p"))
        return np.ascontiguousarray(picture[:, : shape[1], : shape[2]]), Once(frames)

    def _grey(self) -> VideoCodec:
        """The codec of grey frames with the same settings, for what both have in common."""
        settings = {"qp": str(self.qp)} | ({"preset": self.preset} if self.preset else {})
        return _CODECS[self.format].of(settings)

    def _coded(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The size of the frames that are coded for pictures of that shape."""
        smallest = _CODECS[self.format].smallest
        height, width = (max(smallest, -(-n // _BLOCK) * _BLOCK) for n in shape[1:])
        return height, width
