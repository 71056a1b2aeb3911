"""What a run could not measure: choices that failed on every picture, with the reason."""

from collections.abc import Iterable

from splitwire.eval.samples import Sample
from splitwire.runner.choice import Key, label


def dead(samples: Iterable[Sample]) -> dict[str, list[str]]:
    """The choices that failed on every picture, by the reason of the first failure."""
    reasons: dict[Key, str] = {}
    alive: set[Key] = set()
    for sample in samples:
        if not sample.tells:
            continue
        if sample.error is None:
            alive.add(sample.choice)
        else:
            reasons.setdefault(sample.choice, sample.error)
    found: dict[str, list[str]] = {}
    for choice, why in reasons.items():
        if choice not in alive:
            found.setdefault(why, []).append(label(*choice))
    return found
