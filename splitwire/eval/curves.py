"""Rate-divergence curves."""

from collections.abc import Sequence

import numpy as np

from splitwire.eval.experiment import FLOAT32
from splitwire.eval.results import Result
from splitwire.runner.choice import EDGE_ONLY

FLOOR = 1e-6
"""Nats below which a divergence is the rounding of the network itself, not of a codec."""

Key = tuple[str, str]


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


def bytes_at(points: Sequence[Result], divergence: float) -> float:
    """Bytes at a divergence, on the Pareto front's line between measured points; NaN outside."""
    front = [p for p in pareto(points) if p.divergence.mean > 0][::-1]
    if not front:
        return float("nan")
    far, sizes = np.log([(p.divergence.mean, p.bytes) for p in front]).T
    return float(np.exp(np.interp(np.log(divergence), far, sizes, left=np.nan, right=np.nan)))


_ANCHORS = ("h264", "hevc", "av1", "jpeg")


def anchor_of(results: Sequence[Result]) -> str:
    """The curve that others are compared with where nobody names one: one that was run.

    Of those with the most splits a general codec, and else the first; empty where only one setting
    of each codec was run, so that there is no curve.
    """
    splits: dict[str, int] = {}
    for (split, name), points in curves(results).items():
        if split and len(points) > 1:
            splits[name] = splits.get(name, 0) + 1
    widest = [name for name in splits if splits[name] == max(splits.values())]
    chosen = (find_anchor(widest, codec) for codec in _ANCHORS)
    return next(filter(None, chosen), next(iter(widest), ""))


def find_anchor(names: Sequence[str] | dict[str, list[Result]], anchor: str) -> str | None:
    """The curve of that name, or the first of the codec of that name, or None."""
    named = [name for name in names if name == anchor or name.partition(":")[0] == anchor]
    return anchor if anchor in named else next(iter(named), None)
