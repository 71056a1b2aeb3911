"""What the video codecs share: the mosaic as one grey frame, or a sequence of them over time.

    one tensor      frame ─▶ intra picture                          a stream that stands alone
    a sequence      frame ─▶ intra picture, then predicted ones     streams that build on each other

A payload begins with the frame's position in its sequence, so that a decoder notices a lost one.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from splitwire import kernels
from splitwire.codecs import bitstream
from splitwire.codecs.base import Decoder, Encoder, Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.ffmpeg import LARGEST_BLOCK, FrameDecoder, FrameEncoder
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.errors import BitstreamError

# How many pictures a packet codes, and the sizes (height, width) that its headers declare.
Claims = tuple[int, list[tuple[int, int]]]


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
        return bytes((0,)) + self._packet(self._frame_encoder(frame.shape).encode(frame, last=True))

    def _decode_frame(self, payload: memoryview, height: int, width: int) -> Frame:
        if payload[0] != 0:
            raise BitstreamError(
                f"frame {payload[0]} of a {self.name} sequence: decode it with codec.decoder(), "
                "after those before it"
            )
        decoder = self._frame_decoder((height, width))
        return self._unpack(decoder, payload[1:], (height, width), last=True)

    def _frame_encoder(self, shape: tuple[int, ...]) -> FrameEncoder:
        return FrameEncoder(
            self.ffmpeg_encoder, self._coded(shape), self.pixel_format, self._options()
        )

    def _frame_decoder(self, shape: tuple[int, ...]) -> FrameDecoder:
        return FrameDecoder(self.ffmpeg_decoder, self._coded(shape))

    def _coded(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The size of the frame that is coded for one of that shape."""
        height, width = (max(n, self.smallest) for n in shape)
        return height, width

    def _unpack(
        self, decoder: FrameDecoder, packet: memoryview, shape: tuple[int, int], last: bool = False
    ) -> Frame:
        """The frame of that shape in a packet, once the packet is seen to claim nothing more."""
        data = bytes(packet)
        coded = self._coded(shape)
        try:
            pictures, sizes = self._claims(data)
        except (ValueError, IndexError) as error:
            raise BitstreamError(f"damaged {self.name} payload: {error}") from error
        # Encoders may pad further, to at most their largest block, and have decoders crop that.
        excess = [n - least for size in sizes for n, least in zip(size, coded, strict=True)]
        if pictures != 1 or not all(0 <= n < LARGEST_BLOCK for n in excess):
            raise BitstreamError(
                f"damaged {self.name} payload: {pictures} pictures of {sizes} instead of one of "
                f"{coded}"
            )
        height, width = shape
        return np.ascontiguousarray(decoder.decode(data, last)[:height, :width])

    def _packet(self, data: bytes) -> bytes:
        """The encoder's bytes without what decoding does not need."""
        return data

    @abstractmethod
    def _claims(self, packet: bytes) -> Claims:
        """What a packet says of itself, read before the decoder allocates it; see units.py.

        Raises:
            ValueError: it is damaged, or uses syntax that our encoders do not.
        """


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
        tensor = codec.checked(x)
        planes = to_planes(tensor)
        bounds = codec._bounds(planes)
        frames, base = self._frames, self._bounds
        self._frames = None  # until this tensor is coded: none may build on one that was not sent
        if frames is None or base is None or planes.shape != self._shape or bounds.departs(base):
            base, self._bounds, self._shape = bounds, bounds, planes.shape
            frames = codec._frame_encoder(kernels.frame_shape(planes.shape, codec.block))
            self._position = 0
        else:
            self._position = _following(self._position)
        frame = kernels.quantize_tile(planes, *base.pair, block=codec.block)
        packet = bytes((self._position,)) + codec._packet(frames.encode(frame))
        stream = codec.wrap(codec._head(base) + packet, tensor.shape)
        self._frames = frames
        return stream

    def refresh(self) -> None:
        """Make the next stream stand alone."""
        self._frames = None


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
        header, payload = bitstream.read(stream)
        codec, shape = self.codec.writer(header, self.codec.profile), header.shape
        planes = planes_shape(shape)
        bounds, payload = codec._read_head(payload, planes)
        size = kernels.frame_shape(planes, codec.block)
        frames = self._frames_at(payload[:1], planes, size)
        self._frames = None  # until this frame is decoded: none may build on a damaged one
        frame = codec._unpack(frames, payload[1:], size)
        self._frames = frames
        return from_planes(kernels.dequantize_untile(frame, planes, *bounds.pair), shape)

    def _frames_at(
        self, head: memoryview, planes: tuple[int, int, int], size: tuple[int, int]
    ) -> FrameDecoder:
        """The decoder of a frame at that position: a new one for an intra picture."""
        if not head:
            raise BitstreamError(f"damaged {self.codec.name} payload: it is cut short")
        position = head[0]
        if position == 0:
            self._shape = planes
            self._frames = self.codec._frame_decoder(size)
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
