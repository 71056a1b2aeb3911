"""The headline of a run: the choice with the fewest bytes, measured where it was not chosen.

The best of a hundred settings on some photos owes a part of that to those photos. So it is chosen
on every second photo (clip, or stretch of a clip) and reported on the others; and it holds the
fidelity only where the upper end of its interval does.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from splitwire.eval.draws import blocks
from splitwire.eval.paired import by_unit, change, shown
from splitwire.eval.results import Estimate, Result, summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import faithful, smallest
from splitwire.runner.choice import CLOUD_ONLY, SHARED, Key, Way

LEAST = 4  # photos or clips, below which there are no two halves


@dataclass(frozen=True)
class Headline:
    """What is said of a run first.

    Attributes:
        chosen: the shared choice, over the photos that it is reported on.
        picture: the cheapest way to send the picture, found and reported likewise; None without.
        others: whether those are other photos than it was chosen on.
        established: whether the interval of its divergence lies within the limit, on those.
        saved: percent of bytes that it needs more than the picture, on the same photos.
        rivals: the cheapest of other curves and splits that are not shown to need more than it.
    """

    chosen: Result
    picture: Result | None
    others: bool
    established: bool
    saved: Estimate | None = None
    rivals: tuple[Result, ...] = ()


@lru_cache(maxsize=2)  # a sentence and a tile are of one summary
def headline(summary: Summary) -> Headline | None:
    """The cheapest shared choice that keeps the fidelity; None where none does.

    Among those whose interval lies within it on the photos that are chosen on, if there are any.
    None of untrained weights.
    """
    if not summary.head.trained:
        return None
    told = [sample for sample in summary.samples if sample.tells]
    groups = _groups(told)
    names = list(dict.fromkeys(groups))
    halves = (names[::2], names[1::2]) if len(names) >= LEAST else (names, names)
    kept = [_kept(summary, zip(told, groups, strict=True), half) for half in halves]
    choosing, reported = (_results(summary, samples) for samples in kept)
    chosen = _cheapest(choosing, SHARED, summary.fidelity)
    if chosen is None:
        return None
    picture = _cheapest(choosing, CLOUD_ONLY, summary.fidelity)
    found = reported[chosen.choice]
    duel = _Duel(kept[1], chosen.choice, summary.head.experiment.seed)
    rivals = [rival.choice for rival in _rivals(choosing, chosen, summary.fidelity)]
    return Headline(
        found,
        reported[picture.choice] if picture else None,
        len(names) >= LEAST,
        len(names) >= LEAST and found.divergence.high <= summary.fidelity,
        duel.against(picture.choice) if picture else None,
        tuple(reported[rival] for rival in rivals if not shown(duel.against(rival))),
    )


class _Duel:
    """The bytes of one choice beside those of others, on the same photos."""

    def __init__(self, samples: Sequence[Sample], mine: Key, seed: int) -> None:
        self._samples, self._seed = samples, seed
        self._mine = self._bytes(mine)

    def against(self, other: Key) -> Estimate:
        return change(self._mine, self._bytes(other), self._seed)

    def _bytes(self, choice: Key) -> dict[Hashable, float]:
        return by_unit((s, s.bytes) for s in self._samples if s.choice == choice)


def _rivals(results: dict[Key, Result], chosen: Result, max_divergence: float) -> list[Result]:
    """The cheapest of each other curve and split that keep the fidelity."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in faithful(results.values(), max_divergence):
        if result.way == SHARED:
            found.setdefault((result.split, result.curve), []).append(result)
    found.pop((chosen.split, chosen.curve), None)
    return [min(group, key=lambda r: r.bytes) for group in found.values()]


def _groups(samples: Sequence[Sample]) -> list[Hashable]:
    """What of each sample falls into one half: its photo, or clip; of few clips, its stretch."""
    clips = {sample.clip for sample in samples}
    if None not in clips and len(clips) >= LEAST:
        return [sample.clip for sample in samples]
    units = list(dict.fromkeys(sample.unit for sample in samples))
    found = dict(zip(units, blocks(units), strict=True))
    return [found[sample.unit] for sample in samples]


def _kept(
    summary: Summary, grouped: Iterable[tuple[Sample, Hashable]], half: list[Hashable]
) -> list[Sample]:
    """The samples of some photos, of what went through all of the run's."""
    usable = {result.choice for result in summary.results if result.usable}
    within = set(half)
    return [s for s, group in grouped if group in within and s.choice in usable]


def _results(summary: Summary, kept: Sequence[Sample]) -> dict[Key, Result]:
    """The results over some samples, with the times of all."""
    found = summarise(kept, seed=summary.head.experiment.seed)
    times = {result.choice: result.times for result in summary.results}
    return {result.choice: replace(result, times=times[result.choice]) for result in found}


def _cheapest(results: dict[Key, Result], way: Way, max_divergence: float) -> Result | None:
    good = faithful(results.values(), max_divergence)
    sure = [result for result in good if result.divergence.high <= max_divergence]
    return smallest(sure, way) or smallest(good, way)
