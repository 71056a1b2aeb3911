"""The contract of a codec, on one page.

A codec is a class whose fields are its parameters (`@register_codec` makes it a frozen dataclass);
`_encode` turns a tensor into a payload and `_decode` turns that payload and the shape back into a
tensor. This base class does the rest: it checks the tensor, writes and checks the header, and makes
the codec again that wrote a stream.

    x ──▶ encode ──▶ header │ _encode(x) │ CRC-32 ──▶ decode ──▶ _decode(payload, shape) ──▶ y

NaN and infinities (a float64 beyond float32 is one) are refused by `encode` and `calibrate` of
every codec, so `_encode` never sees one: finite.py. A decoder gives back what its stream says.

What goes beyond that has a class of its own: CalibratedCodec for codecs that learn, PredictiveCodec
for those that predict a tensor from the ones before. registry.py finds codecs by their name.

docs/adding-a-codec.md writes a whole codec in twenty lines.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitwire.codecs import bitstream
from splitwire.codecs.bitstream import Header, Sequence
from splitwire.codecs.finite import check_finite
from splitwire.codecs.parametrised import Parametrised
from splitwire.codecs.profile import Profile
from splitwire.codecs.spec import Spec
from splitwire.errors import BitstreamError, CodecError, ProfileError

Tensor = NDArray[np.float32]

_HEADS = 8192  # bytes
_FAULTS = (AttributeError, NameError, NotImplementedError, TypeError)  # which few bytes lead to


class Encoder(Protocol):
    """Codes one tensor after another; may predict a tensor from those before it.

    Where streams may get lost, it has to be told what became of each that it made.
    """

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of the next tensor."""

    def refresh(self) -> None:
        """Make the next stream stand alone, and none build on those before it."""

    def acknowledge(self, stream: bytes) -> None:
        """That stream was decoded."""

    def lose(self, stream: bytes) -> None:
        """That stream was not decoded, and will not be."""


class Decoder(Protocol):
    """Decodes, in order, what the `Encoder` made."""

    def decode(self, stream: bytes) -> Tensor:
        """The tensor of the next stream."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Codec(Parametrised, ABC):
    """A way to turn a feature tensor into bytes and back.

    Attributes:
        name: what specs and streams call it: lower-case letters, digits and hyphens.
        profile: what it learnt from calibration features, if anything.
    """

    @abstractmethod
    def _encode(self, x: Tensor) -> bytes:
        """The payload of `x`: float32, C-contiguous, finite, not empty, of 1 to 8 dimensions."""

    @abstractmethod
    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        """The float32 tensor of that shape. Any exception here becomes a BitstreamError.

        The payload may come from an attacker: work stays within a constant factor of its bytes and
        of the shape's elements. docs/bitstream.md, "Limits", says what each codec's bound is.
        """

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether this codec can code a tensor of that shape. Most take any."""
        return True

    @property
    def missing(self) -> str:
        """What it needs and this machine has not got, in a few words; most need nothing."""
        return ""

    def most_bytes(self, shape: tuple[int, ...]) -> int:
        """No stream of a tensor of that shape is longer: what nobody need read, or hold, beyond.

        Twice the numbers themselves, and what a small picture's head and a long header take: more
        than any codec makes of noise.
        """
        return _HEADS + 8 * math.prod(shape)

    def most_error(self, x: Tensor) -> float:
        """No element of `x` is decoded further off than this; infinite where nothing is promised.

        `splitwire.testing.check_codec` holds a codec to it.
        """
        return math.inf

    @property
    def needs_profile(self) -> bool:
        """Whether it cannot code before it is calibrated or given a profile."""
        return False

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of one tensor; `len` of it is the rate, every byte counted.

        Args:
            x: real floating-point array of any shape that the codec takes, coded as float32.

        Raises:
            CodecError: the tensor is empty, not floating-point, of a shape it cannot take, or holds
                NaN or infinities.
            ProfileError: the codec needs a profile and has none.
        """
        tensor = self.checked(x)
        return self.wrap(self._encode(tensor), tensor.shape)

    def decode(self, stream: bytes) -> Tensor:
        """The float32 tensor of a stream that this kind of codec wrote.

        What decoding depends on comes from the stream, not from this codec's parameters.

        Raises:
            BitstreamError: the stream is damaged, another codec's, or builds on another stream.
            ProfileError: it was coded with another profile than this codec's.
        """
        codec, header, payload = self.unwrap(stream)
        return codec.decode_payload(header, payload)

    def encoder(self, acknowledged: bool = False) -> Encoder:
        """What codes a sequence of tensors; the codec itself unless it predicts over time.

        Args:
            acknowledged: build on nothing but what was acknowledged; see PredictiveCodec.encoder.
        """
        return self

    def decoder(self) -> Decoder:
        """What decodes the sequence that `encoder` coded."""
        return self

    def refresh(self) -> None:
        """Nothing: the codec is its own encoder, and all its streams stand alone."""

    def acknowledge(self, stream: bytes) -> None:
        """Nothing, likewise."""

    def lose(self, stream: bytes) -> None:
        """Nothing, likewise."""

    def checked(self, x: ArrayLike) -> Tensor:
        """`x` as `_encode` takes it.

        Raises:
            CodecError, ProfileError: as `encode`.
        """
        array = np.asarray(x)
        if not np.issubdtype(array.dtype, np.floating):
            raise CodecError(
                f"{self.name} codes floating-point tensors, not {array.dtype}: give x.astype('f4')"
            )
        if not 1 <= array.ndim <= bitstream.MAX_RANK or not array.size:
            raise CodecError(
                f"{self.name} codes tensors of 1 to {bitstream.MAX_RANK} dimensions and at least "
                f"one element, not one of shape {array.shape}"
            )
        if not self.takes(array.shape):
            raise CodecError(
                f"{self.name} cannot code a tensor of shape {array.shape}: take another codec "
                "(`splitwire codecs` lists them)"
            )
        if self.needs_profile:
            raise ProfileError(
                f"{self.spec} needs a profile: calibrate it, or add profile=PATH to its spec"
            )
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes an infinity
            tensor = np.ascontiguousarray(array, dtype=np.float32)
        check_finite(self.name, tensor)
        return tensor

    def wrap(
        self, payload: bytes, shape: tuple[int, ...], sequence: Sequence | None = None
    ) -> bytes:
        """The stream of a payload.

        Args:
            payload: what decoding gets back.
            shape: of the tensor.
            sequence: the stream's place, where it belongs to a sequence.

        Raises:
            CodecError: the payload is not of type bytes, or too short for so large a tensor (see
                docs/bitstream.md).
        """
        if not isinstance(payload, bytes):
            raise CodecError(f"{self.name} made a payload of {type(payload)}: bytes expected")
        try:
            bitstream.check_claim(shape, len(payload))
        except BitstreamError as error:
            raise CodecError(
                f"{self.name} made a stream that no decoder may open: {error}"
            ) from None
        if sequence is not None and sequence.follows:  # its decoder knows the rest
            return bitstream.write(Header("", (), None, sequence), payload)
        digest = self.profile.digest if self.profile else None
        return bitstream.write(Header(self.travelling_spec, shape, digest, sequence), payload)

    def unwrap(self, stream: bytes) -> tuple[Self, Header, memoryview]:
        """The codec that wrote a stream (see `writer`), its header and its payload.

        Raises:
            BitstreamError, ProfileError: as `decode`.
        """
        header, payload = bitstream.read(stream)
        return self.writer(header, self.profile), header, payload

    @classmethod
    def writer(cls, header: Header, profile: Profile | None) -> Self:
        """The codec of this class that wrote a stream, as far as decoding depends on it.

        Args:
            header: of the stream.
            profile: the one it was coded with, where it was coded with one.

        Raises:
            BitstreamError: the stream is another codec's or builds on another stream, or its header
                is none that this codec writes.
            ProfileError: the profile is missing, or not the one that the stream names.
        """
        check_alone(header)
        try:
            spec = Spec.parse(header.spec)
            if spec.name != cls.name:
                raise BitstreamError(
                    f"the stream was coded by {spec.name}, not {cls.name}: use splitwire.decode"
                )
            if header.digest is not None and (profile is None or profile.digest != header.digest):
                given = "none" if profile is None else profile.digest
                raise ProfileError(
                    f"the stream was coded with the profile {header.digest}; {given} was given: "
                    "give that one (decode --profile FILE)"
                )
            codec = cls.of(dict(spec.settings), profile if header.digest else None)
        except CodecError as error:
            raise BitstreamError(f"the stream names no codec known here: {error}") from error
        if not codec.takes(header.shape):
            raise BitstreamError(f"{cls.name} never codes a tensor of shape {header.shape}")
        return codec

    def decode_payload(self, header: Header, payload: memoryview) -> Tensor:
        """The float32 tensor of a stream that this codec wrote, taken apart.

        Raises:
            BitstreamError: the payload is damaged.
        """
        with damage(self.name):
            return whole(self._decode(payload, header.shape), header.shape)


def check_alone(header: Header) -> None:
    """Refuse a stream that builds on another.

    Raises:
        BitstreamError: saying what decodes it.
    """
    place = header.sequence
    if place is not None and place.follows:
        raise BitstreamError(
            f"stream {place.position} of a sequence builds on stream "
            f"{place.position - place.follows}: decode it with codec.decoder(), after those before"
        )


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Turns whatever a codec of that name stumbles over into the one error that users catch."""
    try:
        yield
    except (BitstreamError, ProfileError):
        raise
    except Exception as error:
        said = f"damaged {name} payload: {error}"
        if isinstance(error, _FAULTS):
            said += (
                " (unless somebody forged it, which CRC-32 does not tell, the codec is at fault)"
            )
        raise BitstreamError(said) from error


def whole(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`y`, once it is seen to be a float32 tensor of that shape; otherwise ValueError."""
    if not isinstance(y, np.ndarray):
        raise ValueError(f"{type(y).__name__} instead of an array: of torch's, give x.numpy()")
    if y.shape != shape or y.dtype != np.float32:
        raise ValueError(f"{y.dtype} of shape {y.shape} instead of float32 {shape}")
    return y
