"""The interval of a statistic over pictures, by resampling photos."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from splitwire.tasks.metric import Estimator, mean


def bootstrap(
    statistics: Sequence[Any],
    groups: Sequence[Hashable],
    estimate: Estimator = mean,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[float, float]:
    """The 95 % percentile interval of an estimate, by resampling groups (Efron, 1979).

    Views of one photo resemble each other, so what is drawn with replacement is photos, each with
    all of its views: drawing views would make the interval too narrow. A resample is then nothing
    but a count for each photo, which is how `estimate` sees it: as weights.

    Args:
        statistics: one a sample, n of them.
        groups: the photo of each sample, length n.
        estimate: from statistics and weights (resamples, n) to shape (resamples,).
        seed: of the resampling. The same groups and seed draw the same resamples.
        resamples: how many.

    Returns:
        The 2.5th and 97.5th percentiles; NaN where there are fewer than two groups, since one photo
        says nothing about the spread over photos.
    """
    names = list(dict.fromkeys(groups))
    if len(names) < 2:
        return (float("nan"), float("nan"))
    place = {name: index for index, name in enumerate(names)}
    fair = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), fair, size=resamples)
    weights = counts[:, [place[group] for group in groups]].astype(np.float64)
    low, high = np.percentile(estimate(statistics, weights), [2.5, 97.5])
    return (float(low), float(high))
