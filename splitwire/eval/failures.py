"""What a run could not measure: choices that failed on every picture, with the reason."""

from collections.abc import Iterable

from splitwire.eval.samples import Sample
from splitwire.runner.choice import Key, label


def dead(samples: Iterable[Sample]) -> dict[str, str]:
    """Why each choice that failed on every picture did so on the first, by what it is called."""
    reasons: dict[Key, str] = {}
    alive: set[Key] = set()
    for sample in samples:
        if not sample.tells:
            continue
        if sample.error is None:
            alive.add(sample.choice)
        else:
            reasons.setdefault(sample.choice, sample.error)
    return {label(*choice): why for choice, why in reasons.items() if choice not in alive}
