"""The NumPy twin of the quantiser of `ecsq`, which `_ecsq.h` explains.

What the function takes, gives and raises is told by the docstring of its compiled twin.
"""

from math import inf

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from splitwire.kernels import ecsq_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.reference_maths import log2

_FINE = 2048  # cells of the histogram on which levels are designed
_ROUNDS = 30
_PARTS = 64  # a level is kept to a 64th of the even spacing


def ecsq_quantize(y: npt.ArrayLike, levels: int, tradeoff: float) -> tuple[NDArray[np.int8], Codes]:
    """Place levels for numbers from 0 to 1, and find the level of each."""
    numbers, count, weight = arguments.quantizer(y, levels, tradeoff)
    offsets, cuts = design(numbers.reshape(-1), count, weight)
    return offsets, np.searchsorted(cuts, numbers, "right").astype(np.uint8)


def positions(offsets: NDArray[np.int8]) -> NDArray[np.float64]:
    """Where the levels are, from 0 to 1: evenly spaced, but for the offsets of the inner ones."""
    count = len(offsets) + 2
    parts = _PARTS * np.arange(count)
    parts[1:-1] += offsets
    return parts / (_PARTS * (count - 1))


def design(
    y: NDArray[np.float64], count: int, tradeoff: float
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Levels and thresholds for numbers from 0 to 1: the inner levels' offsets, and where to cut.

    A number y goes to the level r with the least (y - r)² + λ b, where b = -log2 p is what the
    level costs. Each inner level then moves to the mean of its numbers, p to their share, and so
    on: both steps lower the mean of that sum, until nothing moves.
    """
    weights = np.bincount((y * (_FINE - 1) + 0.5).astype(np.intp), minlength=_FINE)
    grid = np.arange(_FINE) / (_FINE - 1)
    numbers = np.concatenate(([0], np.cumsum(weights)))
    sums = np.concatenate(([0], np.cumsum(weights * grid)))
    multiplier = tradeoff / (count - 1) ** 2
    levels = np.linspace(0, 1, count)
    even = np.arange(1, count - 1)
    price = np.full(count, log2(count))
    offsets = np.zeros(count - 2, np.int8)
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(grid, thresholds(levels, multiplier * price))
        ends = np.concatenate(([0], cuts, [_FINE]))
        held = np.diff(numbers[ends])
        means = np.diff(sums[ends]) / np.maximum(held, 1)
        before = levels, price
        price = np.array([-log2(max(h, 0.5) / y.size) for h in held.tolist()])
        means = np.where(held > 0, means, levels)[1:-1]
        offsets = np.rint((means * (count - 1) - even) * _PARTS).clip(-128, 127).astype(np.int8)
        levels = np.maximum.accumulate(positions(offsets))
        if np.array_equal(before, (levels, price)):
            break
    return offsets, thresholds(positions(offsets), multiplier * price)


def thresholds(levels: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each level but the first begins to be the cheapest; never decreasing.

    (y - r)² + price is y² and a line in y of slope -2 r, so that the cheapest levels are the lower
    envelope of lines. A level that is nowhere the cheapest begins where the next one does.
    """
    slopes, heights = levels.tolist(), (levels**2 + price).tolist()
    kept: list[tuple[float, int]] = []
    for i, (r, height) in enumerate(zip(slopes, heights, strict=True)):
        start = -inf
        while kept:
            since, k = kept[-1]
            if r > slopes[k]:
                start = (height - heights[k]) / (2 * (r - slopes[k]))
            else:
                start = -inf if height < heights[k] else inf
            if start > since:
                break
            kept.pop()
            start = -inf
        if start < inf:
            kept.append((start, i))
    starts = np.full(len(slopes), inf)
    for start, i in kept:
        starts[i] = start
    return np.minimum.accumulate(starts[::-1])[::-1][1:]
