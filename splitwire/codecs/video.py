"""What the video codecs share: the mosaic as one grey frame, or a sequence of them over time.

one tensor      frame ─▶ intra picture                          a stream that stands alone
a sequence      frame ─▶ intra picture, then predicted ones     streams that build on each other
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np

from splitwire import kernels
from splitwire.codecs.base import Decoder, Tensor, damage
from splitwire.codecs.bitstream import Header
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.ffmpeg import LARGEST_BLOCK, FrameDecoder, FrameEncoder, has_decoder
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.mosaic import Frame, MosaicCodec
from splitwire.codecs.parameter import parameter
from splitwire.codecs.predictive import PredictiveCodec, SequenceDecoder
from splitwire.errors import BitstreamError, UnknownBaseError

# How many pictures a packet codes, and the sizes (height, width) that its headers declare.
Claims = tuple[int, list[tuple[int, int]]]

F = TypeVar("F", FrameEncoder, FrameDecoder)


@dataclass
class Once(Generic[F]):
    """The frames so far, within one of FFmpeg's objects: what the next frame builds on."""

    _frames: F | None

    def take(self) -> F | None:
        """FFmpeg's object, once: it changes as it codes, so no second frame can build on it."""
        frames, self._frames = self._frames, None
        return frames


@dataclass
class Chain(Once[F]):
    """The same of features.

    Attributes:
        bounds: the clip range of them all.
    """

    bounds: ClipRange


@dataclass(frozen=True, kw_only=True, repr=False)
class VideoCodec(MosaicCodec, PredictiveCodec):
    """A codec of FFmpeg's. A subclass names the library, its options and its parameter ranges.

    A sequence begins anew when the clip range of a tensor leaves that of the frames so far: a
    prediction across two scales would be worth nothing.

    Attributes:
        lossless: return the quantiser's codes to the bit; the quantisation parameter is ignored.
        filters: smooth across block edges, as for pictures that are looked at. Streams say whether.
        ffmpeg_encoder: FFmpeg's name of the encoder.
        ffmpeg_decoder: FFmpeg's name of the decoder.
        pixel_format: what the encoder takes; colour planes, where it insists on any, are neutral.
        smallest: the least height and width that the encoder takes; smaller frames are padded.
        largest: the greatest height and width that it takes.
    """

    lossless: bool = parameter(False, "return the codes to the bit")
    filters: bool = parameter(True, "smooth across block edges, as for an eye")

    ffmpeg_encoder: ClassVar[str]
    ffmpeg_decoder: ClassVar[str]
    pixel_format: ClassVar[str] = "gray"
    smallest: ClassVar[int]
    largest: ClassVar[int]

    @abstractmethod
    def options(self) -> Mapping[str, str]:
        """The encoder's options: constant quantisation parameter, no delay, no side messages."""

    @property
    def missing(self) -> str:
        """FFmpeg's decoder, where it was built without."""
        name = self.ffmpeg_decoder
        return "" if has_decoder(name) else f"FFmpeg's decoder {name}"

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether the mosaic of such a tensor is within the encoder's largest frame."""
        return max(kernels.frame_shape(planes_shape(shape), self.block)) <= self.largest

    def decoder(self) -> Decoder:
        """Decodes a sequence, in order."""
        return VideoDecoder(self)

    def _encode_next(
        self, x: Tensor, past: Chain[FrameEncoder] | None
    ) -> tuple[bytes, Chain[FrameEncoder]] | None:
        planes = to_planes(x)
        bounds = self._bounds(planes)
        if past is None:
            size = kernels.frame_shape(planes.shape, self.block)
            past, head = Chain(self._frame_encoder(size), bounds), self._head(bounds)
        elif bounds.departs(past.bounds):
            return None
        else:
            bounds, head = past.bounds, b""
        frames = past.take()
        if frames is None:  # it failed at a tensor before
            return None
        frame = kernels.quantize_tile(planes, *bounds.pair, block=self.block)
        return head + self.packet(frames.encode(frame)), Chain(frames, bounds)

    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Chain[FrameDecoder] | None
    ) -> tuple[Tensor, Chain[FrameDecoder]]:
        planes = planes_shape(shape)
        size = kernels.frame_shape(planes, self.block)
        if past is None:
            bounds, payload = self._read_head(payload, planes)
            past = Chain(self._frame_decoder(size), bounds)
        frames = past.take()
        if frames is None:
            raise UnknownBaseError(f"a {self.name} frame follows one that was damaged")
        frame = self._unpack(frames, payload, size)
        y = from_planes(kernels.dequantize_untile(frame, planes, *past.bounds.pair), shape)
        return y, Chain(frames, past.bounds)

    def _encode_frame(self, frame: Frame) -> bytes:
        return bytes((0,)) + self.packet(self._frame_encoder(frame.shape).encode(frame, last=True))

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
            self.ffmpeg_encoder, self._coded(shape), self.pixel_format, self.options()
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
        check_claims(self, data, self._coded(shape))
        height, width = shape
        return np.ascontiguousarray(decoder.decode(data, last)[:height, :width])

    def packet(self, data: bytes) -> bytes:
        """The encoder's bytes without what decoding does not need."""
        return data

    @abstractmethod
    def claims(self, packet: bytes, chroma: int = 0) -> Claims:
        """What a packet says of itself, read before the decoder allocates it; see units.py.

        Args:
            packet: of one picture.
            chroma: the format of colour that it should have: 0 for grey, 1 for 4:2:0, 3 for 4:4:4.

        Raises:
            ValueError: it is damaged, or uses syntax that our encoders do not.
        """


def check_claims(codec: VideoCodec, packet: bytes, coded: tuple[int, int], chroma: int = 0) -> None:
    """See that a packet claims one picture of about the size `coded`, and of that chroma format.

    Raises:
        BitstreamError: it claims something else, or is damaged.
    """
    try:
        pictures, sizes = codec.claims(packet, chroma)
    except (ValueError, IndexError) as error:
        raise BitstreamError(f"damaged {codec.name} payload: {error}") from error
    # Encoders may pad further, to at most their largest block, and have decoders crop that.
    excess = [n - least for size in sizes for n, least in zip(size, coded, strict=True)]
    if pictures != 1 or not all(0 <= n < LARGEST_BLOCK for n in excess):
        raise BitstreamError(
            f"damaged {codec.name} payload: {pictures} pictures of {sizes} instead of one of "
            f"{coded}"
        )


@dataclass
class VideoDecoder(SequenceDecoder):
    """Decodes sequences, those in the form of before as well.

    They had no place in the header, but a byte behind the clip range: 0 for an intra picture, then
    1, 2, … 255, 1, 2, …; and they said everything else in every stream.
    """

    codec: VideoCodec
    _before: tuple[Header, int, Chain[FrameDecoder]] | None = None

    def _decode_outside(self, header: Header, payload: memoryview) -> Tensor:
        codec = self.codec.writer(header, self.codec.profile)
        before, self._before = self._before, None
        with damage(codec.name):
            _, rest = codec._read_head(payload, planes_shape(header.shape))
            head, position, packet = payload[: len(payload) - len(rest)], rest[0], rest[1:]
        past = None
        if position:
            if before is None or before[0] != header or position != before[1] % 255 + 1:
                raise BitstreamError(
                    f"frame {position} of a {codec.name} sequence builds on frames that were not "
                    "decoded"
                )
            past, head = before[2], head[:0]
        y, chain = codec.decode_next(memoryview(bytes(head) + packet), header.shape, past)
        self._before = (header, position, chain)
        return y
