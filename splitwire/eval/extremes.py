"""The best and the worst picture of each choice, which a run keeps for the report to draw.

Only of a task that draws on pictures, once all samples are there: `pictures/DIGEST.jpg`, each as
the network takes it, with the digest that of the photo's name.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from splitwire.eval.samples import Sample
from splitwire.runner.choice import EDGE_ONLY, Key

Pair = tuple[Sample, Sample]

_FOLDER = "pictures"


def extremes(samples: Iterable[Sample]) -> dict[Key, Pair]:
    """The samples of the least and of the greatest divergence of each choice, among centre crops.

    Edge only is left out, since nothing is coded there, and so is what failed.
    """
    found: dict[Key, Pair] = {}
    for sample in samples:
        if sample.way == EDGE_ONLY or sample.view or sample.clip or sample.error is not None:
            continue
        if sample.divergence is None:
            continue
        best, worst = found.get(sample.choice, (sample, sample))
        if _far(sample) < _far(best):
            best = sample
        if _far(sample) > _far(worst):
            worst = sample
        found[sample.choice] = best, worst
    return found


def _far(sample: Sample) -> float:
    assert sample.divergence is not None
    return sample.divergence


def picture_of(run: Path, photo: str) -> Path:
    """Where a run keeps a photo, by its name."""
    return run / _FOLDER / f"{hashlib.sha256(photo.encode()).hexdigest()[:16]}.jpg"
