"""What `ftc` and `learned` share: a quality, and a profile that does the coding.

    x ─▶ planes ─▶ quality │ bytes that the profile, opened, makes of them at that quality

A profile codes planes of the one shape that it was learnt on.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

from splitwire.codecs.base import Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.ftc.steps import MIDDLE
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.errors import BitstreamError, ProfileError

TOP = 100  # the highest quality


class Opened(Protocol):
    """A profile ready for use."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of the planes that it codes."""

    def encode(self, planes: Tensor, quality: int) -> bytes:
        """The bytes of planes."""

    def decode(self, payload: memoryview, quality: int) -> Tensor:
        """The planes again, the same bits everywhere; ValueError where the bytes are damaged."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ProfiledCodec(CalibratedCodec):
    """A codec that does nothing without its profile.

    Attributes:
        quality: 8 more halve the step; at 50 photos held out from calibration lost the task's
            fidelity (of classification, 0.05 nats).
    """

    uses_gradients: ClassVar[bool] = True
    shares_profile: ClassVar[bool] = True
    quality: int = parameter(
        MIDDLE, "8 more halve the step; 50 is near the task's fidelity", low=0, high=TOP
    )

    @staticmethod
    @abstractmethod
    def _open(profile: Profile) -> Opened:
        """A profile ready for use; ProfileError if it is not this codec's."""

    @property
    def needs_profile(self) -> bool:
        """Whether it was given none."""
        return self.profile is None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.profile is not None:
            self._open(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        assert self.profile is not None
        planes, table = to_planes(x), self._open(self.profile)
        if table.shape != planes.shape:
            raise ProfileError(
                f"the profile {self.profile.digest} was learnt on planes of shape {table.shape}; "
                f"these have {planes.shape}"
            )
        quality = self._quality_for(planes, around=len(self.wrap(bytes(1), x.shape)))
        return bytes([quality]) + table.encode(planes, quality)

    def _quality_for(self, planes: Tensor, around: int) -> int:
        """The quality to code planes with; `around`: bytes of a stream beside those of planes."""
        return self.quality

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        quality = self._quality_of(payload, shape)
        assert self.profile is not None
        return from_planes(self._open(self.profile).decode(payload[1:], quality), shape)

    def _quality_of(self, payload: memoryview, shape: tuple[int, ...]) -> int:
        """That of a payload for a tensor of a shape.

        Raises:
            BitstreamError: there is none, or the profile is not for that shape.
        """
        if self.profile is None:
            raise BitstreamError(f"damaged {self.name} stream: it names no profile")
        if self._open(self.profile).shape != planes_shape(shape):
            raise BitstreamError(f"damaged {self.name} stream: its profile is not of shape {shape}")
        if not payload or payload[0] > TOP:
            raise BitstreamError(f"damaged {self.name} payload: it begins with no quality")
        return payload[0]
