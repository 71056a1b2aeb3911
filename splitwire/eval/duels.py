"""Features or the video itself: who needs fewer bytes at a divergence, clip by clip.

Each side is at its best codec, found on the clip that it is shown for: both sides gain by that. A
curve that stays below a divergence all along counts with its cheapest point, which holds it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from splitwire.eval.curves import bytes_at, curves, pareto
from splitwire.eval.results import NAN, Result, summarise
from splitwire.eval.summary import Summary

SHARES = (0.4, 1.0, 2.0)
"""Of the fidelity asked for: the divergences at which both are compared."""

ALL = "all clips"


@dataclass(frozen=True)
class Side:
    """The cheapest curve at a divergence, and its bytes a frame; NaN where none reaches it."""

    curve: str = ""
    bytes: float = NAN


@dataclass(frozen=True)
class Duel:
    """What features at a split need, and what the video itself does.

    Attributes:
        clip: its name, or "all clips" for the means over them.
        split: where the features cross.
        divergence: at which both are compared.
        features: the cheapest codec of features.
        video: the cheapest codec of the picture.
    """

    clip: str
    split: str
    divergence: float
    features: Side
    video: Side

    @property
    def percent(self) -> float:
        """How many percent more bytes features need; NaN where one side does not get there."""
        return 100 * self.features.bytes / self.video.bytes - 100


def duels(summary: Summary) -> list[Duel]:
    """Of each clip, split and divergence, then of all clips; none where no picture is sent."""
    clips = list(dict.fromkeys(s.clip for s in summary.samples if s.clip is not None))
    found: list[Duel] = []
    for clip in clips if len(clips) > 1 else ():
        here = [sample for sample in summary.samples if sample.clip == clip]
        found += _duels(clip, summarise(here, seed=summary.head.experiment.seed), summary.fidelity)
    whole = ALL if len(clips) > 1 else "".join(clips)
    return [*found, *_duels(whole, summary.results, summary.fidelity)]


def _duels(clip: str, results: Sequence[Result], fidelity: float) -> Iterator[Duel]:
    by_split: dict[str, dict[str, list[Result]]] = {}
    for (split, name), points in curves(results).items():
        by_split.setdefault(split, {})[name] = points
    video = by_split.pop("", {})
    for split in by_split if video else ():
        for divergence in (share * fidelity for share in SHARES):
            sides = (cheapest(side, divergence) for side in (by_split[split], video))
            yield Duel(clip, split, divergence, *sides)


def cheapest(found: dict[str, list[Result]], divergence: float) -> Side:
    """The curve with the fewest bytes at a divergence."""
    sides = [Side(name, _bytes_within(points, divergence)) for name, points in found.items()]
    told = [side for side in sides if not isnan(side.bytes)]
    return min(told, key=lambda side: side.bytes, default=Side())


def _bytes_within(points: Sequence[Result], divergence: float) -> float:
    cheapest = pareto(points)[0]
    if cheapest.divergence.mean <= divergence:
        return cheapest.bytes
    return bytes_at(points, divergence)
