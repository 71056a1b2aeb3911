"""Times of one run over those of another, stage by stage, over the choices that both timed.

Ratios are of geometric means over choices and photos, which no slow choice outweighs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from splitwire.eval.paired import Values, difference
from splitwire.eval.results import Estimate
from splitwire.eval.samples import Sample, Time
from splitwire.eval.summary import Summary
from splitwire.runner.choice import EDGE_ONLY, SHARED, Key

NETWORK = "network"

Timed = Mapping[Key, Sequence[Sample | Time]]


@dataclass(frozen=True)
class Pace:
    """How long a stage took in one run over how long it took in another."""

    what: str  # a curve, or the network
    stage: str
    choices: int
    ratio: Estimate


def paces(base: Summary, other: Summary, paired: bool) -> list[Pace]:
    """Of the network's halves, and of each curve's coding; what was timed in both.

    Args:
        base: the run that the other is compared with.
        other: that other.
        paired: whether both are of the same pictures.
    """
    runs, seed = [_timed(base), _timed(other)], base.head.experiment.seed
    found = []
    for what, stage, choices in _groups(base, [choice for choice in runs[0] if choice in runs[1]]):
        mine, theirs = (_logarithms(run, choices, stage) for run in runs)
        if not mine or not theirs:
            continue
        apart = difference(theirs, mine, seed, paired and set(mine) == set(theirs))
        ratio = Estimate(*(exp(end) for end in (apart.mean, apart.low, apart.high)))
        found.append(Pace(what, stage, len(choices), ratio))
    return found


def _groups(base: Summary, both: Sequence[Key]) -> Iterator[tuple[str, str, list[Key]]]:
    """What is timed together: the whole network, second halves, each curve's two ends."""
    yield NETWORK, "edge", [choice for choice in both if choice[0] == EDGE_ONLY]
    yield NETWORK, "cloud", [choice for choice in both if choice[0] != EDGE_ONLY]
    curves = {result.choice: result.curve for result in base.results if result.way == SHARED}
    for curve in dict.fromkeys(curves[choice] for choice in both if choice in curves):
        here = [choice for choice in both if curves.get(choice) == curve]
        for stage in ("encode", "decode"):
            yield curve, stage, here


def _timed(run: Summary) -> Timed:
    """The rows of each choice that have times."""
    found: dict[Key, list[Sample | Time]] = {}
    rows: list[Sample | Time] = [*run.samples, *run.times]
    for row in rows:
        if row.edge is not None:
            found.setdefault(row.choice, []).append(row)
    return found


def _logarithms(timed: Timed, choices: Sequence[Key], stage: str) -> Values:
    """The logarithm of a stage's seconds for each photo, the mean over some choices."""
    found: dict[str, list[float]] = {}
    for choice in choices:
        for row in timed[choice]:
            if seconds := getattr(row, stage):
                found.setdefault(row.photo, []).append(log(seconds))
    return {photo: float(np.mean(values)) for photo, values in found.items()}
