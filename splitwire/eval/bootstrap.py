"""The interval of a statistic over pictures, by resampling photos, or stretches of clips."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from splitwire.eval.draws import draws
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
        groups: the photo of each sample, or the pair of its clip and its number; see draws.py.
        estimate: from statistics and weights (resamples, n) to shape (resamples,).
        seed: of the resampling. The same groups and seed draw the same resamples.
        resamples: how many.

    Returns:
        The 2.5th and 97.5th percentiles; NaN where there are fewer than two photos, since one says
        nothing about the spread over photos, or fewer than two stretches.
    """
    weights = draws(groups, resamples, seed)
    if weights is None:
        return (float("nan"), float("nan"))
    low, high = np.percentile(estimate(statistics, weights), [2.5, 97.5])
    return (float(low), float(high))
