"""Overlap of masks: intersection over union and Dice's coefficient, as means over classes.

Pixels are counted over the whole set before anything is divided, as data sets of masks are scored
(M. Everingham et al., 2010): of each picture the counts are noted, so that a bootstrap adds them up
again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.integer[Any]]

VOID = 255
"""The class of pixels that count for nothing."""


def counts(found: Mask, there: Mask) -> list[list[int]]:
    """For each class that is in either mask: itself, pixels in both, in the one, in the other.

    Args:
        found: the class of each pixel, (H, W).
        there: the same, of the truth; its pixels of the class 255 count for nothing.
    """
    known = there != VOID
    found, there = found[known].astype(np.int64), there[known].astype(np.int64)
    classes = max(found.max(initial=-1), there.max(initial=-1)) + 1
    pairs = np.bincount(there * classes + found, minlength=classes * classes)
    table = pairs.reshape(classes, classes)
    rows = np.stack([np.arange(classes), table.diagonal(), table.sum(0), table.sum(1)], 1)
    return [[int(n) for n in row] for row in rows if row[2] + row[3]]


def mean_iou(statistics: Sequence[Any], weights: Floats) -> Floats:
    """Of n pictures' counts, under each row of weights (resamples, n): shape (resamples,)."""
    return _mean(statistics, weights, lambda both, one, other: (both, one + other - both))


def mean_dice(statistics: Sequence[Any], weights: Floats) -> Floats:
    """The same: twice the intersection over the sum (L. R. Dice, 1945)."""
    return _mean(statistics, weights, lambda both, one, other: (2 * both, one + other))


def _mean(statistics: Sequence[Any], weights: Floats, of: Any) -> Floats:
    """The mean over classes of a ratio; a class counts where there is any pixel of it."""
    classes = sorted({row[0] for rows in statistics for row in rows})
    table = np.zeros((len(statistics), len(classes), 3))
    for at, rows in enumerate(statistics):
        for kind, *numbers in rows:
            table[at, classes.index(kind)] = numbers
    sums = np.tensordot(weights, table, 1)
    part, whole = of(*np.moveaxis(sums, -1, 0))
    ratios = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    known = (whole > 0).sum(1)
    nothing = np.full(len(weights), np.nan)
    return np.asarray(np.divide(ratios.sum(1), known, out=nothing, where=known > 0))
