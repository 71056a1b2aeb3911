"""What the clip range of a Laplace model takes: the checks of compiled function and twin."""

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments
from splitwire.kernels.arguments import FLOAT32, Features

MOST_LEVELS = 256


def ranged(x: npt.ArrayLike, levels: int) -> tuple[Features, int]:
    """Numbers, and the levels that are to span them."""
    numbers = np.asarray(x)
    if numbers.dtype != FLOAT32:
        raise TypeError(f"x has dtype {numbers.dtype}; expected float32")
    if not numbers.size:
        raise ValueError("x has no element; expected at least one")
    if not 2 <= (count := arguments.integer(levels, "levels")) <= MOST_LEVELS:
        raise ValueError(f"levels is {count}; expected 2 to {MOST_LEVELS}")
    return np.ascontiguousarray(numbers), count
