"""Calibration: what crosses at a cut for calibration pictures, and what the output makes of it.

    crop ─▶ edge ─▶ features ─▶ cloud ─▶ log-probabilities ─▶ labels drawn from them
                        ╰──────── gradient of each label's log-probability ────────╯

The gradients are those whose mean outer product is the Fisher information of the output
(J. Martens, arXiv:1412.1193): labels come from the network's own softmax, and no picture needs one.
They tell what small errors cost. A codec's errors are not small, and cost somewhat more or less: so
it is tried on some crops, and the gradients scaled until what it expects is what was seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.errors import ExperimentError
from splitwire.eval.metrics import divergence
from splitwire.models.split import Split
from splitwire.runner.local import as_array, decode, encode

CROPS = 200
LABELS = 2  # drawn for each crop: one backward pass each, cheaper than a crop of its own
_TRIED = 100  # crops
_TRIALS = 2
_FURTHEST = 4  # times that one trial changes the size of gradients


@dataclass(frozen=True, eq=False)
class Seen:
    """What one crop shows at a cut.

    Attributes:
        features: each crossing tensor as codecs take it.
        gradients: for each label drawn, that of its log-probability with respect to each crossing
            tensor; zeros for tensors of integers. No label is drawn where no gradient is asked for.
    """

    features: list[Tensor]
    gradients: list[list[Tensor]]


def watch(cut: Split, crops: Iterable[Tensor], seed: int, gradients: bool) -> Iterator[Seen]:
    """What each crop, float32 pixels (3, S, S), shows at a cut, one after another.

    Args:
        cut: the network in its halves.
        crops: calibration pictures, as `datasets.crops` makes them.
        seed: of the labels drawn.
        gradients: whether they are wanted; they take most of the time.

    Raises:
        ExperimentError: gradients of a network whose output is no row of logits.
    """
    random = np.random.default_rng(seed)
    for crop in crops:
        with torch.no_grad():  # not inference_mode: its tensors can take no part in a gradient
            tensors = cut.edge(torch.from_numpy(crop)[None])
        slopes = _gradients(cut, tensors, random) if gradients else []
        yield Seen([as_array(tensor) for tensor in tensors], slopes)


def calibrate(codec: CalibratedCodec, cut: Split, seen: Sequence[Seen]) -> list[CalibratedCodec]:
    """A codec calibrated for each crossing tensor.

    Raises:
        CodecError: the codec cannot learn from those features.
    """
    scale, made = 1.0, _calibrated(codec, seen, 1.0)
    if seen[0].gradients and codec.expected_loss:
        for _ in range(_TRIALS):
            excess = np.sqrt(_loss(made, cut, seen[:_TRIED]) / codec.expected_loss)
            scale *= float(np.clip(excess, 1 / _FURTHEST, _FURTHEST))
            made = _calibrated(codec, seen, scale)
    return made


def _calibrated(
    codec: CalibratedCodec, seen: Sequence[Seen], scale: float
) -> list[CalibratedCodec]:
    made = []
    for i in range(len(seen[0].features)):
        slopes = [row[i] * np.float32(scale) for crop in seen for row in crop.gradients]
        made.append(codec.calibrate([crop.features[i] for crop in seen], slopes or None))
    return made


def _loss(codecs: Sequence[Codec], cut: Split, seen: Sequence[Seen]) -> float:
    """The mean divergence (nats) of crops whose features are coded with default parameters."""
    usual = [type(codec)(profile=codec.profile) for codec in codecs]
    lost = []
    with torch.inference_mode():
        for crop in seen:
            pairs = zip(crop.features, cut.crossings, strict=True)
            sent = [torch.from_numpy(x).reshape(c.shape).to(c.dtype) for x, c in pairs]
            received = decode(encode(sent, usual), usual, cut.crossings)
            logits, reference = cut.cloud(*received)[0], cut.cloud(*sent)[0]
            lost.append(divergence(reference.float().numpy(), logits.float().numpy()))
    return float(np.mean(lost))


def _gradients(
    cut: Split, tensors: Sequence[torch.Tensor], random: np.random.Generator
) -> list[list[Tensor]]:
    """Of the log-probability of each label drawn, with respect to each crossing tensor."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_(t.is_floating_point()) for t in tensors]
        chances = _log_probabilities(cut, leaves)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    shares = chances.detach().double().exp().numpy()
    rows = []
    for label in random.choice(len(shares), LABELS, p=shares / shares.sum()):
        slopes = iter(
            torch.autograd.grad(
                chances[label], wanted, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        )
        row = [next(slopes) if t.requires_grad else torch.zeros_like(t) for t in leaves]
        rows.append([as_array(tensor) for tensor in row])
    return rows


def _log_probabilities(cut: Split, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    logits = cut.cloud(*tensors)
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        raise ExperimentError(
            f"{cut.model.name} gives no row of logits to draw labels from: "
            "calibrate a codec that uses no gradients, such as raw:clip=profile"
        )
    return logits[0].float().log_softmax(0)
