"""`ecsq`: a few levels, placed by rate and distortion, coded as adaptive unary bins.

The lightweight codec of Cohen, Choi and Bajić (arXiv:2105.06002, 2105.07102), which needs no
training: the clip range comes from a Laplace model of the tensor (codecs/laplace.py); within it
the levels are those of an entropy-constrained scalar quantiser (Chou, Lookabaugh and Gray, 1989)
whose outermost two stay pinned to the ends of the range; a level's index is truncated unary bins,
each with the adaptive context of its position.

Where the paper designs one quantiser for a network from training features, this one is designed
for each tensor and travels with it: a byte a level.
"""

from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs import clip
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.errors import BitstreamError

_FINE = 2048  # cells of the histogram on which levels are designed
_ROUNDS = 30
_PARTS = 64  # a level is kept to a 64th of the even spacing
_EVEN = 1 << 15  # contexts start with no idea


@register_codec
class Ecsq(Codec):
    """Entropy-constrained scalar quantisation of clipped features.

        x ─▶ clip range ─▶ levels ─▶ indices ─▶ [range │ levels │ unary bins, range-coded]

    Attributes:
        levels: how many; more levels, less distortion.
        tradeoff: what a bit may cost in squared error, in squares of the levels' even spacing: 0
            is the least error for that many levels.
    """

    name: ClassVar[str] = "ecsq"
    levels: int = parameter(8, "levels of the quantiser", low=2, high=64, decoding=True)
    tradeoff: float = parameter(0.25, "squared error a bit, in levels", low=0, high=10)

    def _encode(self, x: Tensor) -> bytes:
        planes = to_planes(x)
        bounds = clip.choose("laplace", planes, 1, self.levels)
        lo, width = float(bounds.lo[0]), float(bounds.hi[0]) - float(bounds.lo[0])
        y = ((planes.reshape(-1).astype(np.float64) - lo) / (width or 1.0)).clip(0, 1)
        offsets, thresholds = _design(y, self.levels, self.tradeoff)
        indices = np.searchsorted(thresholds, y, "right").astype(np.uint8)
        bins = kernels.unary_encode(indices, self._states())
        return bounds.to_bytes() + offsets.astype(np.int8).tobytes() + bins.tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        bounds, rest = ClipRange.from_bytes(payload, 1)
        inner = self.levels - 2
        if len(rest) < inner:
            raise BitstreamError("damaged payload: its levels are cut short")
        positions = _positions(np.frombuffer(rest[:inner], np.int8))
        lo, hi = bounds.lo.astype(np.float64), bounds.hi.astype(np.float64)
        values = (lo + (hi - lo) * positions).astype(np.float32)
        planes = planes_shape(shape)
        indices = kernels.unary_decode(rest[inner:], int(np.prod(planes)), self._states())
        return from_planes(values[indices].reshape(planes), shape)

    def _states(self) -> NDArray[np.uint16]:
        return np.full(self.levels - 1, _EVEN, np.uint16)


def _positions(offsets: NDArray[np.int8]) -> NDArray[np.float64]:
    """Where the levels are, from 0 to 1: evenly spaced, but for the offsets of the inner ones."""
    count = len(offsets) + 2
    parts = _PARTS * np.arange(count)
    parts[1:-1] += offsets
    return parts / (_PARTS * (count - 1))


def _design(
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
    price = np.full(count, np.log2(count))
    offsets = np.zeros(count - 2, np.int8)
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(grid, _thresholds(levels, multiplier * price))
        ends = np.concatenate(([0], cuts, [_FINE]))
        held = np.diff(numbers[ends])
        means = np.diff(sums[ends]) / np.maximum(held, 1)
        before = levels, price
        price = -np.log2(np.maximum(held, 0.5) / y.size)
        means = np.where(held > 0, means, levels)[1:-1]
        offsets = np.rint((means * (count - 1) - even) * _PARTS).clip(-128, 127).astype(np.int8)
        levels = np.maximum.accumulate(_positions(offsets))
        if np.array_equal(before, (levels, price)):
            break
    return offsets, _thresholds(_positions(offsets), multiplier * price)


def _thresholds(levels: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
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
