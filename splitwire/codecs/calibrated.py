"""Codecs that learn from calibration features; what they learnt is a profile."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.profile import Profile


@dataclass(frozen=True, kw_only=True, repr=False)
class CalibratedCodec(Codec):
    """A codec that can be calibrated.

    Attributes:
        uses_gradients: whether `calibrate` makes use of them.
        expected_loss: divergence (nats) that gradients of the right size lead to, with default
            parameters; 0 where their size says nothing.
        shares_profile: whether one profile serves every setting of its parameters.
        trained: whether its profiles come of training, which `calibrate` only begins.
    """

    uses_gradients: ClassVar[bool] = False
    expected_loss: ClassVar[float] = 0.0
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

    @classmethod
    def read_profile(cls, path: str | Path) -> Profile:
        """The profile in a file that a spec names: one of ours, unless a codec knows others.

        Raises:
            ProfileError: the file cannot be read, or holds no profile.
        """
        return Profile.load(path)
