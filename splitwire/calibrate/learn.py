"""Calibration: what crosses at a cut for calibration pictures, and what the output makes of it.

    crop ─▶ edge ─▶ features ─▶ cloud ─▶ output ─▶ labels that the task draws from it
                        ╰─────── gradient of each label's log-likelihood ───────╯

The gradients are those whose mean outer product is the Fisher information of the output
(J. Martens, arXiv:1412.1193): labels come from the network's own output, and no picture needs one.
They tell what small errors cost. A codec's errors are not small, and cost somewhat more or less: so
it is tried on some crops, and the gradients scaled until what it expects is what was seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.models.split import Split
from splitwire.runner.local import as_array, decode, encode
from splitwire.tasks.base import Task

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
        gradients: for each label drawn, that of its log-likelihood with respect to each crossing
            tensor; zeros for tensors of integers. No label is drawn where no gradient is asked for.
    """

    features: list[Tensor]
    gradients: list[list[Tensor]]


def watch(
    cut: Split, crops: Iterable[Tensor], task: Task | None = None, seed: int = 0
) -> Iterator[Seen]:
    """What each crop, float32 pixels (3, H, W), shows at a cut, one after another.

    Args:
        cut: the network in its halves.
        crops: calibration pictures, as `data.photos.crops` makes them.
        task: that of the network, to draw labels by; without one there are no gradients, which
            take most of the time.
        seed: of the labels drawn.

    Raises:
        TaskError: the network's output is not of the task.
    """
    random = np.random.default_rng(seed)
    for crop in crops:
        with torch.no_grad():  # not inference_mode: its tensors can take no part in a gradient
            tensors = cut.edge(torch.from_numpy(crop)[None])
        slopes = _gradients(cut, tensors, task, random) if task else []
        yield Seen([as_array(tensor) for tensor in tensors], slopes)


def calibrate(
    codec: CalibratedCodec, cut: Split, seen: Sequence[Seen], task: Task
) -> list[CalibratedCodec]:
    """A codec calibrated for each crossing tensor.

    Args:
        codec: any that learns of features.
        cut: the network in its halves.
        seen: what `watch` gave there.
        task: by which losses are judged.

    Raises:
        CodecError: the codec cannot learn from those features.
    """
    scale, made = 1.0, _calibrated(codec, seen, 1.0)
    if seen[0].gradients and codec.expected_loss:
        for _ in range(_TRIALS):
            excess = np.sqrt(_loss(made, cut, seen[:_TRIED], task) / codec.expected_loss)
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


def _loss(codecs: Sequence[Codec], cut: Split, seen: Sequence[Seen], task: Task) -> float:
    """The mean divergence of crops whose features are coded with default parameters."""
    usual = [type(codec)(profile=codec.profile) for codec in codecs]
    lost = []
    with torch.inference_mode():
        for crop in seen:
            pairs = zip(crop.features, cut.crossings, strict=True)
            sent = [torch.from_numpy(x).reshape(c.shape).to(c.dtype) for x, c in pairs]
            received = decode(encode(sent, usual), usual, cut.crossings)
            lost.append(task.divergence(cut.cloud(*sent), cut.cloud(*received)))
    return float(np.mean(lost))


def _gradients(
    cut: Split, tensors: Sequence[torch.Tensor], task: Task, random: np.random.Generator
) -> list[list[Tensor]]:
    """Of the log-likelihood of each label drawn, with respect to each crossing tensor."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_(t.is_floating_point()) for t in tensors]
        output = task.checked(cut.cloud(*leaves))
        drawn = [task.log_likelihood(output, random) for _ in range(LABELS)]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    rows = []
    for chance in drawn:
        slopes = iter(
            torch.autograd.grad(
                chance, wanted, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        )
        row = [next(slopes) if t.requires_grad else torch.zeros_like(t) for t in leaves]
        rows.append([as_array(tensor) for tensor in row])
    return rows
