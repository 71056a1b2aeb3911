"""The NumPy twin of the clip range of a Laplace model, which `_laplace.h` explains.

What the function takes, gives and raises is told by the docstring of its compiled twin.
"""

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from splitwire.kernels import laplace_arguments as arguments
from splitwire.kernels.arguments import refuse_non_finite
from splitwire.kernels.reference_maths import log2

_CANDIDATES = 129
_HALVINGS = 60
_HEAP = 1 / 16  # the share of numbers that makes a heap
_TINY = 1e-300


def laplace_range(x: npt.ArrayLike, levels: int) -> tuple[float, float]:
    """The best range for evenly spaced levels, by a Laplace model of x."""
    values, count = arguments.ranged(x, levels)
    numbers = np.sort(values[np.isfinite(values)], axis=None) + np.float32(0)  # no -0
    if not numbers.size:
        refuse_non_finite()
    least, most = float(numbers[0]), float(numbers[-1])
    if least == most:
        return least, most
    heap = int(np.searchsorted(numbers, numbers[0], "right"))
    rectified = heap > numbers.size * _HEAP
    scale = most - least  # in units of it, nothing below overflows
    mode, below, above = (part / scale for part in fit(numbers[heap if rectified else 0 :]))
    room_below, room_above = mode - least / scale, most / scale - mode
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        width = (low + high) / 2
        ease = 12 * (count - 1) ** 2 / (width * max(below + above, _TINY))
        reach_below = room_below if rectified else min(_reach(below, ease), room_below)
        reach_above = min(_reach(above, ease), room_above)
        if reach_below + reach_above > width:
            low = width
        else:
            high = width
    return max((mode - reach_below) * scale, least), min((mode + reach_above) * scale, most)


def _reach(scale: float, ease: float) -> float:
    odds = ease * (scale * scale)
    return scale * log2(odds) * 0.69314718055994530942 if odds > 1 else 0.0


def fit(numbers: NDArray[np.float32]) -> tuple[float, float, float]:
    """Mode and scales below and above of the likeliest asymmetric Laplace density.

    With A and B the mean distances from the mode of the numbers below and above it (each over all
    numbers), the likeliest scales are √A (√A + √B) and √B (√A + √B), and the likeliest mode has
    the least √A + √B. It is sought among the numbers themselves, at even ranks.

    Args:
        numbers: finite and sorted, not empty.
    """
    count = numbers.size
    sums = np.concatenate(([0.0], np.cumsum(numbers, dtype=np.float64)))
    ranks = np.unique(np.linspace(0, count - 1, _CANDIDATES).astype(np.intp))
    modes = numbers[ranks].astype(np.float64)
    roots_below = np.sqrt(np.maximum(modes * ranks - sums[ranks], 0) / count)
    roots_above = np.sqrt(np.maximum(sums[-1] - sums[ranks] - modes * (count - ranks), 0) / count)
    roots = roots_below + roots_above
    best = int(np.argmin(roots))
    mode = float(modes[best])
    return mode, float(roots_below[best] * roots[best]), float(roots_above[best] * roots[best])
