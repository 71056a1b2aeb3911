"""Rate-divergence curves, and one curve against another as a Bjøntegaard delta rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from splitwire.eval.experiment import FLOAT32
from splitwire.eval.results import Result
from splitwire.runner.choice import EDGE_ONLY

FLOOR = 1e-6
"""Nats below which a divergence is the rounding of the network itself, not of a codec."""

MINIMUM_POINTS = 3
MINIMUM_SHARE = 0.5
MINIMUM_FACTOR = 2.0

Key = tuple[str, str]


@dataclass(frozen=True)
class Delta:
    """A Bjøntegaard delta rate in percent (negative: fewer bytes), or why there is none."""

    percent: float | None
    reason: str = ""


def curves(results: Sequence[Result]) -> dict[Key, list[Result]]:
    """The results of each split and curve, cheapest first; those that failed anywhere left out.

    The split of what sends the picture is empty.

    Edge only has no rate, and float32 features no quality to turn: neither is a curve.
    """
    found: dict[Key, list[Result]] = {}
    for result in results:
        if result.usable and result.way != EDGE_ONLY and result.codec != FLOAT32:
            found.setdefault((result.split, result.curve), []).append(result)
    return {key: sorted(points, key=lambda point: point.bytes) for key, points in found.items()}


def pareto(points: Sequence[Result]) -> list[Result]:
    """The points that no other beats on both rate and divergence, cheapest first."""
    front: list[Result] = []
    for point in sorted(points, key=lambda point: (point.bytes, point.divergence.mean)):
        if not front or point.divergence.mean < front[-1].divergence.mean:
            front.append(point)
    return front


def bd_rate(anchor: Sequence[Result], test: Sequence[Result]) -> Delta:
    """How many percent more bytes `test` needs than `anchor` at equal divergence, on average.

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
            return Delta(None, f"{has}, {MINIMUM_POINTS} are needed")
    (rates, quality), (test_rates, test_quality) = (zip(*front, strict=True) for front in fronts)
    spans = quality[-1] - quality[0], test_quality[-1] - test_quality[0]
    shared = min(quality[-1], test_quality[-1]) - max(quality[0], test_quality[0])
    if shared <= 0:
        return Delta(None, "no divergence in common")
    if shared < max(MINIMUM_SHARE * min(spans), math.log10(MINIMUM_FACTOR)):
        return Delta(None, f"only a factor of {10**shared:.2g} in divergence in common")

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


def _front(points: Sequence[Result]) -> list[tuple[float, float]]:
    """Rate in bytes and quality (−log10 of nats), both rising."""
    fit = [p for p in points if p.usable and FLOOR <= p.divergence.mean < math.inf]
    return [(point.bytes, -math.log10(point.divergence.mean)) for point in pareto(fit)]


def bd_rates(results: Sequence[Result], anchor: str = "h264") -> dict[Key, Delta]:
    """The delta rate of every curve at every split against the anchor curve at the same split.

    The cloud-only curve stands against the anchor of each split, under the name of that split. A
    codec with one setting only, such as a lossless one, is no curve and is left out.

    Args:
        results: of one run.
        anchor: a curve ("h264", "hevc:preset=slow"), or the codec whose first curve it is to be.
    """
    found = curves(results)
    splits = dict.fromkeys(split for split, _ in found if split)
    rates: dict[Key, Delta] = {}
    for split in splits:
        here = {name: points for (at, name), points in found.items() if at in (split, "")}
        chosen = find_anchor(here, anchor)
        base = here.pop(chosen, []) if chosen else []
        for name, points in here.items():
            if base and len(points) > 1:
                rates[split, name] = bd_rate(base, points)
    return rates


def find_anchor(names: Sequence[str] | dict[str, list[Result]], anchor: str) -> str | None:
    """The curve of that name, or the first of the codec of that name, or None."""
    named = [name for name in names if name == anchor or name.partition(":")[0] == anchor]
    return anchor if anchor in named else next(iter(named), None)
