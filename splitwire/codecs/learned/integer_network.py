"""A network of integer layers on a feature tensor: what a profile holds of one, and how it runs.

Its branches all see the tensor in integers, with one more plane that says the quality, and their
outputs add up: plainly, or in steps of that quality to the tensor itself, or to what the first one
gives, so that fine steps stay true:

    x ─▶ round((x - mean) / unit), quality ─▶ branches ─▶ · unit ─▶   Σ of all         SUM
                                                                    x + step Σ of all     RESIDUAL
                                                                first + step Σ of others  GATED
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.learned.integer_layers import LARGEST, Layer, Numbers, layers_of

TRAINED = (30, 72)  # qualities that the plane tells apart; what is beyond is taken for the nearest
SLOPE = 256  # what the plane, zero at the middle quality, gains with each
SUM, RESIDUAL, GATED = 0, 1, 2
_KINDS = {"mean": "f4", "units": "f4", "residual": "u1"}


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """Branches of layers between tensors of numbers.

    Attributes:
        mean: float32 (C,), taken from each channel before it is rounded.
        units: float32 (2,): what an integer of the input is worth, and one of the output.
        residual: uint8 (1,): how outputs add up.
        branches: layers one behind another; all give the same channels.
    """

    mean: NDArray[np.float32]
    units: NDArray[np.float32]
    residual: NDArray[np.uint8]
    branches: list[list[Layer]]

    def __call__(self, x: Numbers, quality: int, shape: tuple[int, ...]) -> Numbers:
        """What it makes of numbers (C, H, W) at a quality; of float64, the same bits everywhere.

        A branch whose maps are larger than those of `shape`, (O, H, W), is cut off at the bottom
        and on the right.
        """
        height, width = shape[1:]
        coarse, fine = (float(unit) for unit in self.units)
        mean = self.mean.astype(x.dtype)[:, None, None]
        with np.errstate(over="ignore"):  # what becomes infinite is clipped
            numbers = np.clip(np.rint((x - mean) / coarse), -LARGEST, LARGEST)
        near = min(max(quality, TRAINED[0]), TRAINED[1])
        plane = np.full((1, *x.shape[1:]), SLOPE * (near - MIDDLE), x.dtype)
        seen = np.concatenate([numbers, plane])
        made = []
        for branch in self.branches:
            y = seen
            for layer in branch:
                y = layer(y)
            made.append(y[:, :height, :width])
        step = fine * step_of(MIDDLE - quality)
        if self.residual[0] == RESIDUAL:
            return np.asarray(x + sum(made) * step)
        if self.residual[0] == GATED:
            return np.asarray(made[0] * fine + sum(made[1:]) * step)
        return np.asarray(sum(made) * fine)


def network_of(arrays: Mapping[str, NDArray[Any]], name: str) -> IntegerNetwork:
    """The network whose arrays are called NAME.mean, NAME.units, NAME.residual and NAME.0.0.weight.

    Raises:
        ValueError: they are not all there, or do not fit together.
    """
    parts = {key: arrays.get(f"{name}.{key}") for key in _KINDS}
    kinds = {k: None if a is None else a.dtype.str.lstrip("<|") for k, a in parts.items()}
    numbers = takewhile(lambda n: f"{name}.{n}.0.weight" in arrays, count())
    branches = [layers_of(arrays, f"{name}.{number}") for number in numbers]
    if kinds != _KINDS or not branches:
        raise ValueError(f"{name} is no network")
    network = IntegerNetwork(**parts, branches=branches)  # type: ignore[arg-type]
    units = network.units
    sound = network.mean.ndim == 1 and units.shape == (2,) and network.residual.shape == (1,)
    sound = sound and network.residual[0] in (SUM, RESIDUAL, GATED)
    sound = sound and all(b[0].weight.shape[1] == len(network.mean) + 1 for b in branches)
    if not sound or not np.isfinite(network.mean).all() or not (units > 0).all():
        raise ValueError(f"{name} holds numbers that do not fit together")
    return network
