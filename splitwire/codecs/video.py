"""What the video codecs share: the mosaic as one grey frame, or a sequence of them over time.

    one tensor      frame ─▶ intra picture                          a stream that stands alone
    a sequence      frame ─▶ intra picture, then predicted ones     streams that build on each other

FFmpeg's encoders and decoders run in-process through PyAV. Grey 0–255 is flagged full range:
at the default, limited range, clipping would put a floor under the error that no quality removes.
A payload begins with the frame's position in its sequence, so that a decoder notices a lost one.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import ArrayLike

from splitwire import kernels
from splitwire.codecs.base import Decoder, Encoder, Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.errors import BitstreamError, CodecError

# How many pictures a packet codes, and the sizes (height, width) that its headers declare.
Claims = tuple[int, list[tuple[int, int]]]

_LARGEST_BLOCK = 64


@dataclass(frozen=True, kw_only=True, repr=False)
class VideoCodec(MosaicCodec):
    """A codec of FFmpeg's. A subclass names the library, its options and its parameter ranges.

    Attributes:
        lossless: return the quantiser's codes to the bit; the quantisation parameter is ignored.
        ffmpeg_encoder: FFmpeg's name of the encoder.
        ffmpeg_decoder: FFmpeg's name of the decoder.
        pixel_format: what the encoder takes; colour planes, where it insists on any, are neutral.
        smallest: the least height and width that the encoder takes; smaller frames are padded.
        largest: the greatest height and width that it takes.
    """

    lossless: bool = parameter(False, "return the codes to the bit")

    ffmpeg_encoder: ClassVar[str]
    ffmpeg_decoder: ClassVar[str]
    pixel_format: ClassVar[str] = "gray"
    smallest: ClassVar[int]
    largest: ClassVar[int]

    @abstractmethod
    def _options(self) -> Mapping[str, str]:
        """The encoder's options: constant quantisation parameter, no delay, no side messages."""

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether the mosaic of such a tensor is within the encoder's largest frame."""
        return max(kernels.frame_shape(planes_shape(shape), self.block)) <= self.largest

    def encoder(self) -> Encoder:
        """Codes a sequence of tensors, each predicted from the one before."""
        return SequenceEncoder(self)

    def decoder(self) -> Decoder:
        """Decodes such a sequence, in order."""
        return SequenceDecoder(self)

    def _encode_frame(self, frame: Frame) -> bytes:
        return bytes((0,)) + FrameEncoder(self, frame.shape).encode(frame, last=True)

    def _decode_frame(self, payload: memoryview, height: int, width: int) -> Frame:
        if payload[0] != 0:
            raise BitstreamError(
                f"frame {payload[0]} of a {self.name} sequence: decode it with codec.decoder(), "
                "after those before it"
            )
        return FrameDecoder(self, (height, width)).decode(payload[1:], last=True)

    def _packet(self, data: bytes) -> bytes:
        """The encoder's bytes without what decoding does not need."""
        return data

    @abstractmethod
    def _claims(self, packet: bytes) -> Claims:
        """What a packet says of itself, read before the decoder allocates it; see units.py.

        Raises:
            ValueError: it is damaged, or uses syntax that our encoders do not.
        """


class FrameEncoder:
    """An encoder of FFmpeg's for frames (height, width) of one size."""

    def __init__(self, codec: VideoCodec, shape: tuple[int, ...]) -> None:
        self._codec = codec
        height, width = (max(n, codec.smallest) for n in shape)
        self._shape = (height, width)
        context: Any = av.CodecContext.create(codec.ffmpeg_encoder, "w")
        context.height, context.width = height, width
        context.pix_fmt = codec.pixel_format
        context.color_range = ColorRange.JPEG
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25, 1)
        context.thread_count = 1
        context.options = dict(codec._options())
        self._context = context
        self._count = 0

    def encode(self, frame: Frame, last: bool = False) -> bytes:
        """The packet of the next frame."""
        try:
            packets = self._context.encode(self._video_frame(frame))
            if last:
                packets += self._context.encode(None)
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(
                f"{self._codec.ffmpeg_encoder} cannot code a frame of {self._shape}: {error}"
            ) from error
        data = b"".join(bytes(packet) for packet in packets)
        if not data:
            raise CodecError(f"{self._codec.ffmpeg_encoder} held a frame back")
        return self._codec._packet(data)

    def _video_frame(self, frame: Frame) -> av.VideoFrame:
        height, width = self._shape
        rows, columns = frame.shape
        if frame.shape != self._shape:
            frame = np.pad(frame, ((0, height - rows), (0, width - columns)), mode="edge")
        if self._codec.pixel_format == "yuv420p":
            frame = np.concatenate((frame, np.full((height // 2, width), 128, np.uint8)))
        picture = av.VideoFrame.from_ndarray(frame, format=self._codec.pixel_format)
        picture.color_range = ColorRange.JPEG
        picture.pts = self._count
        self._count += 1
        return picture


class FrameDecoder:
    """A decoder of FFmpeg's for frames (height, width) of one size, and no others."""

    def __init__(self, codec: VideoCodec, shape: tuple[int, int]) -> None:
        self._codec = codec
        self._shape = shape
        height, width = (max(n, codec.smallest) for n in shape)
        self._coded = (height, width)
        context: Any = av.CodecContext.create(codec.ffmpeg_decoder, "r")
        context.thread_count = 1
        # A frame larger than expected is refused before it is allocated (FFmpeg counts whole blocks
        # of 64), and what is damaged is not concealed.
        most = math.prod(-(-n // _LARGEST_BLOCK) * _LARGEST_BLOCK for n in self._coded)
        context.options = {"max_pixels": str(most), "err_detect": "explode"}
        context.flags |= av.codec.context.Flags.low_delay
        self._context = context

    def decode(self, packet: memoryview, last: bool = False) -> Frame:
        """The frame of the next packet.

        Raises:
            BitstreamError: the packet is damaged, holds no frame or several, or another size.
        """
        data = bytes(packet)
        try:
            self._check(*self._codec._claims(data))
            frames = self._context.decode(av.Packet(data))
            if last:
                frames += self._context.decode(None)
        except (av.FFmpegError, ValueError, EOFError) as error:
            raise BitstreamError(f"damaged {self._codec.name} payload: {error}") from error
        if len(frames) != 1 or frames[0].is_corrupt:
            raise BitstreamError(f"damaged {self._codec.name} payload: no single whole frame")
        if (frames[0].height, frames[0].width) != self._coded:
            raise BitstreamError(f"damaged {self._codec.name} payload: a frame of another size")
        if frames[0].format.components[0].bits != 8:
            raise BitstreamError(f"damaged {self._codec.name} payload: samples of another depth")
        plane = frames[0].planes[0]
        height, width = self._shape
        samples = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return np.ascontiguousarray(samples[:height, :width])

    def _check(self, pictures: int, sizes: list[tuple[int, int]]) -> None:
        # Encoders may pad further, to at most their largest block, and have decoders crop that.
        excess = [n - least for size in sizes for n, least in zip(size, self._coded, strict=True)]
        if pictures != 1 or not all(0 <= n < _LARGEST_BLOCK for n in excess):
            raise ValueError(f"{pictures} pictures of {sizes} instead of one of {self._coded}")


@dataclass
class SequenceEncoder:
    """Codes tensors of one shape after another, each predicted from the one before.

    It starts again with an intra picture when the shape changes, or when the clip range of a tensor
    leaves that of the sequence: a prediction across two scales would be worth nothing.
    """

    codec: VideoCodec
    _frames: FrameEncoder | None = None
    _bounds: ClipRange | None = None
    _shape: tuple[int, int, int] = (0, 0, 0)
    _position: int = 0

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of the next tensor; see Codec.encode."""
        codec = self.codec
        tensor = codec._checked(x)
        planes = to_planes(tensor)
        bounds = codec._bounds(planes)
        frames, base = self._frames, self._bounds
        self._frames = None  # until this tensor is coded: none may build on one that was not sent
        if frames is None or base is None or planes.shape != self._shape or bounds.departs(base):
            base, self._bounds, self._shape = bounds, bounds, planes.shape
            frames = FrameEncoder(codec, kernels.frame_shape(planes.shape, codec.block))
            self._position = 0
        else:
            self._position = _following(self._position)
        frame = kernels.quantize_tile(planes, *base.pair, block=codec.block)
        packet = bytes((self._position,)) + frames.encode(frame)
        stream = codec._stream(codec._head(base) + packet, tensor.shape)
        self._frames = frames
        return stream


@dataclass
class SequenceDecoder:
    """Decodes what a `SequenceEncoder` made, in its order."""

    codec: VideoCodec
    _frames: FrameDecoder | None = None
    _shape: tuple[int, int, int] = (0, 0, 0)
    _position: int = 0

    def decode(self, stream: bytes) -> Tensor:
        """The tensor of the next stream.

        Raises:
            BitstreamError: the stream is damaged, or one that it builds on is missing. Decoding
                goes on at the next intra picture.
        """
        codec, payload, shape = self.codec._opened(stream)
        assert isinstance(codec, VideoCodec)
        planes = planes_shape(shape)
        bounds, payload = codec._read_head(payload, planes)
        frames = self._frames_at(payload[:1], planes)
        self._frames = None  # until this frame is decoded: none may build on a damaged one
        frame = frames.decode(payload[1:])
        self._frames = frames
        return from_planes(kernels.dequantize_untile(frame, planes, *bounds.pair), shape)

    def _frames_at(self, head: memoryview, planes: tuple[int, int, int]) -> FrameDecoder:
        """The decoder of a frame at that position: a new one for an intra picture."""
        if not head:
            raise BitstreamError(f"damaged {self.codec.name} payload: it is cut short")
        position = head[0]
        if position == 0:
            self._shape = planes
            self._frames = FrameDecoder(self.codec, kernels.frame_shape(planes, self.codec.block))
        elif position != _following(self._position) or planes != self._shape:
            self._frames = None
        self._position = position
        if self._frames is None:
            raise BitstreamError(
                f"frame {position} of a {self.codec.name} sequence builds on frames that were not "
                "decoded"
            )
        return self._frames


def _following(position: int) -> int:
    """The position after that one: 0 stands for intra pictures alone, so 1 comes after 255."""
    return position % 255 + 1
