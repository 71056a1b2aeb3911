"""The contract of a codec, on one page.

A codec is a class whose fields are its parameters (`@register_codec` makes it a frozen dataclass);
`_encode` turns a tensor into a payload and `_decode` turns that payload and the shape back into a
tensor. This base class does the rest: it checks the tensor, writes and checks the header, and makes
the codec again that wrote a stream. registry.py finds codecs of any class by their name.

    x ──▶ encode ──▶ header │ _encode(x) │ CRC-32 ──▶ decode ──▶ _decode(payload, shape) ──▶ y

docs/adding-a-codec.md writes a whole codec in twenty lines.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitwire.codecs import bitstream, parameter
from splitwire.codecs.bitstream import Header
from splitwire.codecs.profile import Profile
from splitwire.codecs.spec import Spec
from splitwire.errors import BitstreamError, CodecError, ProfileError

Tensor = NDArray[np.float32]


class Encoder(Protocol):
    """Codes one tensor after another; may predict a tensor from those before it."""

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of the next tensor."""


class Decoder(Protocol):
    """Decodes, in order, what the `Encoder` made."""

    def decode(self, stream: bytes) -> Tensor:
        """The tensor of the next stream."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Codec(ABC):
    """A way to turn a feature tensor into bytes and back.

    Attributes:
        name: what specs and streams call it: lower-case letters, digits and hyphens.
        profile: what it learnt from calibration features, if anything.
    """

    name: ClassVar[str]
    profile: Profile | None = None

    @abstractmethod
    def _encode(self, x: Tensor) -> bytes:
        """The payload of `x`: float32, C-contiguous, not empty, of 1 to 8 dimensions."""

    @abstractmethod
    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        """The float32 tensor of that shape. Any exception here becomes a BitstreamError."""

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether this codec can code a tensor of that shape. Most take any."""
        return True

    @property
    def needs_profile(self) -> bool:
        """Whether it cannot code before it is calibrated or given a profile."""
        return False

    def encode(self, x: ArrayLike) -> bytes:
        """The stream of one tensor; `len` of it is the rate, every byte counted.

        Args:
            x: real floating-point array of any shape that the codec takes, coded as float32.

        Raises:
            CodecError: the tensor is empty, not floating-point, or of a shape it cannot take.
            ProfileError: the codec needs a profile and has none.
        """
        tensor = self._checked(x)
        return self._stream(self._encode(tensor), tensor.shape)

    def decode(self, stream: bytes) -> Tensor:
        """The float32 tensor of a stream that this kind of codec wrote.

        What decoding depends on comes from the stream, not from this codec's parameters.

        Raises:
            BitstreamError: the stream is damaged, or another codec's.
            ProfileError: it was coded with another profile than this codec's.
        """
        header, payload = bitstream.read(stream)
        return self.writer(header, self.profile).decode_payload(header, payload)

    def encoder(self) -> Encoder:
        """What codes a sequence of tensors; the codec itself unless it predicts over time."""
        return self

    def decoder(self) -> Decoder:
        """What decodes the sequence that `encoder` coded."""
        return self

    @property
    def spec(self) -> str:
        """The string that makes this codec again: "jpeg:quality=80"."""
        settings = self._settings(self._changed())
        if self.profile is not None and self.profile.path is not None:
            settings = (*settings, ("profile", str(self.profile.path)))
        return str(Spec(self.name, settings))

    @classmethod
    def of(
        cls, settings: Mapping[str, str], profile: Profile | None = None, /, **parameters: Any
    ) -> Self:
        """The codec of this class with parameters as a spec spells them, or as values.

        Raises:
            CodecError: a parameter that it does not have, or a value outside its limits.
            ProfileError: the profile is another codec's.
        """
        known = {f.name: f for f in cls.parameters()}
        for key in sorted({*settings, *parameters} - known.keys()):
            has = ", ".join(known) or "none"
            raise CodecError(f"{cls.name} has no parameter {key!r}; it has: {has}")
        spelt = {key: parameter.parse(cls.name, known[key], settings[key]) for key in settings}
        return cls(profile=profile, **spelt, **parameters)

    @classmethod
    def writer(cls, header: Header, profile: Profile | None) -> Self:
        """The codec of this class that wrote a stream, as far as decoding depends on it.

        Args:
            header: of the stream.
            profile: the one it was coded with, where it was coded with one.

        Raises:
            BitstreamError: the stream is another codec's, or its header is none that this one
                writes.
            ProfileError: the profile is missing, or not the one that the stream names.
        """
        try:
            spec = Spec.parse(header.spec)
            if spec.name != cls.name:
                raise BitstreamError(
                    f"the stream was coded by {spec.name}, not {cls.name}: use splitwire.decode"
                )
            if header.digest is not None and (profile is None or profile.digest != header.digest):
                given = "none" if profile is None else profile.digest
                raise ProfileError(
                    f"the stream was coded with the profile {header.digest}; {given} was given"
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

    @classmethod
    def parameters(cls) -> list[Field[Any]]:
        """The fields that are parameters: all but the profile."""
        return [f for f in fields(cls) if f.name != "profile"]

    def __post_init__(self) -> None:
        for f in self.parameters():
            parameter.check(self.name, f, getattr(self, f.name))
        if self.profile is not None and self.profile.codec != self.name:
            raise ProfileError(
                f"the profile {self.profile.digest} belongs to {self.profile.codec}, "
                f"not to {self.name}"
            )

    def __repr__(self) -> str:
        return f"codec({self.spec!r})"

    def _changed(self) -> list[Field[Any]]:
        return [f for f in self.parameters() if getattr(self, f.name) != f.default]

    def _checked(self, x: ArrayLike) -> Tensor:
        array = np.asarray(x)
        if not np.issubdtype(array.dtype, np.floating):
            raise CodecError(f"{self.name} codes floating-point tensors, not {array.dtype}")
        if not 1 <= array.ndim <= bitstream.MAX_RANK or not array.size:
            raise CodecError(
                f"{self.name} codes tensors of 1 to {bitstream.MAX_RANK} dimensions and at least "
                f"one element, not one of shape {array.shape}"
            )
        if not self.takes(array.shape):
            raise CodecError(f"{self.name} cannot code a tensor of shape {array.shape}")
        if self.needs_profile:
            raise ProfileError(
                f"{self.spec} needs a profile: calibrate it, or add profile=PATH to its spec"
            )
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes an infinity
            return np.ascontiguousarray(array, dtype=np.float32)

    def _stream(self, payload: bytes, shape: tuple[int, ...]) -> bytes:
        try:
            bitstream.check_claim(shape, len(payload))
        except BitstreamError as error:
            raise CodecError(
                f"{self.name} made a stream that no decoder may open: {error}"
            ) from None
        travelling = [f for f in self._changed() if f.metadata["decoding"]]
        spec = str(Spec(self.name, self._settings(travelling)))
        digest = self.profile.digest if self.profile else None
        return bitstream.write(Header(spec, shape, digest), payload)

    def _settings(self, parameters: list[Field[Any]]) -> tuple[tuple[str, str], ...]:
        return tuple((f.name, parameter.format_value(getattr(self, f.name))) for f in parameters)


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Turns whatever a codec of that name stumbles over into the one error that users catch."""
    try:
        yield
    except (BitstreamError, ProfileError):
        raise
    except Exception as error:
        raise BitstreamError(f"damaged {name} payload: {error}") from error


def whole(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`y`, once it is seen to be a float32 tensor of that shape; otherwise ValueError."""
    if y.shape != shape or y.dtype != np.float32:
        raise ValueError(f"{y.dtype} of shape {y.shape} instead of float32 {shape}")
    return y
