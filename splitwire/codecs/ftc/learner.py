"""What calibrates `ftc`: it counts tensors, and makes a profile of what it counted.

Tokens on a grid are counted in parts, each with statistics of its own (tokens.py); any other tensor
is one part. All errors count in the metric of the one output, so all parts share one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.ftc import steps, tokens
from splitwire.codecs.ftc.moments import Moments
from splitwire.codecs.ftc.profile import arrays_of
from splitwire.codecs.ftc.sensitivity import Learnt, even_cost, learn_from
from splitwire.codecs.layout import to_planes
from splitwire.codecs.profile import Profile
from splitwire.errors import CodecError

Calibrated = TypeVar("Calibrated", bound=CalibratedCodec)


@dataclass(eq=False)
class FtcLearner(Generic[Calibrated]):
    """Counts tensors of one shape, and makes a codec of what it counted."""

    codec: Calibrated
    _shape: tuple[int, ...] = ()
    _moments: list[Moments] = field(default_factory=list)
    _learnt: list[Learnt] = field(default_factory=list)

    def add(self, x: Tensor, gradients: Sequence[Tensor]) -> None:
        """Count a feature tensor and gradients of its shape.

        Raises:
            CodecError: the shape is another than before, or they hold NaN or infinity.
        """
        if not self._moments:
            self._shape = x.shape
            self._moments = [Moments() for _ in self._parts(x)]
        if x.shape != self._shape:
            raise CodecError(f"ftc: calibration takes tensors of one shape, not {x.shape} too")
        for moments, part in zip(self._moments, self._parts(x), strict=True):
            moments.add(part)
        for slopes in gradients:
            self.add_gradient(slopes)

    def add_gradient(self, slopes: Tensor) -> None:
        """Count a gradient; features come first.

        Raises:
            CodecError: as `add`.
        """
        if slopes.shape != self._shape:
            raise CodecError(f"ftc: gradients {slopes.shape} of features {self._shape}")
        for moments, part in zip(self._moments, self._parts(slopes), strict=True):
            moments.add_gradient(part)

    def made(self, scale: float = 1.0) -> Calibrated:
        """The codec with a profile; nothing can be added any more.

        Raises:
            CodecError: nothing was counted.
        """
        if not self._learnt:
            even = even_cost(*self._moments)
            self._learnt = [learn_from(moments, even) for moments in self._moments]
        learnt = [part.scaled(scale) for part in self._learnt]
        level = steps.level(*(part.spectra for part in learnt))
        parts = [arrays_of(part, level) for part in learnt]
        arrays = parts[0] if self._first is None else tokens.arrays_of(parts)
        return replace(self.codec, profile=Profile(self.codec.name, arrays))

    @property
    def _first(self) -> int | None:
        return tokens.first_of(self._shape)

    def _parts(self, x: Tensor) -> list[NDArray[Any]]:
        """The planes of each part of a tensor."""
        planes = to_planes(x)
        return [planes] if self._first is None else tokens.parted(planes, self._first)
