"""Divergences of, and draws from, the distributions that logits stand for.

Divergences are Kullback and Leibler's in nats, KL(p‖q) = Σ p (log p − log q) with p of the
reference, worked out in float64 from logarithms, so that no probability underflows before its
logarithm is taken. A logit beyond ±10,000, or infinite, counts as that: none is NaN.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # who only predicts does without it
    import torch

_FURTHEST = 1e4


def heard(logits: "torch.Tensor", noise: float) -> "torch.Tensor":
    """Logits of what is heard where an event that is not there is so with a probability.

    Of an event of probability p that is noise + (1 − noise) p. Differentiable, of the same shape.
    """
    import torch

    least = logits.new_full((), np.log(noise / (1 - noise)))
    return torch.logaddexp(logits - np.log(1 - noise), least)


def bernoulli_divergence(reference: "torch.Tensor", output: "torch.Tensor") -> "torch.Tensor":
    """That of each logit's sigmoid, float64 of the logits' shape."""
    from torch.nn import functional as F

    p, q = _double(reference), _double(output)
    on = p.sigmoid() * (F.logsigmoid(p) - F.logsigmoid(q))
    off = (-p).sigmoid() * (F.logsigmoid(-p) - F.logsigmoid(-q))
    return (on + off).clamp_min(0)  # rounding can leave −1e-17


def categorical_divergence(
    reference: "torch.Tensor", output: "torch.Tensor", dim: int
) -> "torch.Tensor":
    """That of the softmax over a dimension, float64 of the shape that is left without it."""
    p, q = _double(reference).log_softmax(dim), _double(output).log_softmax(dim)
    return (p.exp() * (p - q)).sum(dim).clamp_min(0)


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


def _double(logits: "torch.Tensor") -> "torch.Tensor":
    return logits.detach().double().clamp(-_FURTHEST, _FURTHEST)
