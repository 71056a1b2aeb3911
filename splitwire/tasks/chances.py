"""Divergences of, and draws from, the distributions that logits stand for.

Divergences are Kullback and Leibler's in nats, KL(p‖q) = Σ p (log p − log q) with p of the
reference, worked out in float64 from logarithms, so that no probability underflows before its
logarithm is taken. A logit beyond ±10,000, or infinite, counts as that: none is NaN.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from splitwire.models.arrays import array

if TYPE_CHECKING:  # who only judges and predicts does without it
    import torch

Floats = NDArray[np.float64]

_FURTHEST = 1e4


def log_sigmoid(logits: Any) -> Floats:
    """The logarithm of each logit's sigmoid, of tensors or arrays."""
    return np.asarray(-np.logaddexp(0, -_double(logits)))


def heard(logits: Any, noise: float) -> Any:
    """Logits of what is heard where an event that is not there is so with a probability.

    Of an event of probability p that is noise + (1 − noise) p. Of a tensor it is a tensor, and
    differentiable; of an array one of float64.
    """
    lift, least = -math.log(1 - noise), math.log(noise / (1 - noise))
    if isinstance(logits, np.ndarray):
        return np.logaddexp(_double(logits) + lift, least)
    import torch

    return torch.logaddexp(logits + lift, logits.new_full((), least))


def log_softmax(logits: Any, dim: int) -> Floats:
    """That of the softmax over a dimension."""
    x = _double(logits)
    x = x - x.max(dim, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(dim, keepdims=True)))


def bernoulli_divergence(reference: Any, output: Any) -> Floats:
    """That of each logit's sigmoid, of the logits' shape."""
    p, q, not_p, not_q = (log_sigmoid(s * array(x)) for s in (1, -1) for x in (reference, output))
    terms = np.exp(p) * (p - q) + np.exp(not_p) * (not_p - not_q)
    return np.asarray(np.maximum(terms, 0))  # rounding can leave −1e-17


def categorical_divergence(reference: Any, output: Any, dim: int) -> Floats:
    """That of the softmax over a dimension, of the shape that is left without it."""
    p, q = log_softmax(reference, dim), log_softmax(output, dim)
    return np.asarray(np.maximum((np.exp(p) * (p - q)).sum(dim), 0))


def bernoulli_likelihood(
    logits: "torch.Tensor", random: np.random.Generator
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Draws from each logit's sigmoid, 0 or 1, and the log-likelihood of each, of its shape."""
    import torch
    from torch.nn import functional as F

    chances = logits.detach().double().sigmoid().numpy()
    drawn = torch.from_numpy(random.random(chances.shape) < chances).to(logits.dtype)
    return drawn, -F.binary_cross_entropy_with_logits(logits, drawn, reduction="none")


def categorical_likelihood(
    logits: "torch.Tensor", random: np.random.Generator, dim: int
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Draws from each softmax over a dimension, which stays as one of 1, and their log-likelihoods.

    What is drawn is where a logit with Gumbel's noise added to it is the largest (E. J. Gumbel,
    1954).
    """
    import torch

    shares = logits.log_softmax(dim)
    noise = torch.from_numpy(random.gumbel(size=tuple(logits.shape)))
    drawn = (shares.detach().double() + noise).argmax(dim, keepdim=True)
    return drawn, shares.gather(dim, drawn)


def _double(logits: Any) -> Floats:
    return array(logits).astype(np.float64).clip(-_FURTHEST, _FURTHEST)
