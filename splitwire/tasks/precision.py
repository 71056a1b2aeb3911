"""Mean average precision, as COCO has it (T.-Y. Lin et al., arXiv:1405.0312).

    boxes and objects of a picture ─▶ matched ─▶ what was hit, of which class, with which score
    those of all pictures, each weighted ─▶ precision over recall, a class ─▶ the mean

A picture's matches are noted, and precision is worked out of them under any weights of the
pictures: so a bootstrap matches nothing again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.data.truth import Objects
from splitwire.tasks.boxes import Boxes

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of overlap
RECALLS = np.linspace(0, 1, 101)  # at which precision is read
SIZES = {"": (0.0, 1e10), "s": (0.0, 32.0**2), "m": (32.0**2, 96.0**2), "l": (96.0**2, 1e10)}
"""The smallest and the largest area of objects, in pixels: all, small, medium and large ones."""

_AT_ONCE = 1 << 22  # numbers in memory, of weights times boxes of a class


def matches(
    found: Boxes, there: Objects, thresholds: Floats = THRESHOLDS, size: str = ""
) -> dict[str, Any]:
    """What a picture adds to an average precision.

    Each box, best first, takes the object of its class that it overlaps most, if that is enough and
    nobody took it. A box that takes an object to be ignored, or an object of another size than is
    asked for, is neither right nor wrong; nor is one that takes none and is of another size itself.

    Args:
        found: the boxes of a picture.
        there: its objects. Sizes are judged in their pixels.
        thresholds: the least overlaps, intersection over union.
        size: of `SIZES`.

    Returns:
        Values that JSON has: "found", for each box its class, its score, and a bit a threshold for
        whether it hits and whether it is ignored (one that always is, is left out); "there",
        classes with the number of objects.
    """
    low, high = SIZES[size]
    areas = np.array(there.areas, np.float64)
    out = np.array(there.ignored, bool) | (areas < low) | (areas > high)
    order = np.argsort(out, kind="stable")  # what counts is taken first
    kinds, out = np.array(there.classes, np.int64)[order], out[order]
    corners = np.array(there.boxes, np.float64).reshape(-1, 4)[order]
    overlaps = overlap(found.corners, corners, np.array(there.ignored, bool)[order])
    overlaps[found.classes[:, None] != kinds] = -1
    hits, ignored = _take(overlaps, out, np.array(there.ignored, bool)[order], thresholds)
    own = _areas(found.corners) * there.size[0] * there.size[1]
    ignored |= ~hits & ((own < low) | (own > high))[:, None]
    bits, every = 1 << np.arange(len(thresholds)), (1 << len(thresholds)) - 1
    rows = zip(found.classes, found.scores, hits @ bits, ignored @ bits, strict=True)
    counts = zip(*np.unique(kinds[~out], return_counts=True), strict=True)
    return {
        "found": [[int(c), float(f"{s:.6g}"), int(h), int(i)] for c, s, h, i in rows if i < every],
        "there": [[int(c), int(n)] for c, n in counts],
    }


def overlap(found: Floats, there: Floats, crowds: Bools) -> Floats:
    """Intersection over union of boxes (n, 4) with objects (m, 4): (n, m).

    With a crowd it is over the box's own area: any part of a crowd may be found.
    """
    low = np.maximum(found[:, None, :2], there[None, :, :2])
    high = np.minimum(found[:, None, 2:], there[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    own, others = _areas(found)[:, None], _areas(there)[None]
    union = np.where(crowds, own, own + others - common)
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


def average_precision(statistics: Sequence[Any], weights: Floats, thresholds: int) -> Floats:
    """The mean over classes and thresholds, under each row of weights (resamples, n) of n pictures.

    Precision is made to fall with recall and read at 101 recalls; a class counts where there is
    any object of it. NaN where there is none of any.

    Args:
        statistics: of `matches`, one a picture.
        weights: how often each picture counts.
        thresholds: how many there were.

    Returns:
        Shape (resamples,).
    """
    boxes = [(at, *row) for at, one in enumerate(statistics) for row in one["found"]]
    rows = np.array(boxes, np.float64).reshape(-1, 5)
    rows = rows[np.argsort(-rows[:, 2], kind="stable")]
    total, classes = np.zeros(len(weights)), np.zeros(len(weights))
    counts = [dict(map(tuple, one["there"])) for one in statistics]
    for kind in sorted(set().union(*counts)):
        there = weights @ np.array([count.get(kind, 0) for count in counts], np.float64)
        own = rows[rows[:, 1] == kind]
        parts = max(1, len(weights) * len(own) // _AT_ONCE)
        pairs = zip(np.array_split(weights, parts), np.array_split(there, parts), strict=True)
        precision = np.concatenate([_of_class(own, *pair, thresholds) for pair in pairs])
        total += np.where(there > 0, precision, 0)
        classes += there > 0
    nothing = np.full(len(weights), np.nan)
    return np.asarray(np.divide(total, classes, out=nothing, where=classes > 0))


def _of_class(rows: Floats, weights: Floats, there: Floats, thresholds: int) -> Floats:
    """The mean over thresholds of one class; rows of picture, class, score, hits and ignored."""
    pictures, hits, ignored = rows[:, [0, 3, 4]].astype(np.int64).T
    often = weights[:, pictures]
    objects = np.where(there > 0, there, 1)[:, None]
    whole, found = np.cumsum(often, 1), np.zeros(len(weights))
    for bit in range(thresholds):
        out = (ignored >> bit & 1).astype(bool)
        right = np.flatnonzero((hits >> bit & 1) * ~out)
        seen = np.cumsum(np.where(out, 0, often), 1) if out.any() else whole
        true = np.cumsum(often[:, right], 1)
        precision = true / np.maximum(seen[:, right], np.spacing(1))  # nothing seen: 0
        falling = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
        reached = np.searchsorted(RECALLS, true / objects, side="right")
        found += (falling * np.diff(reached, axis=1, prepend=0)).sum(1)
    return np.asarray(found / len(RECALLS) / thresholds)


def _take(overlaps: Floats, out: Bools, crowds: Bools, least: Floats) -> tuple[Bools, Bools]:
    """Whether each box takes an object, and one that does not count, (boxes, thresholds) both."""
    shape = (len(overlaps), len(least))
    hits, ignored = np.zeros(shape, bool), np.zeros(shape, bool)
    free = np.ones((len(least), len(out)), bool)
    for at, row in enumerate(overlaps if len(out) else ()):
        fits = (free | crowds) & (row >= least[:, None])
        counted = fits & ~out
        fits = np.where(counted.any(1, keepdims=True), counted, fits)
        best = np.where(fits, row, -1).argmax(1)
        hits[at] = fits.any(1)
        ignored[at] = hits[at] & out[best]
        free[np.flatnonzero(hits[at]), best[hits[at]]] = False
    return hits, ignored


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(1))
