"""Two runs side by side: two codecs, two versions or two networks.

    run, run ─▶ the curves that both have ─▶ Bjøntegaard delta rates
             ─▶ the front of all curves   ─▶ the same of each run's best, and bytes at a divergence
             ─▶ the cheapest faithful     ─▶ metrics
             ─▶ the choices that both timed ─▶ ratios of times

Everything has its 95 % interval. Where both runs are of the same pictures, the same are drawn again
for both; else each run's are drawn by themselves (see paired.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitwire.eval.curves import curves
from splitwire.eval.delta_rates import Delta, Drawn, bytes_within, delta_of_draws
from splitwire.eval.draws import draws
from splitwire.eval.duels import SHARES
from splitwire.eval.paces import Pace, paces
from splitwire.eval.paired import RESAMPLES
from splitwire.eval.results import NAN, Estimate, Result
from splitwire.eval.summary import Summary
from splitwire.eval.totals import faithful, smallest
from splitwire.runner.choice import EDGE_ONLY, SHARED
from splitwire.tasks.metric import Metric

BEST = "each run's best"


@dataclass(frozen=True)
class Rate:
    """A delta rate of one curve in two runs; of `BEST`, of the front of all curves and splits."""

    split: str
    curve: str
    delta: Delta


@dataclass(frozen=True)
class AtDivergence:
    """The fewest bytes of each run at a divergence, NaN where it does not get there."""

    divergence: float
    bytes: tuple[float, float]
    change: Estimate  # in percent


@dataclass(frozen=True)
class Judged:
    """A metric of one choice of each run: the two values, and their difference."""

    metric: str
    share: bool
    labels: tuple[str, str]
    values: tuple[Estimate, Estimate]
    change: Estimate


@dataclass(frozen=True, eq=False)
class Comparison:
    """A run beside the first.

    Args:
        base: the run that the other is compared with.
        other: that other.
    """

    base: Summary
    other: Summary

    @cached_property
    def paired(self) -> bool:
        """Whether both are of the same pictures."""
        first, second = ({s.unit for s in run.samples} for run in (self.base, self.other))
        return first == second and self.base.head.evaluation == self.other.head.evaluation

    @property
    def comparable(self) -> bool:
        """Whether both judge by the same task, so that divergences have one unit."""
        return self.base.scoring.unit == self.other.scoring.unit

    @cached_property
    def rates(self) -> list[Rate]:
        """Of each run's best, then of each curve that both runs have at a split."""
        first, second = (curves(run.results) for run in (self.base, self.other))
        both = [key for key in first if key in second and len(first[key]) > 1]
        found = [Rate(*key, self._delta(first[key], second[key])) for key in both]
        best = [shared_points(run) for run in (self.base, self.other)]
        return [Rate("", BEST, self._delta(*best)), *found] if all(best) else found

    @cached_property
    def bytes(self) -> list[AtDivergence]:
        """Of each run's best at parts of the fidelity."""
        points = [shared_points(run) for run in (self.base, self.other)]
        return [self._at(share * self.base.fidelity, points) for share in SHARES]

    @cached_property
    def metrics(self) -> list[Judged]:
        """Of the uncompressed networks, and of each run's cheapest choice within its fidelity."""
        found = []
        for pick in (_uncompressed, _cheapest):
            chosen = [pick(run) for run in (self.base, self.other)]
            if chosen[0] and chosen[1]:
                found += self._judged(chosen[0], chosen[1])
        return found

    @cached_property
    def times(self) -> list[Pace]:
        """Of the networks' halves, and of each curve's coding; see paces.py."""
        return paces(self.base, self.other, self.paired)

    def _delta(self, first: Sequence[Result], second: Sequence[Result]) -> Delta:
        return delta_of_draws(self._draws[0], first, self._draws[1], second)

    @cached_property
    def _draws(self) -> tuple[Drawn, Drawn]:
        """Of the two runs: the same where they are paired, for both stand in one order."""
        seed = self.base.head.experiment.seed
        order = list(dict.fromkeys(s.unit for s in self.base.samples if s.tells))
        base = Drawn(self.base.samples, seed, order)
        if self.paired:
            return base, Drawn(self.other.samples, seed, order)
        return base, Drawn(self.other.samples, seed + 1)

    def _at(self, divergence: float, points: Sequence[Sequence[Result]]) -> AtDivergence:
        sides = []
        for drawn, own in zip(self._draws, points, strict=True):
            whole = [(point.bytes, point.divergence.mean) for point in own]
            found = [bytes_within(each, divergence) for each in (whole, *drawn.points(own))]
            sides.append(np.array(found))
        ratios = [100 * second / first - 100 for first, second in zip(*sides, strict=False)]
        pair = float(sides[0][0]), float(sides[1][0])
        return AtDivergence(divergence, pair, _interval(np.array(ratios)))

    def _judged(self, first: Result, second: Result) -> list[Judged]:
        found = []
        for metric in self.base.scoring.told(list(first.metrics)):
            if metric.name not in second.metrics:
                continue
            mine = _drawn_metric(self.base, first, metric, self._seed)
            other = _drawn_metric(self.other, second, metric, self._seed + (not self.paired))
            told = first.metrics[metric.name], second.metrics[metric.name]
            apart = [theirs - ours for ours, theirs in zip(mine, other, strict=False)]
            labels = first.label, second.label
            change = _interval(np.array(apart))
            found.append(Judged(metric.name, metric.share, labels, told, change))
        return found

    @property
    def _seed(self) -> int:
        return self.base.head.experiment.seed


_ENOUGH = 0.9  # of the draws must give a number, or there is no interval


def shared_points(run: Summary) -> list[Result]:
    """The points of a run's curves that send features."""
    return [p for (split, _), points in curves(run.results).items() if split for p in points]


def _uncompressed(run: Summary) -> Result | None:
    return next((r for r in run.results if r.way == EDGE_ONLY and r.usable), None)


def _cheapest(run: Summary) -> Result | None:
    return smallest(faithful(run.results, run.fidelity), SHARED)


def _drawn_metric(run: Summary, result: Result, metric: Metric, seed: int) -> NDArray[np.float64]:
    """A metric over the photos as they are, and then over each draw of them."""
    samples = sorted((s for s in run.samples if s.choice == result.choice), key=lambda s: s.key)
    told = [(s.unit, s.metrics.get(metric.name)) for s in samples]
    units, statistics = zip(*((u, value) for u, value in told if value is not None), strict=True)
    weights = draws(units, RESAMPLES, seed)
    rows = (
        np.ones((1, len(units))) if weights is None else np.vstack((np.ones(len(units)), weights))
    )
    return np.asarray(metric.estimate(statistics, rows))


def _interval(values: NDArray[np.float64]) -> Estimate:
    """The first value with the 95 % interval of the others, where enough of them are known."""
    whole, known = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not len(known) or len(known) < _ENOUGH * (len(values) - 1):
        return Estimate(whole, NAN, NAN)
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(whole, float(low), float(high))
