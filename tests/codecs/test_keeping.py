"""Codecs that calibrate on all tensors at once are handed them one by one all the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from splitwire.codecs.base import Tensor
from splitwire.codecs.raw import Raw


@dataclass(frozen=True, repr=False)
class Told(Raw):
    """Raw, but for what it says of its calibration."""

    told: ClassVar[list[tuple[list[float], list[float] | None]]] = []

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> "Told":
        slopes = None if gradients is None else [float(g.max()) for g in gradients]
        self.told.append(([float(x.max()) for x in features], slopes))
        return self


@pytest.mark.parametrize(("slopes", "told"), [([2.0, 3.0], [20.0, 30.0]), ([], None)])
def test_features_and_scaled_gradients_reach_the_codec(
    slopes: list[float], told: list[float] | None
) -> None:
    learner = Told(clip="profile").learner()
    learner.add(np.full(4, 7, np.float32), [np.full(4, slope, np.float32) for slope in slopes])
    learner.made(10.0)
    assert Told.told.pop() == ([7.0], told)
