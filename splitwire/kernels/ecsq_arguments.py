"""What the quantiser of `ecsq` takes: the checks that compiled function and twin share."""

import math

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments

MOST_LEVELS = 64


def quantizer(
    y: npt.ArrayLike, levels: int, tradeoff: float
) -> tuple[npt.NDArray[np.float64], int, float]:
    """Numbers from 0 to 1, how many levels are to be placed, and what a bit may cost."""
    numbers = np.asarray(y)
    if numbers.dtype != np.float64:
        raise TypeError(f"y has dtype {numbers.dtype}; expected float64")
    if not numbers.size or not (numbers.min() >= 0 and numbers.max() <= 1):
        raise ValueError(f"y has shape {numbers.shape}; expected at least one number, each 0 to 1")
    if not 2 <= (count := arguments.integer(levels, "levels")) <= MOST_LEVELS:
        raise ValueError(f"levels is {count}; expected 2 to {MOST_LEVELS}")
    if not 0 <= tradeoff < math.inf:
        raise ValueError(f"tradeoff is {tradeoff}; expected a finite number of at least 0")
    return np.ascontiguousarray(numbers), count, float(tradeoff)
