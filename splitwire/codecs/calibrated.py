"""Codecs that learn from calibration features; what they learnt is a profile."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.profile import Profile


class Learner(Protocol):
    """Takes calibration tensors one after another, so that none need be kept."""

    def add(self, x: Tensor, gradients: Sequence[Tensor]) -> None:
        """Learn from one feature tensor, and from gradients of its shape; see `calibrate`."""

    def made(self, scale: float = 1.0) -> "CalibratedCodec":
        """The codec with a profile, as if each gradient had been larger by a factor."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CalibratedCodec(Codec):
    """A codec that can be calibrated.

    Attributes:
        uses_gradients: whether `calibrate` makes use of them.
        expected_loss: divergence (nats) that gradients of the right size lead to, with default
            parameters; 0 where their size says nothing. Calibration makes it the task's fidelity.
        settings: parameters at which pictures held out from calibration are coded, the default
            ones among them; only with an expected loss.
        shares_profile: whether one profile serves every setting of its parameters.
        trained: whether its profiles come of training, which `calibrate` only begins.
    """

    uses_gradients: ClassVar[bool] = False
    expected_loss: ClassVar[float] = 0.0
    settings: ClassVar[tuple[Mapping[str, Any], ...]] = ()
    shares_profile: ClassVar[bool] = False
    trained: ClassVar[bool] = False

    @abstractmethod
    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec with a profile learnt from feature tensors.

        Args:
            features: float32 tensors as `encode` takes them.
            gradients: for a codec that uses them, of the log-likelihood of labels drawn from the
                network's output, with respect to the features.

        Raises:
            CodecError: it cannot learn from them.
        """

    def learner(self) -> Learner:
        """What learns as `calibrate` does, from one tensor after another."""
        return _Keeping(self)

    @classmethod
    def read_profile(cls, path: str | Path) -> Profile:
        """The profile in a file that a spec names: one of ours, unless a codec knows others.

        Raises:
            ProfileError: the file cannot be read, or holds no profile.
        """
        return Profile.load(path)


@dataclass(frozen=True, eq=False)
class _Keeping:
    """Keeps all tensors until the end."""

    codec: CalibratedCodec
    features: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)

    def add(self, x: Tensor, gradients: Sequence[Tensor]) -> None:
        """Keep them."""
        self.features.append(x)
        self.gradients.extend(gradients)

    def made(self, scale: float = 1.0) -> CalibratedCodec:
        """The codec calibrated."""
        larger = [scale * slopes for slopes in self.gradients]
        return self.codec.calibrate(self.features, larger or None)
