"""`splitwire train`: photos in, a trained profile and what can be said of it out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from splitwire.codecs import statistics
from splitwire.codecs.profile import Profile
from splitwire.codecs.sensitivity import learn
from splitwire.errors import TrainingError
from splitwire.eval.datasets import load_photos
from splitwire.eval.profiles import Track, silent
from splitwire.models.load import Model, load_model
from splitwire.train.architecture import Start, architecture
from splitwire.train.features import Features, Halves, gradients, held_out
from splitwire.train.objective import Objective, curve
from splitwire.train.trainer import Schedule, Tell, Trainer

CALIBRATED = 640  # of the training crops, those that the start and the last statistics are of
VALIDATED = 480  # crops to validate on, at most


@dataclass(frozen=True)
class Plan:
    """What to train. A folder holds one plan's training.

    Attributes:
        model, weights: as `load_model` takes them; weights "none" are untrained ones.
        split: the cut point.
        data: "scikit-image", or a folder of pictures.
        called: what the profile calls them.
        architecture: its name.
        rate: λ at the middle quality, in nats a bit; 0 takes the slope of the start.
        crops: how many random crops to train on.
        schedule: how long and how fast.
    """

    model: str
    split: str
    data: str
    schedule: Schedule
    weights: str = "pretrained"
    called: str = ""
    architecture: str = "transform"
    rate: float = 0.0
    crops: int = 6400

    def about(self, model: Model) -> dict[str, str]:
        """What stands in the profile, and in checkpoints."""
        return {
            "model": model.name,
            "weights": model.digest,
            "split": self.split,
            "crossing": "0",
            "settings": "learned",
            "data": self.called or self.data,
            "crops": str(self.crops),
            "seed": str(self.schedule.seed),
            "architecture": self.architecture,
            "rate": str(self.rate),
            "steps": str(self.schedule.steps),
            "pace": str(self.schedule.pace),
        }


def train(plan: Plan, out: Path, tell: Tell, track: Track = silent, device: str = "") -> Profile:
    """Train a codec, or go on with it, and write `out`/SPLIT-learned.profile.

    The folder also holds the features, the checkpoint, and history.jsonl: a line every few steps.

    Args:
        plan: what to train.
        out: the folder; made if it is not there.
        tell: called with each line of the history.
        track: shows how far the features are.
        device: as torch names it; the accelerator there is, or the processor, if empty.

    Raises:
        SplitwireError: a model, cut point, data set or architecture that cannot be had, too few
            pictures, or a folder of another training.
    """
    made = architecture(plan.architecture)  # first what is quick to refuse
    photos, aside = held_out(load_photos(plan.data))
    out.mkdir(parents=True, exist_ok=True)
    model = load_model(plan.model, None if plan.weights == "none" else plan.weights)
    halves = Halves(model, plan.split, _device(device))
    seed = plan.schedule.seed
    features, validation = (
        _kept(out / f"{name}.safetensors", lambda p=some, c=count, s=said: halves.watch(p, model, c, seed, track, s))
        for name, some, count, said in (
            ("features", photos, plan.crops, "Features"),
            ("validation", aside, min(VALIDATED, plan.crops), "Validation features"),
        )
    )
    torch.manual_seed(seed)
    some = Features(features.x[:CALIBRATED], features.reference[:CALIBRATED])
    learnt = learn(some.x.double().numpy(), gradients(halves, some, seed).astype(np.float64))
    codec = made(Start(halves.shape, learnt, statistics.level(learnt.spectra))).to(halves.device)
    objective = Objective(curve(codec, halves, some), plan.rate or None)
    about = plan.about(model)
    trainer = Trainer(codec, halves, (features, validation), objective, plan.schedule, about, out / "checkpoint.pt")
    with (out / "history.jsonl").open("a", encoding="utf-8") as file:

        def write(line: dict[str, Any]) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()
            tell(line)

        trainer.run(write)
    batches = [x.float().to(halves.device) for x, _ in some.batches()]
    trainer.average.eval()
    return Profile("learned", trainer.average.arrays(batches), about=about).save(
        out / f"{plan.split}-learned.profile"
    )


def _device(name: str) -> torch.device:
    if name:
        return torch.device(name)
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


def _kept(path: Path, make: Any) -> Features:
    if not path.exists():
        make().save(path)
    return Features.load(path)
