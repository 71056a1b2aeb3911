"""Boxes of a dense detector: from what it says at each cell to a few objects.

    logits and distances a cell ─▶ those of a score ─▶ boxes ─▶ suppression ─▶ the best hundred

This runs outside of the network's graph, so that a cut may lie anywhere before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEAST = 0.05  # score of a box
OVERLAP = 0.6  # of two boxes of a class, above which the one of the lower score goes
MOST = 100  # boxes of a picture
_CANDIDATES = 1000  # that suppression looks at

Size = tuple[int, int]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Objects found in a picture, of falling score.

    Attributes:
        classes: the index of each, int64 (n,).
        scores: 0 to 1, float64 (n,).
        corners: left, top, right, bottom as fractions of the picture, float64 (n, 4).
        size: width and height of the picture, in pixels.
    """

    classes: NDArray[np.int64]
    scores: NDArray[np.float64]
    corners: NDArray[np.float64]
    size: Size


@cache
def cells(size: Size, strides: Sequence[int]) -> Floats:
    """The centre (x, y) and the stride of each cell, in pixels: float64 (cells, 3).

    Row after row, stride after stride; a picture's rim is covered by whole cells.

    Args:
        size: width and height of the picture.
        strides: the sides of the cells.
    """
    found = []
    for stride in strides:
        width, height = (-(-side // stride) for side in size)
        y, x = np.mgrid[:height, :width] + 0.5
        columns = [stride * x, stride * y, np.full(x.shape, float(stride))]
        found.append(np.stack(columns, -1).reshape(-1, 3))
    return np.concatenate(found)


def decode(
    logits: NDArray[np.floating], sides: NDArray[np.floating], size: Size, strides: Sequence[int]
) -> Boxes:
    """The boxes of a picture.

    Args:
        logits: of the classes before the sigmoid, (cells, classes).
        sides: logits of the distances left, top, right, bottom, (cells, 4, bins): the distance is
            the mean bin under their softmax, in strides (X. Li et al., arXiv:2006.04388).
        size: width and height of the picture, in pixels.
        strides: as in `cells`.
    """
    flat = logits.astype(np.float64).ravel()
    where = np.flatnonzero(flat >= np.log(LEAST / (1 - LEAST)))
    where = where[np.argsort(-flat[where], kind="stable")][:_CANDIDATES]
    scores = 1 / (1 + np.exp(-flat[where]))
    cell, kind = np.divmod(where, logits.shape[1])
    x, y, stride = cells(size, tuple(strides))[cell].T
    far = _mean_bins(sides[cell].astype(np.float64)) * stride[:, None]
    pixels = np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], 1)
    corners = (pixels / [*size, *size]).clip(0, 1)
    kept = suppressed(corners * [*size, *size], kind)[:MOST]
    return Boxes(kind[kept], scores[kept], corners[kept], size)


def suppressed(pixels: Floats, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of some boxes stay: none that overlaps a better one of its class that stays.

    Args:
        pixels: left, top, right, bottom, (n, 4), the best first.
        classes: of the boxes, (n,).
    """
    areas = (pixels[:, 2:] - pixels[:, :2]).prod(1)
    alive, kept = np.ones(len(pixels), bool), []
    for best in range(len(pixels)):
        if alive[best]:
            kept.append(best)
            shared = np.minimum(pixels[:, 2:], pixels[best, 2:])
            shared = (shared - np.maximum(pixels[:, :2], pixels[best, :2])).clip(0).prod(1)
            union = np.maximum(areas + areas[best] - shared, np.finfo(float).tiny)
            alive &= (shared / union <= OVERLAP) | (classes != classes[best])
    return np.array(kept, np.int64)


def _mean_bins(logits: Floats) -> Floats:
    """The mean bin under the softmax over the last axis."""
    chances = np.exp(logits - logits.max(-1, keepdims=True, initial=-np.inf))
    bins = np.arange(logits.shape[-1])
    return np.asarray((chances @ bins) / chances.sum(-1))
