"""Codecs that predict a tensor from those before it, and the pair that codes a sequence of them.

    x ──▶ _encode_next(x, past) ──▶ payload under its place in the sequence │ the past of the next
    stream ──▶ past of the stream it builds on ──▶ _decode_next(payload, shape, past) ──▶ y │ same

A codec says how one tensor is coded after another. The pair keeps the rest: the sequence's
identity, positions, which stream builds on which, and how much is remembered. A decoder looks up
the very stream that the next one names, so none ever builds on another than its encoder meant.

An encoder builds on the stream just before, or, where streams may get lost, on one that is known to
have been decoded. It goes back `kept` positions at most. A decoder keeps the latest `kept` streams,
and of those around the last that it decoded only the ones fewer than `kept` positions away. So it
has what is built on: of streams that arrive in order, some of them lost, at most `kept - 1` come
between the two.
"""

import secrets
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Decoder, Encoder, Tensor, damage, whole
from splitwire.codecs.bitstream import IDENTITY_BYTES, Header, Sequence
from splitwire.codecs.pacing import Coded, Pace
from splitwire.errors import CodecError, UnknownBaseError


@dataclass(frozen=True, kw_only=True, repr=False)
class PredictiveCodec(Codec):
    """A codec that predicts over time: `encoder()` and `decoder()` hold what it remembers.

    A *past* is what a codec itself returned with one stream, and gets back for a stream that builds
    on that one. It may be anything: the tensor as decoded, say.

    Attributes:
        kept: how many streams a decoder remembers, the latest; others can build on those alone. Of
            a codec that keeps more than one, pasts are never changed: several may build on each.
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

    def pace(self) -> "Pace[PredictiveCodec] | None":
        """What holds one sequence to a rate; None where every tensor is coded as the codec says."""
        return None

    def encoder(self, acknowledged: bool = False) -> Encoder:
        """Codes a sequence of tensors, each predicted from one before.

        Args:
            acknowledged: build on nothing but what was acknowledged, so that a stream that is lost
                or late costs bits and never another stream. A codec that keeps one stream can only
                build on the one just before; it does so until it is told of a loss.
        """
        return (
            AcknowledgedEncoder(self) if acknowledged and self.kept > 1 else SequenceEncoder(self)
        )

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


@dataclass(frozen=True)
class _Kept:
    """What is remembered of a stream: whatever those that build on it leave out."""

    codec: PredictiveCodec
    shape: tuple[int, ...]
    past: Any


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
    _alone: int = 0  # the position of the last stream that stands alone; the next after a refresh
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _pace: Pace[PredictiveCodec] | None = field(init=False)

    def __post_init__(self) -> None:
        self._pace = self.codec.pace()

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of the next tensor; see Codec.encode. One that is refused takes no place."""
        tensor = self.codec.checked(x).copy()  # the caller may write to his, a past may be this one
        coded = self._coded(tensor)
        if not coded.back:
            self._alone = self._position
        if coded.after is not None:
            self._kept[self._position] = _Kept(self.codec, tensor.shape, coded.after)
        self._position += 1
        self._forget()
        return coded.stream

    def _coded(self, tensor: Tensor) -> Coded:
        """A tensor at this place, at the quality that it is due."""
        base = self._base()
        kept = self._kept.get(base)
        past = kept.past if kept is not None and kept.shape == tensor.shape else None

        def code(codec: PredictiveCodec) -> Coded:
            payload, after, follows = codec.encode_next(tensor, past)
            back = self._position - base if follows else 0
            place = Sequence(self.identity, self._position, back)
            return Coded(codec.wrap(payload, tensor.shape, place), back, after)

        return code(self.codec) if self._pace is None else self._pace.spend(code)

    def refresh(self) -> None:
        """Make the next stream stand alone, and none build on those before it."""
        self._kept.clear()
        self._alone = self._position

    def acknowledge(self, stream: bytes) -> None:
        """Nothing: each builds on the one before, whatever became of it."""

    def lose(self, stream: bytes) -> None:
        """Refresh, if what comes would build on that stream."""
        position = self._position_of(stream)
        if position is not None and position >= self._alone:
            self.refresh()

    def _base(self) -> int:
        """The position that the next stream is to build on, if what is needed of it is kept."""
        return self._position - 1

    def _forget(self) -> None:
        """Let go of what nothing can build on any more."""
        self._keep_from(self._position - 1)

    def _keep_from(self, oldest: int) -> None:
        self._kept = {at: kept for at, kept in self._kept.items() if at >= oldest}

    def _position_of(self, stream: bytes) -> int | None:
        """Where a stream stands in this sequence; None for one of another."""
        place = bitstream.read_place(stream)
        return place.position if place is not None and place.identity == self.identity else None


@dataclass
class AcknowledgedEncoder(SequenceEncoder):
    """Codes tensors, each predicted from the newest that is known to have been decoded.

    A stream stands alone where there is none, or none that the decoder still has.
    """

    _acknowledged: int = -1

    def acknowledge(self, stream: bytes) -> None:
        """That stream was decoded: those to come may build on it."""
        position = self._position_of(stream)
        if position is not None:
            self._acknowledged = max(self._acknowledged, position)
            self._forget()

    def lose(self, stream: bytes) -> None:
        """That stream was not decoded: nothing is to build on it."""
        position = self._position_of(stream)
        if position is not None:
            self._kept.pop(position, None)

    def _base(self) -> int:
        return self._acknowledged

    def _forget(self) -> None:
        self._keep_from(max(self._position - self.codec.kept, self._acknowledged))


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
            BitstreamError: the stream is damaged.
            UnknownBaseError: it builds on one that was not decoded or is no longer remembered.
                Decoding goes on at the next stream that stands alone, or that builds on what is.
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
            raise UnknownBaseError(
                f"stream {place.position} of a sequence builds on stream {before}, which was not "
                "decoded here: go on at one that stands alone, see encoder.refresh()"
            ) from None

    def _keep(self, place: Sequence, kept: _Kept) -> None:
        """Remember a stream, and the latest that are near it; one of another sequence is none."""
        near = {
            (identity, position): other
            for (identity, position), other in self._kept.items()
            if identity == place.identity and abs(position - place.position) < self.codec.kept
        }
        near[place.identity, place.position] = kept
        self._kept = {key: near[key] for key in sorted(near)[-self.codec.kept :]}
