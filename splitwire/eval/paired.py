"""How much larger one mean is than another, and how far the pictures leave that open.

Where both are of the same pictures, the same are drawn again for both: what is hard about a picture
is hard for both, and the interval is of the difference. Otherwise each is drawn by itself, and the
interval is wider.
"""

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from splitwire.eval.draws import draws
from splitwire.eval.results import Estimate
from splitwire.eval.samples import Sample

RESAMPLES = 1000
"""As many as those of results; see bootstrap.py."""

Values = Mapping[Hashable, float]
"""One a photo, or a frame of a clip: the mean over its views."""


def by_unit(pairs: Iterable[tuple[Sample, float | None]]) -> dict[Hashable, float]:
    """Values of samples as those of their photos; what is not known is left out."""
    found: dict[Hashable, list[float]] = {}
    for sample, value in pairs:
        if value is not None:
            found.setdefault(sample.unit, []).append(value)
    return {unit: float(np.mean(values)) for unit, values in found.items()}


def change(of: Values, to: Values, seed: int, paired: bool = True) -> Estimate:
    """By how many percent the mean of one is above that of another, with its 95 % interval.

    Args:
        of: the one; at least one value.
        to: the other, of the very same units where `paired`.
        seed: of the draws.
        paired: whether both are of the same pictures.
    """
    mine, other = _means(of, to, seed, paired)
    return _estimate(100 * mine / other - 100)


def difference(of: Values, to: Values, seed: int, paired: bool = True) -> Estimate:
    """By how much the mean of one is above that of another; see `change`."""
    mine, other = _means(of, to, seed, paired)
    return _estimate(mine - other)


def shown(estimate: Estimate) -> bool:
    """Whether the interval of a difference leaves zero out; it does not where there is none."""
    return estimate.low > 0 or estimate.high < 0


def _means(of: Values, to: Values, seed: int, paired: bool) -> list[NDArray[np.float64]]:
    """The two means, first as they are and then of each draw."""
    order = list(of)
    others = order if paired else list(to)
    means = []
    for values, units, own in ((of, order, seed), (to, others, seed if paired else seed + 1)):
        told = np.array([values[unit] for unit in units])
        weights = draws(units, RESAMPLES, own)
        drawn = np.empty(0) if weights is None else weights @ told / weights.sum(1)
        means.append(np.append(told.mean(), drawn))
    shortest = min(map(len, means))
    return [mean[:shortest] for mean in means]


def _estimate(values: NDArray[np.float64]) -> Estimate:
    if len(values) == 1:
        return Estimate(float(values[0]))
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
