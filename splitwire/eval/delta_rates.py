"""One curve against another: the Bjøntegaard delta rate, and how far the pictures leave it open.

    samples of two curves ─▶ photos drawn again, the same for both ─▶ two curves ─▶ one rate a draw
                             (or stretches of clips)

The draws are paired, so that what is hard about a photo is hard for both curves: the interval is of
the difference, and much narrower than those of the curves.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from splitwire.eval.curves import FLOOR, Key, anchor_of, curves, find_anchor
from splitwire.eval.draws import draws
from splitwire.eval.results import NAN, Result
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary

MINIMUM_POINTS = 3
MINIMUM_SHARE = 0.5
MINIMUM_FACTOR = 2.0
RESAMPLES = 200
_ENOUGH = 0.9  # of the draws must give a rate, or there is no interval

Point = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Delta:
    """A Bjøntegaard delta rate in percent (negative: fewer bytes), or why there is none.

    Attributes:
        percent: of the curves of means; None where they share too little.
        low, high: the 95 % interval over photos, or stretches of clips; NaN where they are too few.
        reason: why there is no rate.
    """

    percent: float | None
    low: float = NAN
    high: float = NAN
    reason: str = ""

    @property
    def shown(self) -> bool:
        """Whether the interval, where there is one, leaves zero out."""
        return not self.low <= 0 <= self.high


@lru_cache(maxsize=2)  # a table and a page are of one summary
def bd_rates(summary: Summary, anchor: str | None = None) -> dict[Key, Delta]:
    """The delta rate of every curve at every split against the anchor curve at the same split.

    The cloud-only curve stands against the anchor of each split, under the name of that split. A
    codec with one setting only, such as a lossless one, is no curve and is left out.

    Args:
        summary: of a run.
        anchor: a curve ("h264", "hevc:preset=slow"), or the codec whose first curve it is to be;
            None for one that was run.
    """
    found = curves(summary.results)
    anchor = anchor or anchor_of(summary.results)
    splits = dict.fromkeys(split for split, _ in found if split)
    drawn = Drawn(summary.samples, summary.head.experiment.seed)
    rates: dict[Key, Delta] = {}
    for split in splits:
        here = {name: points for (at, name), points in found.items() if at in (split, "")}
        chosen = find_anchor(here, anchor)
        base = here.pop(chosen, []) if chosen else []
        for name, points in here.items():
            if base and len(points) > 1:
                rates[split, name] = delta_of_draws(drawn, base, drawn, points)
    return rates


def bd_rate(anchor: Sequence[Result], test: Sequence[Result]) -> Delta:
    """How many percent more bytes `test` needs than `anchor` at equal divergence, on average."""
    pair = ([(r.bytes, r.divergence.mean) for r in each if r.usable] for each in (anchor, test))
    return delta_of(*pair)


def delta_of(anchor: Sequence[Point], test: Sequence[Point]) -> Delta:
    """The same of points, each of bytes and divergence, in any order.

    G. Bjøntegaard, VCEG-M33 (2001): the difference of log rate, averaged over the quality that both
    curves reach. Quality here is −log10 of the divergence, each curve is interpolated by piecewise
    cubics that keep its monotony (PCHIP), and the library `bjontegaard` does the arithmetic.

    The library takes rate as a function of quality and quietly returns nonsense when a curve turns
    back on itself, as a codec does whose costlier setting diverges more. So each curve is reduced
    to its Pareto front first: what a user would choose from. Points below `FLOOR` are left out.

    The answer is None, with the reason, when a front has fewer than 3 points, or when the curves
    share less than half of the narrower one's range of log divergence, or less than a factor of 2
    in divergence: an average over so little says nothing of the curves.
    """
    fronts = [_front(anchor), _front(test)]
    for name, front in zip(("anchor", "curve"), fronts, strict=True):
        if len(front) < MINIMUM_POINTS:
            has = f"{name} has {len(front)} points on its Pareto front"
            return Delta(None, reason=f"{has}, {MINIMUM_POINTS} are needed")
    (rates, quality), (test_rates, test_quality) = (zip(*front, strict=True) for front in fronts)
    spans = quality[-1] - quality[0], test_quality[-1] - test_quality[0]
    shared = min(quality[-1], test_quality[-1]) - max(quality[0], test_quality[0])
    if shared <= 0:
        return Delta(None, reason="no divergence in common")
    if shared < max(MINIMUM_SHARE * min(spans), math.log10(MINIMUM_FACTOR)):
        return Delta(None, reason=f"only a factor of {10**shared:.2g} in divergence in common")

    from bjontegaard import bd_rate as library  # imports pyplot, so only where it is needed

    percent = library(
        rates,
        quality,
        test_rates,
        test_quality,
        "pchip",
        require_matching_points=False,
        min_overlap=0,
    )
    return Delta(float(percent))


def _front(points: Sequence[Point]) -> list[Point]:
    """What no other point beats: rate in bytes and quality (−log10 of divergence), both rising."""
    front: list[Point] = []
    for size, far in sorted(point for point in points if FLOOR <= point[1] < math.inf):
        if not front or -math.log10(far) > front[-1][1]:
            front.append((size, -math.log10(far)))
    return front


def delta_of_draws(
    base: "Drawn", anchor: Sequence[Result], own: "Drawn", test: Sequence[Result]
) -> Delta:
    """The rate of two curves, of one run or of two, with its interval.

    Args:
        base: the draws of the anchor's run.
        anchor: the curve that is compared with.
        own: the draws of the other curve's run: of the same photos the same, where it is paired.
        test: that other curve.
    """
    whole = bd_rate(anchor, test)
    if whole.percent is None:
        return whole
    pairs = zip(base.points(anchor), own.points(test), strict=False)  # one may have no draws
    found = [delta_of(*pair).percent for pair in pairs]
    told = [percent for percent in found if percent is not None]
    if not told or len(told) < _ENOUGH * len(found):
        return whole
    low, high = np.percentile(told, [2.5, 97.5])
    return Delta(whole.percent, float(low), float(high))


def bytes_within(points: Sequence[Point], divergence: float) -> float:
    """The fewest bytes at a divergence, on the front's line between points; NaN out of its reach.

    A front that begins below the divergence needs what its cheapest point does.
    """
    front, quality = _front(points), -math.log10(divergence)
    if not front or front[-1][1] < quality:
        return NAN
    sizes, qualities = np.array(front).T
    return float(np.exp(np.interp(quality, qualities, np.log(sizes))))


class Drawn:
    """Photos of a run, or stretches of clips, drawn again and again; the same for every curve.

    Args:
        samples: of the run.
        seed: of the draws.
        order: of the photos, where the draws are to be those of another run of the same.
    """

    def __init__(
        self, samples: Sequence[Sample], seed: int, order: Sequence[Hashable] = ()
    ) -> None:
        units = order or [sample.unit for sample in samples if sample.tells]
        self._units = {unit: i for i, unit in enumerate(dict.fromkeys(units))}
        self._weights = draws(list(self._units), RESAMPLES, seed)
        self._sums: dict[object, Floats] = {}
        for sample in samples:
            sums = self._sums.setdefault(sample.choice, np.zeros((3, len(self._units))))
            if sample.tells and sample.error is None and sample.divergence is not None:
                told = (sample.bytes, sample.divergence, 1)
                sums[:, self._units[sample.unit]] += told

    def points(self, curve: Sequence[Result]) -> list[list[Point]]:
        """The points of a curve in each draw; no draws of a single photo."""
        if self._weights is None:
            return []
        means = []
        for result in curve:
            sizes, far, counts = self._sums[result.choice] @ self._weights.T
            with np.errstate(invalid="ignore"):  # a draw without a sample has no mean
                means.append(np.stack([sizes, far], 1) / counts[:, None])
        return [[(float(s), float(d)) for s, d in row] for row in np.stack(means, 1)]
