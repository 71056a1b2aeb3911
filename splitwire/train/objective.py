"""What training minimises: bits and lost output, at every quality at once.

    loss = (divergence / λ(Q) + bits) / cost(Q)

The divergence is that of a picture's own output, and of outputs that it could have had: those of
other pictures, with the error that this one's logarithms have. A picture's own output tells of a
few classes; the others ask its features to keep what tells apart all classes that pictures have.

λ, in nats a bit, is given for the middle quality. Elsewhere it follows the slope of the curve of
`ftc`, so that each step is right for its own rate; and the cost that `ftc` has at a quality makes
all of them weigh alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from splitwire.codecs.ftc.steps import MIDDLE
from splitwire.codecs.learned.integer_network import TRAINED
from splitwire.train.architecture import Trainable
from splitwire.train.features import BATCH, Features, Halves

QUALITIES = (30, 36, 43, 50, 57, 64, 72)
_OTHERS = 8  # pictures of the batch whose outputs each one takes
_OWN_WEIGHT, _OTHERS_WEIGHT = 0.25, 1.1  # errors cost two thirds as much by others' outputs
_LEAST = 1e-6
_USUAL = 2.5  # how fast divergence falls with bits, both in logarithms
_SLOPES = (0.5, 10.0)  # none is taken for more than that


@dataclass(frozen=True)
class Point:
    """A quality on a curve: mean bits and mean divergence (nats) of a tensor."""

    quality: float
    bits: float
    divergence: float


def divergence(reference: Tensor, logs: Tensor) -> Tensor:
    """Kullback and Leibler's, in nats, of rows of log-probabilities from a reference's."""
    return (reference.exp() * (reference - logs)).sum(1)


def divergence_from_many(reference: Tensor, logs: Tensor) -> Tensor:
    """The same for each row's own reference and, with the same errors, for those of other rows."""
    errors, own = logs - reference, divergence(reference, logs)
    others = [reference.roll(i + 1, 0) for i in range(min(_OTHERS, len(reference) - 1))]
    lost = [divergence(other, (other + errors).log_softmax(1)) for other in others]
    return _OWN_WEIGHT * own + _OTHERS_WEIGHT * torch.stack(lost).mean(0)


@torch.no_grad()
def curve(
    codec: Trainable, halves: Halves, features: Features, qualities: Sequence[float] = QUALITIES
) -> list[Point]:
    """What a codec in training reaches, as it estimates bits itself."""
    codec.eval()
    points = []
    for quality in qualities:
        bits, lost = [], []
        for half, reference in features.batches():
            x = half.float().to(halves.device)
            y, spent = codec(x, torch.full((len(x),), float(quality), device=x.device))
            lost.append(divergence(reference.float().to(x.device), halves.log_probabilities(y)))
            bits.append(spent)
        means = (float(torch.cat(each).mean()) for each in (bits, lost))
        points.append(Point(quality, *means))
    codec.train()
    return points


class Objective:
    """The loss of a batch.

    Args:
        start: the curve of `ftc`.
        rate: λ at the middle quality, in nats a bit; where None, the slope of `ftc` there.
    """

    def __init__(self, start: Sequence[Point], rate: float | None) -> None:
        self._at = np.array([p.quality for p in start])
        bits = np.log([max(point.bits, _LEAST) for point in start])
        lost = np.log([max(point.divergence, _LEAST) for point in start])
        rise, fall = np.gradient(bits, self._at), -np.gradient(lost, self._at)
        slopes = np.divide(fall, rise, out=np.full(len(bits), _USUAL), where=rise > 1e-3)
        self._rates = np.log(slopes.clip(*_SLOPES)) + lost - bits
        if rate is not None:
            self._rates += np.log(rate) - np.interp(MIDDLE, self._at, self._rates)
        self._costs = np.logaddexp(lost - self._rates, bits)

    @property
    def rate(self) -> float:
        """λ at the middle quality."""
        return float(np.exp(np.interp(MIDDLE, self._at, self._rates)))

    def draw(self, random: torch.Generator) -> Tensor:
        """A whole quality for each tensor of a batch, one from each even part of the range."""
        low, high = TRAINED
        parts = (torch.arange(BATCH) + torch.rand(BATCH, generator=random)) / BATCH
        return (low + (high - low) * parts).round()

    def loss(self, lost: Tensor, bits: Tensor, quality: Tensor) -> Tensor:
        """The mean over a batch of what each tensor costs, relative to `ftc`."""
        at = quality.cpu().numpy()
        rates, costs = (
            torch.tensor(np.exp(np.interp(at, self._at, table))).to(bits)
            for table in (self._rates, self._costs)
        )
        return ((lost / rates + bits) / costs).mean()
