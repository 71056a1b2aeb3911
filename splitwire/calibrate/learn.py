"""Calibration: what crosses at a cut for calibration pictures, and what the output makes of it.

    crop ─▶ edge ─▶ features ─▶ cloud ─▶ output ─▶ labels that the task draws from it
                        ╰─────── gradient of each label's log-likelihood ───────╯

The gradients are those whose mean outer product is the Fisher information of the output
(J. Martens, arXiv:1412.1193): labels come from the network's own output, and no picture needs one.
They tell what small errors cost. A codec's errors are not small, and cost somewhat more or less;
and what was learnt fits best the pictures that it was learnt from. So the codec is tried on crops
of photos that were held out, and the gradients scaled until what it expects is what those lose.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from splitwire.codecs.base import Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.models.split import Split
from splitwire.runner.local import as_array, decode, encode
from splitwire.tasks.base import Task

CROPS = 200
LABELS = 2  # drawn for each crop: one backward pass each, cheaper than a crop of its own
HELD = 100  # crops of held-out photos
_TRIALS = 4
_NEAR = 0.03  # of a loss: not worth another trial
_LEAST = 1e-9  # loss that is told from none
_FURTHEST = 1.4  # powers of e by which one trial changes the size of gradients


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
            tensors = cut.edge(cut.model.device.put(torch.from_numpy(crop)[None]))
        slopes = _gradients(cut, tensors, task, random) if task else []
        yield Seen([as_array(tensor) for tensor in tensors], slopes)


@dataclass(frozen=True)
class Trial:
    """What held-out crops cost at one setting: means.

    Attributes:
        setting: parameters, as a spec has them.
        divergence: from the network's output, in the task's unit.
        bytes: of a packet.
    """

    setting: str
    divergence: float
    bytes: float


class Learning:
    """Learns a codec for each crossing tensor of a cut, from one crop after another.

    Args:
        codec: any that learns of features.
        cut: the network in its halves.
        task: by which losses are judged.
    """

    def __init__(self, codec: CalibratedCodec, cut: Split, task: Task) -> None:
        self._codec, self._cut, self._task = codec, cut, task
        self._learners = [codec.learner() for _ in cut.crossings]

    def add(self, crop: Seen) -> None:
        """Learn from what `watch` gave of a crop.

        Raises:
            CodecError: the codec cannot learn from those features.
        """
        for i, learner in enumerate(self._learners):
            learner.add(crop.features[i], [row[i] for row in crop.gradients])

    def codecs(self, held: Sequence[Seen]) -> list[CalibratedCodec]:
        """The codec for each crossing tensor, scaled until held-out crops lose the task's fidelity.

        Args:
            held: crops of photos that it did not learn from; without them nothing is scaled.

        Raises:
            CodecError: the codec cannot learn from what it was given.
        """
        wanted, expected = self._task.fidelity, self._codec.expected_loss
        size = 0.5 * float(np.log(expected / wanted)) if expected else 0.0  # its logarithm
        made, slope = self._made(float(np.exp(size))), -2.0  # of the loss's, for small errors
        before: tuple[float, float] | None = None
        for _ in range(_TRIALS if expected and held else 0):
            excess = float(np.log(max(self._tried(made, {}, held).divergence, _LEAST) / wanted))
            if abs(excess) < _NEAR:
                break
            if before is not None and size != before[0]:
                slope = min(max((excess - before[1]) / (size - before[0]), -3.0), -0.5)
            before = size, excess
            size += min(max(-excess / slope, -_FURTHEST), _FURTHEST)
            made = self._made(float(np.exp(size)))
        return made

    def trials(self, codecs: Sequence[CalibratedCodec], held: Sequence[Seen]) -> list[Trial]:
        """What held-out crops cost at each of the codec's settings."""
        return [self._tried(codecs, setting, held) for setting in self._codec.settings]

    def _made(self, scale: float) -> list[CalibratedCodec]:
        return [learner.made(scale) for learner in self._learners]

    def _tried(
        self, codecs: Sequence[CalibratedCodec], setting: Mapping[str, Any], held: Sequence[Seen]
    ) -> Trial:
        usual = [type(codec)(profile=codec.profile, **setting) for codec in codecs]
        lost, sizes = [], []
        with torch.inference_mode():
            for crop in held:
                pairs = zip(crop.features, self._cut.crossings, strict=True)
                sent = [torch.from_numpy(x).reshape(c.shape).to(c.dtype) for x, c in pairs]
                packet = encode(sent, usual)
                received = decode(packet, usual, self._cut.crossings)
                outputs = self._cut.finish(sent), self._cut.finish(received)
                lost.append(self._task.divergence(*outputs))
                sizes.append(len(packet))
        told = ",".join(f"{key}={value}" for key, value in setting.items())
        return Trial(told, float(np.mean(lost)), float(np.mean(sizes)))


def calibrate(
    codec: CalibratedCodec, cut: Split, seen: Iterable[Seen], task: Task, held: Sequence[Seen] = ()
) -> list[CalibratedCodec]:
    """A codec calibrated for each crossing tensor.

    Args:
        codec: any that learns of features.
        cut: the network in its halves.
        seen: what `watch` gave there; gone through once.
        task: by which losses are judged.
        held: the same of other photos, by which the size of gradients is settled.

    Raises:
        CodecError: the codec cannot learn from those features.
    """
    learning = Learning(codec, cut, task)
    for crop in seen:
        learning.add(crop)
    return learning.codecs(held)


def more_bytes(trials: Sequence[Trial], than: Sequence[Trial], divergence: float) -> float:
    """How many more bytes some trials take than others at one divergence, as a share.

    Between and beyond settings the logarithm of bytes is taken for linear in that of divergence. 0
    where settings hardly differ, as with a network whose output is nearly constant.
    """
    logs = []
    for each in (trials, than):
        lost = np.log([max(trial.divergence, _LEAST) for trial in each])
        if np.ptp(lost) < _NEAR:
            return 0.0
        slope, start = np.polyfit(lost, np.log([trial.bytes for trial in each]), 1)
        logs.append(slope * np.log(divergence) + start)
    return float(np.exp(logs[0] - logs[1]) - 1)


def _gradients(
    cut: Split, tensors: Sequence[torch.Tensor], task: Task, random: np.random.Generator
) -> list[list[Tensor]]:
    """Of the log-likelihood of each label drawn, with respect to each crossing tensor."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_(t.is_floating_point()) for t in tensors]
        output = task.checked(cut.model.device.bring(cut.cloud(*leaves)))
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
