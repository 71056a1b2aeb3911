"""Codecs that predict a tensor from those before it, and the pair that codes a sequence of them.

    x ──▶ _encode_next(x, past) ──▶ payload under its place in the sequence │ the past of the next
    stream ──▶ past of the stream it builds on ──▶ _decode_next(payload, shape, past) ──▶ y │ same

A codec says how one tensor is coded after another. The pair keeps the rest: the sequence's
identity, positions, which stream builds on which, and how much is remembered. A decoder looks up
the very stream that the next one names, so none ever builds on another than its encoder meant.
"""

import secrets
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Decoder, Encoder, Tensor, damage, whole
from splitwire.codecs.bitstream import IDENTITY_BYTES, Header, Sequence
from splitwire.errors import BitstreamError, CodecError


@dataclass(frozen=True, kw_only=True, repr=False)
class PredictiveCodec(Codec):
    """A codec that predicts over time: `encoder()` and `decoder()` hold what it remembers.

    A *past* is what a codec itself returned with one stream, and gets back for a stream that builds
    on that one. It may be anything: the tensor as decoded, say.

    Attributes:
        kept: how many streams a decoder remembers, the last that it decoded; others can build on
            those alone. Encoders build on the stream just before.
    """

    kept: ClassVar[int] = 1

    @abstractmethod
    def _encode_next(self, x: Tensor, past: Any) -> tuple[bytes, Any] | None:
        """The payload of `x`, and the past of the next stream.

        Args:
            x: as `_encode` takes it; of the shape of the tensor before, where there is a past.
            past: of the stream before; None for a payload that stands alone.

        Returns None where `x` should not build on that past; it is then coded without.
        """

    @abstractmethod
    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Any
    ) -> tuple[Tensor, Any]:
        """The float32 tensor of that shape, and the past of the streams that build on this one.

        Any exception here becomes a BitstreamError, and the decoder remembers what it did before:
        so leave `past` as it is, or make it fail when it is used again.
        """

    def encoder(self) -> Encoder:
        """Codes a sequence of tensors, each predicted from the one before."""
        return SequenceEncoder(self)

    def decoder(self) -> Decoder:
        """Decodes such a sequence, in order."""
        return SequenceDecoder(self)

    def decode_payload(self, header: Header, payload: memoryview) -> Tensor:
        """The float32 tensor of a stream that stands alone, in a sequence or outside of any.

        Raises:
            BitstreamError: the payload is damaged.
        """
        if header.sequence is None:
            return super().decode_payload(header, payload)
        return self.decode_next(payload, header.shape, None)[0]

    def encode_next(self, x: Tensor, past: Any) -> tuple[bytes, Any, bool]:
        """The payload of a tensor as `checked` gives it, the next one's past, and if it follows.

        Raises:
            CodecError: the tensor cannot be coded.
        """
        coded = None if past is None else self._encode_next(x, past)
        if coded is not None:
            return *coded, True
        coded = self._encode_next(x, None)
        if coded is None:
            raise CodecError(f"{self.name} codes no tensor without a past")
        return *coded, False

    def decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Any
    ) -> tuple[Tensor, Any]:
        """The float32 tensor of a payload that was coded on that past, and the next one's past.

        Raises:
            BitstreamError: the payload is damaged.
        """
        with damage(self.name):
            y, after = self._decode_next(payload, shape, past)
            return whole(y, shape), after

    def _encode(self, x: Tensor) -> bytes:
        return self.encode_next(x, None)[0]

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return self._decode_next(payload, shape, None)[0]


@dataclass
class SequenceEncoder:
    """Codes tensors one after another, each predicted from the one before.

    A stream stands alone where the shape changes, where the codec finds the past of no use, and
    after `refresh`.

    Attributes:
        codec: what codes each tensor.
        identity: 4 bytes that no other sequence is likely to have.
    """

    codec: PredictiveCodec
    identity: bytes = field(default_factory=lambda: secrets.token_bytes(IDENTITY_BYTES))
    _position: int = 0
    _shape: tuple[int, ...] = ()
    _past: Any = None

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of the next tensor; see Codec.encode. One that is refused takes no place."""
        tensor = self.codec.checked(x).copy()  # the caller may write to his, a past may be this one
        past = self._past if tensor.shape == self._shape else None
        payload, after, follows = self.codec.encode_next(tensor, past)
        place = Sequence(self.identity, self._position, int(follows))
        stream = self.codec.wrap(payload, tensor.shape, place)
        self._position, self._shape, self._past = self._position + 1, tensor.shape, after
        return stream

    def refresh(self) -> None:
        """Make the next stream stand alone, as after a loss."""
        self._past = None


@dataclass(frozen=True)
class _Kept:
    """What a decoder remembers of a stream: whatever those that build on it leave out."""

    codec: PredictiveCodec
    shape: tuple[int, ...]
    past: Any


@dataclass
class SequenceDecoder:
    """Decodes what a `SequenceEncoder` made.

    Attributes:
        codec: what decodes each stream, as far as the stream itself does not say.
    """

    codec: PredictiveCodec
    _kept: dict[tuple[bytes, int], _Kept] = field(default_factory=dict)

    def decode(self, stream: bytes) -> Tensor:
        """The tensor of the next stream.

        Raises:
            BitstreamError: the stream is damaged, or builds on one that was not decoded or is no
                longer remembered. Decoding goes on at the next stream that stands alone, or that
                builds on what is remembered.
            ProfileError: as `Codec.decode`.
        """
        header, payload = bitstream.read(stream)
        if header.sequence is None:
            return self._decode_outside(header, payload)
        base = self._base(header, header.sequence)
        bitstream.check_claim(base.shape, len(payload))
        y, past = base.codec.decode_next(payload, base.shape, base.past)
        if past is not None:
            self._keep(header.sequence, _Kept(base.codec, base.shape, past))
        return y.copy()  # the caller may write to his, the past may be this one

    def _decode_outside(self, header: Header, payload: memoryview) -> Tensor:
        """The tensor of a stream of no sequence; what is remembered stays."""
        return self.codec.writer(header, self.codec.profile).decode_payload(header, payload)

    def _base(self, header: Header, place: Sequence) -> _Kept:
        """What the stream builds on: another stream, or nothing but what it says itself."""
        if not place.follows:
            return _Kept(self.codec.writer(header, self.codec.profile), header.shape, None)
        before = place.position - place.follows
        try:
            return self._kept[place.identity, before]
        except KeyError:
            raise BitstreamError(
                f"stream {place.position} of a sequence builds on stream {before}, which was not "
                "decoded here: go on at one that stands alone, see encoder.refresh()"
            ) from None

    def _keep(self, place: Sequence, kept: _Kept) -> None:
        key = (place.identity, place.position)
        self._kept.pop(key, None)  # so that it becomes the last
        self._kept[key] = kept
        while len(self._kept) > self.codec.kept:
            del self._kept[next(iter(self._kept))]
