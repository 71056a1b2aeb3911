"""The loop: from a start to a trained codec, with everything written down as it goes.

crops ─▶ frozen edge half ─▶ features ─▶ codec in training ─▶ frozen cloud half ─▶ divergence
         (once)                  ╰──────────── bits ────────────▶ loss ◀────────────╯
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from splitwire.calibrate.stopping import stopping
from splitwire.train.architecture import Trainable
from splitwire.train.checkpoint import Checkpoint, Parts
from splitwire.train.features import BATCH, Features, Halves
from splitwire.train.objective import Objective, Point, curve, divergence, divergence_from_many

WARM_UP = 100  # steps over which the rate of learning grows
_LONGEST = 2.0  # of a gradient
_MEMORY = 0.998  # of the average of weights that is kept and shipped
_SOME = 20  # steps between lines of the history
_WATCHED = 10  # batches of each kind that progress is told of

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: batches in all.
        pace: Adam's rate of learning at its highest; it falls to a fiftieth by a cosine.
        seed: of the order of tensors, their qualities and the noise.
        every: steps between checkpoints, each with a curve on the validation features.
    """

    steps: int
    pace: float = 5e-4
    seed: int = 0
    every: int = 500

    def pace_at(self, step: int) -> float:
        """Relative to the highest."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * cosine)


class Trainer:
    """Trains a codec around two frozen halves.

    Args:
        codec: where it starts; trained in place.
        halves: of the network.
        features: to train on, and to validate on.
        objective: what to minimise.
        schedule: how long and how fast.
        checkpoint: what training goes on from, and where it is kept.
    """

    def __init__(
        self,
        codec: Trainable,
        halves: Halves,
        features: tuple[Features, Features],
        objective: Objective,
        schedule: Schedule,
        checkpoint: Checkpoint,
    ) -> None:
        self.codec, self.halves, self.objective, self.schedule = codec, halves, objective, schedule
        self._features, self._validation = features
        self.average = copy.deepcopy(codec)  # of the weights over the last steps
        groups = codec.groups()
        self._scales = [group.pop("scale") for group in groups]
        self._optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98))
        self._checkpoint = checkpoint
        self._parts: Parts = {
            "codec": codec,
            "average": self.average,
            "optimizer": self._optimizer,
        }
        self.step, self.history = checkpoint.load(self._parts)

    def run(self, tell: Tell) -> None:
        """Train to the end; `tell` is called with each line of the history as it is written.

        Raises:
            KeyboardInterrupt: of the first Ctrl-C, once the step is done and all of it is kept.
        """
        with stopping() as stopped:
            self._run(tell, stopped)

    def _run(self, tell: Tell, stopped: Callable[[], bool]) -> None:
        sums: list[tuple[float, float, float]] = []
        if not self.history:
            self._validate(tell)
        while self.step < self.schedule.steps:
            sums.append(self._train())
            self.step += 1
            kept = self.step % self.schedule.every == 0 or self.step == self.schedule.steps
            if self.step % _SOME == 0 or kept:
                loss, bits, lost = (sum(column) / len(sums) for column in zip(*sums, strict=True))
                self._note(tell, {"loss": loss, "bits": bits, "divergence": lost})
                sums = []
            if kept:
                self._validate(tell)
                self._checkpoint.save(self._parts, self.step, self.history)
            if stopped():
                self._checkpoint.save(self._parts, self.step, self.history)
                raise KeyboardInterrupt

    def measure(self, features: Features, batches: int = _WATCHED) -> list[Point]:
        """The curve of the averaged weights on some features."""
        return curve(self.average, self.halves, features.first(batches * BATCH))

    def _train(self) -> tuple[float, float, float]:
        """One step: the loss, bits an element and divergence."""
        random = torch.Generator().manual_seed((self.schedule.seed << 32) + self.step)
        torch.manual_seed((self.schedule.seed << 32) + self.step)  # of the noise
        x, reference, quality = self._draw(random)
        pace = self.schedule.pace_at(self.step)
        for group, scale in zip(self._optimizer.param_groups, self._scales, strict=True):
            group["lr"] = self.schedule.pace * pace * scale
        y, bits = self.codec(x, quality)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type != "cpu"):
            logs = self.halves.log_probabilities(y)
        loss = self.objective.loss(divergence_from_many(reference, logs), bits, quality)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.codec.parameters(), _LONGEST)
        self._optimizer.step()
        self._keep_average()
        lost = divergence(reference, logs.detach()).mean().item()
        return loss.item(), bits.mean().item() / x[0].numel(), lost

    def _draw(self, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.randint(len(self._features.x), (BATCH,), generator=random)
        quality, device = self.objective.draw(random), self.halves.device
        x, reference = self._features.x[chosen], self._features.reference[chosen]
        return x.to(device).float(), reference.to(device).float(), quality.to(device)

    @torch.no_grad()
    def _keep_average(self) -> None:
        memory = min(_MEMORY, (self.step + 1) / (self.step + 20))
        pairs = zip(self.average.parameters(), self.codec.parameters(), strict=True)
        for kept, now in pairs:
            kept.lerp_(now, 1 - memory)

    def _validate(self, tell: Tell) -> None:
        points = self.measure(self._validation)
        self._note(tell, {"validation": [vars(point) for point in points]})

    def _note(self, tell: Tell, line: dict[str, Any]) -> None:
        line = {"step": self.step, **line}
        self.history.append(line)
        tell(line)
