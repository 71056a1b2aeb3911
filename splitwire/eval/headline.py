"""The headline of a run: the choice with the fewest bytes, measured where it was not chosen.

The best of a hundred settings on some photos owes a part of that to those photos. So it is chosen
on every second photo and reported on the others; and it holds the fidelity only where the upper end
of its interval does.
"""

from dataclasses import dataclass
from functools import lru_cache

from splitwire.eval.results import Result, summarise
from splitwire.eval.summary import Summary
from splitwire.eval.totals import MAX_DIVERGENCE, faithful, smallest
from splitwire.runner.choice import CLOUD_ONLY, SHARED, Key, Way

LEAST = 4  # photos, below which there are no two halves


@dataclass(frozen=True)
class Headline:
    """What is said of a run first.

    Attributes:
        chosen: the shared choice, over the photos that it is reported on.
        picture: the cheapest way to send the picture, found and reported likewise; None without.
        others: whether those are other photos than it was chosen on.
        established: whether the interval of its divergence lies within the limit.
    """

    chosen: Result
    picture: Result | None
    others: bool
    established: bool


@lru_cache(maxsize=2)  # a sentence and a tile are of one summary
def headline(summary: Summary, max_divergence: float = MAX_DIVERGENCE) -> Headline | None:
    """The cheapest shared choice within a divergence; None where none is, or weights are untrained.

    Among those whose interval lies within it on the photos that are chosen on, if there are any.
    """
    if not summary.head.trained:
        return None
    photos = list(dict.fromkeys(sample.photo for sample in summary.samples))
    halves = (photos[::2], photos[1::2]) if len(photos) >= LEAST else (photos, photos)
    choosing, reported = (_over(summary, half) for half in halves)
    chosen = _cheapest(choosing, SHARED, max_divergence)
    if chosen is None:
        return None
    picture = _cheapest(choosing, CLOUD_ONLY, max_divergence)
    found = reported[chosen.choice]
    return Headline(
        found,
        reported[picture.choice] if picture else None,
        len(photos) >= LEAST,
        found.divergence.high <= max_divergence,
    )


def _over(summary: Summary, photos: list[str]) -> dict[Key, Result]:
    """The results over some photos, of what went through all of the run's."""
    usable = {result.choice for result in summary.results if result.usable}
    kept = [s for s in summary.samples if s.photo in photos and s.choice in usable]
    found = summarise(kept, seed=summary.head.experiment.seed)
    return {result.choice: result for result in found}


def _cheapest(results: dict[Key, Result], way: Way, max_divergence: float) -> Result | None:
    good = faithful(results.values(), max_divergence)
    sure = [result for result in good if result.divergence.high <= max_divergence]
    return smallest(sure, way) or smallest(good, way)
