"""`splitwire train`: photos in, a trained profile and what can be said of it out."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from splitwire.calibrate.calibrator import Track, silent
from splitwire.codecs.ftc import steps
from splitwire.codecs.ftc.sensitivity import learn
from splitwire.codecs.profile import Profile, Provenance
from splitwire.data.fingerprint import fingerprints
from splitwire.data.leaks import without
from splitwire.data.photos import Photo, crops, load_photos
from splitwire.disk import lock
from splitwire.errors import TrainingError
from splitwire.models.device import Device
from splitwire.models.load import Model, load_model
from splitwire.train.architecture import Start, architecture
from splitwire.train.checkpoint import Checkpoint
from splitwire.train.features import BATCH, Features, Halves, batched, gradients, held_out
from splitwire.train.history import History, draw
from splitwire.train.objective import Objective, curve
from splitwire.train.trainer import Schedule, Tell, Trainer
from splitwire.train.tuning import Tuned, first_layers

CALIBRATED = 2400  # of the training crops, those that the start and the last statistics are of
_MEASURED = 160  # crops that tell what ftc costs at each quality
_DEAF = 800  # the level of a step that would have to be astronomical
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
        tune: the cut point up to which the cloud's layers are trained as well; none, if empty.
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
    tune: str = ""

    def provenance(self, model: Model, pictures: tuple[str, ...]) -> Provenance:
        """What stands in the profile, and in checkpoints; `pictures` by their fingerprints."""
        return Provenance(
            model.name,
            model.digest,
            self.split,
            "learned",
            data=(self.called or self.data,),
            crops=self.crops,
            seed=self.schedule.seed,
            architecture=self.architecture,
            rate=self.rate,
            steps=self.schedule.steps,
            pace=self.schedule.pace,
            tune=self.tune,
            pictures=pictures,
        )


class Training:
    """A plan with everything loaded. `run` trains and writes `out`/SPLIT-learned.profile.

    With layers to tune, `out`/SPLIT-tuned.safetensors holds the weights of the network with them.
    The folder also gets the features, the checkpoint that training goes on from, history.jsonl (a
    line every few steps), history.svg, and TensorBoard's events where that is installed.

    Args:
        plan: what to train.
        out: the folder; made if it is not there.
        track: shows how far the features are.
        device: as `Device.find` takes it; "auto", if empty.

    Raises:
        SplitwireError: a model, cut point, data set or architecture that cannot be had, too few
            pictures, or a folder of another training, or one that cannot be written to, or that
            another process trains in.
    """

    def __init__(self, plan: Plan, out: Path, track: Track = silent, device: str = "") -> None:
        made = architecture(plan.architecture)  # first what is quick to refuse
        photos, aside = held_out(load_photos(plan.data, labelled=False))
        photos = without(photos, aside)  # the same under other names
        self._pictures = fingerprints([*photos, *aside])
        self._lock = lock(out)
        self.plan, self.out, self._track = plan, out, track
        self.model = load_model(plan.model, None if plan.weights == "none" else plan.weights)
        many = batched(self.model)
        self.halves = halves = Halves(many, plan.split, _device(device))
        self.features = self._features("features", photos, plan.crops)
        self.validation = self._features("validation", aside, min(VALIDATED, plan.crops))
        seed = plan.schedule.seed
        torch.manual_seed(seed)
        self._some = some = self.features.first(CALIBRATED)
        learnt = learn(some.x.double().numpy(), gradients(halves, some, seed).astype(np.float64))
        level = steps.level(learnt.spectra)
        if level > _DEAF:
            raise TrainingError(f"the output hardly depends on what crosses at {plan.split}")
        start = Start(halves.shape, learnt, level)
        codec, ftc = made(start), architecture("transform")(start)  # which begins as ftc
        if plan.tune:
            layers = first_layers(many, plan.split, plan.tune)
            codec, ftc = Tuned(codec, layers), Tuned(ftc, layers)
            halves = Halves(many, plan.tune, halves.device)
        codec.to(halves.device)
        self.start = curve(ftc.to(halves.device), halves, some.first(_MEASURED))
        self.trainer = Trainer(
            codec,
            halves,
            (self.features, self.validation),
            Objective(self.start, plan.rate or None),
            plan.schedule,
            Checkpoint(out / "checkpoint.pt", self._identity()),
        )

    def run(self, tell: Tell) -> Profile:
        """Train to the end, or from where it stopped, and write what is there then.

        Args:
            tell: called with each line of the history.

        Raises:
            StorageError: the folder cannot be written to; begun again, it goes on.
        """
        with History(self.out, self.trainer.history) as history:

            def write(line: dict[str, Any]) -> None:
                history.write(line)
                tell(line)

            self.trainer.run(write)
        draw(self.trainer.history, self.features.x[0].numel(), self.out / "history.svg")
        batches = [x.float().to(self.halves.device) for x, _ in self._some.batches()]
        codec = self.trainer.average.eval()
        learnt = self.plan.provenance(self.model, self._pictures)
        if isinstance(codec, Tuned):
            learnt = replace(learnt, cloud=self._save_tuned(codec))
        profile = Profile("learned", codec.arrays(batches), learnt=learnt)
        return profile.save(self.out / f"{self.plan.split}-learned.profile")

    def _save_tuned(self, codec: Tuned) -> str:
        """Write the weights of the network with its tuned layers; its digest."""
        tuned = replace(self.model, module=copy.deepcopy(self.model.module))
        codec.tune(tuned.module)
        tuned.save(self.out / f"{self.plan.split}-tuned.safetensors")
        return tuned.digest

    def _identity(self) -> dict[str, str]:
        """What a checkpoint must have in common: a training may go on to another end."""
        learnt = self.plan.provenance(self.model, self._pictures)
        return replace(learnt, steps=0, pace=0.0).as_text()

    def _features(self, name: str, photos: Sequence[Photo], count: int) -> Features:
        """Those of random crops; kept in the folder."""
        path, count = self.out / f"{name}.safetensors", count - count % BATCH
        seed = self.plan.schedule.seed
        data = self.plan.called or self.plan.data
        about = {"weights": self.model.digest, "split": self.plan.split, "data": data}
        about |= {"crops": str(count), "seed": str(seed)}
        about["photos"] = sha256("".join(fingerprints(photos)).encode()).hexdigest()[:16]
        if not path.exists():
            pictures = crops(photos, self.model.preprocess, count, seed)
            tracked = self._track(pictures, total=count, description=f"Computing {name}")
            self.halves.watch(tracked).save(path, about)
        return Features.load(path, about)


def rates(given: Sequence[float], out: Path) -> list[tuple[float, Path]]:
    """Each λ with a folder of its own; `out` itself where there is one, or none.

    Raises:
        TrainingError: a number that is no λ.
    """
    if not all(0 < number < 1 for number in given):
        raise TrainingError(f"--rate takes numbers between 0 and 1 (nats a bit), not {list(given)}")
    if len(given) < 2:
        return [(given[0] if given else 0.0, out)]
    return [(number, out / f"rate-{number:g}") for number in given]


def _device(name: str) -> torch.device:
    return torch.device(Device.find(name or "auto").name)
