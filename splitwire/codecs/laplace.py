"""The clip range that an asymmetric Laplace model of a tensor makes best for a number of levels.

Cohen, Choi and Bajić (arXiv:2105.06002) fit such a model to the features and choose the range that
minimises what clipping and quantising cost together. Too wide a range makes every step coarse, too
narrow a one cuts the tails; few levels want a narrower range than many.
"""

import numpy as np
from numpy.typing import NDArray

_CANDIDATES = 129
_HALVINGS = 60
_HEAP = 1 / 16  # the share of numbers that makes a heap
_TINY = 1e-300


def clip_range(x: NDArray[np.float32], levels: int) -> tuple[float, float]:
    """The best range for that many evenly spaced levels, the outermost at its ends.

    With a and b the model's scales below and above its mode m, a range that reaches u scales below
    and v above it has a width of w = u a + v b and costs, a number,

        2 a³ e⁻ᵘ / (a + b) + 2 b³ e⁻ᵛ / (a + b)     beyond its ends
        + w² / (12 (levels - 1)²)                   within, half a step to either side

    The derivatives vanish where v = log(12 (levels - 1)² b² / (w (a + b))), and u likewise with a.
    The larger w, the smaller both: halving finds the w that they make. No end passes the extremes.

    A rectifier leaves a heap at its least value, which no density has. The range begins there, and
    the model is that of the numbers above.

    Raises:
        ValueError: the tensor holds no finite number.
    """
    numbers = np.sort(x[np.isfinite(x)], axis=None)
    if not numbers.size:
        raise ValueError("x holds no finite value; expected at least one")
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
        ease = 12 * (levels - 1) ** 2 / (width * max(below + above, _TINY))
        reach_below = room_below if rectified else min(_reach(below, ease), room_below)
        reach_above = min(_reach(above, ease), room_above)
        if reach_below + reach_above > width:
            low = width
        else:
            high = width
    return max((mode - reach_below) * scale, least), min((mode + reach_above) * scale, most)


def _reach(scale: float, ease: float) -> float:
    return scale * float(np.log(max(ease * scale**2, 1.0)))


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
