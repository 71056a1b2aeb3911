"""How near the points of a pose are to others: object keypoint similarity, correct points.

OKS is COCO's (cocodataset.org/#keypoints-eval): the mean over labelled points of
exp(−d² / (2 s² k²)), with d the distance, s² the area of the object, and k twice the deviation by
which people label a point of that kind, in parts of s. PCK is the share of points that are nearer
than a fifth of the longer side of the object's box (Y. Yang, D. Ramanan, 2013).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COCO = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
    *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
"""The deviations of COCO's seventeen points, nose to ankles."""

NEAR = 0.2  # of the longer side


def deviations(count: int) -> Floats:
    """COCO's where there are as many points; otherwise their mean for each."""
    return np.array(COCO if count == len(COCO) else [np.mean(COCO)] * count)


def oks(far: Floats, area: float) -> float:
    """Of the distances of points, NaN where one is not labelled.

    Args:
        far: shape (points,), in the unit whose square `area` is in.
        area: of the object.
    """
    scale = 2 * area * (2 * deviations(len(far))) ** 2
    return float(np.nanmean(np.exp(-np.divide(far**2, scale))))


def correct(far: Floats, side: float) -> list[int]:
    """How many points are near, and how many are labelled.

    Args:
        far: as above.
        side: the longer one of the object's box.
    """
    return [int(np.sum(far < NEAR * side)), int(np.sum(~np.isnan(far)))]


def ratio(statistics: Sequence[Any], weights: Floats) -> Floats:
    """Of what `correct` gives of n pictures, under each row of weights (resamples, n)."""
    near, labelled = (weights @ np.array(statistics, np.float64)).T
    nothing = np.full(len(weights), np.nan)
    return np.asarray(np.divide(near, labelled, out=nothing, where=labelled > 0))
