"""How far a coded network strays: divergence, agreement, accuracy, and an interval for a mean.

Pure functions on NumPy arrays. The last axis of logits is the classes; predictions are classes,
best first, as `top_k` gives them.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], Floats]


def divergence(reference_logits: ArrayLike, logits: ArrayLike) -> Floats:
    """The Kullback-Leibler divergence of a network's output from the uncompressed one's, in nats.

    With p and q the softmax of the two, KL(p‖q) = Σ p (log p − log q), worked out in float64 from
    log-softmax, so that no probability underflows before its logarithm is taken. A class that p
    rules out (a logit of −∞) adds nothing; one that q alone rules out makes it infinite; a NaN
    makes it NaN.

    Args:
        reference_logits: output of the uncompressed network, shape (..., classes).
        logits: output to judge, of the same shape.

    Returns:
        Shape (...), at least 0.
    """
    p, q = _log_softmax(reference_logits), _log_softmax(logits)
    ratio = np.zeros(np.broadcast_shapes(p.shape, q.shape))
    np.subtract(p, q, out=ratio, where=~np.isneginf(p))
    terms = np.sum(np.exp(p) * ratio, axis=-1)
    return np.asarray(np.maximum(terms, 0.0))  # rounding can leave −1e-17


def _log_softmax(logits: ArrayLike) -> Floats:
    x = np.asarray(logits, dtype=np.float64)
    x = x - np.max(x, axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True)))


def top_k(logits: ArrayLike, k: int) -> NDArray[np.int64]:
    """The k classes of the largest logits, best first; of equals the lower class comes first.

    Args:
        logits: shape (..., classes).
        k: how many; all of them where there are fewer.

    Returns:
        Shape (..., k).
    """
    order = np.argsort(-np.asarray(logits, dtype=np.float64), axis=-1, kind="stable")
    return order[..., :k].astype(np.int64)


def hits(labels: Sequence[int], predictions: Sequence[Sequence[int]], k: int) -> Floats:
    """For each picture, 1 where its label is among the k best predictions and 0 where not."""
    pairs = zip(labels, predictions, strict=True)
    return np.array([float(label in list(best)[:k]) for label, best in pairs])


def accuracy(labels: Sequence[int], predictions: Sequence[Sequence[int]], k: int = 1) -> float:
    """The share of pictures whose label is among the k best predictions (top-k), 0 to 1."""
    return float(np.mean(hits(labels, predictions, k)))


def agreement(references: Sequence[Sequence[int]], predictions: Sequence[Sequence[int]]) -> float:
    """The share of pictures whose best class is that of the uncompressed network, 0 to 1."""
    return accuracy([best[0] for best in references], predictions)


def mean(values: Floats, weights: Floats) -> Floats:
    """The mean of values (n,) under each row of weights (resamples, n): shape (resamples,)."""
    return np.asarray(weights @ values / weights.sum(axis=1))


def bootstrap(
    values: ArrayLike,
    groups: Sequence[Hashable],
    statistic: Statistic = mean,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[float, float]:
    """The 95 % percentile interval of a statistic, by resampling groups (Efron, 1979).

    Views of one photo resemble each other, so what is drawn with replacement is photos, each with
    all of its views: drawing views would make the interval too narrow. A resample is then nothing
    but a count for each photo, which is how `statistic` sees it: as weights.

    Args:
        values: one number a sample, shape (n,).
        groups: the photo of each sample, length n.
        statistic: from values (n,) and weights (resamples, n) to shape (resamples,).
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
    drawn = statistic(np.asarray(values, dtype=np.float64), weights)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return (float(low), float(high))
