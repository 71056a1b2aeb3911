"""Running an experiment: every picture through every split and codec, one line a sample.

A run that was interrupted goes on where it stopped: what its folder holds is not measured again.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.calibrate.calibrator import Calibrator, Track, silent
from splitwire.calibrate.learn import CROPS
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.registry import codec
from splitwire.data.photos import Photo, check_disjoint, load_photos
from splitwire.errors import ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.experiment import Coding, Experiment, automatic_splits
from splitwire.eval.head import check_profiles, check_same, check_unseen, describe_run
from splitwire.eval.metrics import divergence, top_k
from splitwire.eval.samples import SAMPLES, Sample, head_line, read_run, sample_line
from splitwire.models.split import Split, cut_points
from splitwire.runner.link import SimulatedLink, Wire
from splitwire.runner.local import Outcome, as_array, infer, infer_on_edge
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads

EDGE_ONLY = Coding("none", "none")
PROFILES = "profiles"
CLASSES_KEPT = 5


@dataclass(frozen=True, eq=False)
class Task:
    """One split and codec, ready to run on any picture.

    Attributes:
        split: the network in its halves.
        coding: what samples call the codec, and its curve.
        codecs: one for each crossing tensor; none where nothing is sent.
    """

    split: Split
    coding: Coding
    codecs: Sequence[Codec]

    def run(self, x: Tensor) -> Outcome:
        """One picture all the way, over a wire: links are simulated from the packet's size."""
        if not self.codecs:
            return infer_on_edge(self.split, x)
        return infer(self.split, self.codecs, self.codecs, Wire(), x)


@dataclass(frozen=True)
class View:
    """One picture to measure on, and the uncompressed network's output for it."""

    photo: Photo
    number: int
    at: int  # how many come before it
    x: Tensor
    reference: Tensor

    def sample(self, task: Task) -> Sample:
        """The sample of a task on this picture before it is measured."""
        coding, split = task.coding, task.split
        return Sample(
            photo=self.photo.name,
            view=self.number,
            split=split.at,
            codec=coding.codec,
            curve=coding.curve,
            label=self.photo.label,
            elements=sum(int(np.prod(c.shape)) for c in split.crossings) if task.codecs else 0,
            reference=top_k(self.reference, CLASSES_KEPT).tolist(),
        )


class Run:
    """An experiment with everything loaded, and the folder that it is written to.

    Iterating measures what is missing and yields each sample when it is on the disk. `left_out`
    names, by curve, the splits where it is not measured for want of a profile that training makes.

    Args:
        experiment: what to measure.
        out: the run's folder; made, or gone on with if it holds samples of this experiment.
        track: shows how far calibration is, for codecs that need it.

    Raises:
        SplitwireError: a model, cut point, codec, data set or device that cannot be had, a folder
            that cannot be written, or one that holds another experiment.
    """

    def __init__(self, experiment: Experiment, out: Path, track: Track = silent) -> None:
        self.experiment = experiment
        self.out = out
        limit_threads(experiment.threads)
        keep_memory()
        # First what is quick to refuse: a wrong spec should not wait for a network to load.
        codings, pictures = experiment.codings(), experiment.cloud_only()
        self._traces = {link: link.load() for link in experiment.links}
        self.photos = load_photos(experiment.data, experiment.limit)
        calibration = load_photos(experiment.calibration)
        check_disjoint(calibration, self.photos)
        self._deployment = deployment = Deployment.load(experiment)
        self.model = deployment.model
        self.points = cut_points(self.model)
        splits = experiment.splits or automatic_splits(self.points)
        cuts = {at: deployment.cut(at) for at in ("output", "input", *splits)}
        done = self._open()  # another run in the folder is refused before codecs are calibrated
        calibrator = Calibrator(calibration, experiment.calibration, experiment.seed, CROPS, track)
        self._profiles = ProfileStore(out / PROFILES, calibrator)
        self.left_out: dict[str, set[str]] = {}
        tasks = [Task(cuts["output"], EDGE_ONLY, ()), *self._tasks(cuts["input"], pictures)]
        for at in splits:
            tasks += self._tasks(cuts[at], codings)
        self.tasks = list({(task.split.at, task.coding.codec): task for task in tasks}.values())
        used = self._profiles_used()
        check_unseen(used, experiment)
        deployment.check(used)
        self.done = self._begin(used) if done is None else done
        check_profiles(read_run(out)[0], used, out)

    @property
    def total(self) -> int:
        """Samples in the whole run, those already on the disk included."""
        return len(self.photos) * self.experiment.views * len(self.tasks)

    def __iter__(self) -> Iterator[Sample]:
        cold = set(self.tasks)
        numbers = range(self.experiment.views)
        pictures = [(photo, number) for photo in self.photos for number in numbers]
        with (self.out / SAMPLES).open("a", encoding="utf-8") as file:
            for at, (photo, number) in enumerate(pictures):
                tasks = [
                    task
                    for task in self.tasks
                    if (photo.name, number, task.split.at, task.coding.codec) not in self.done
                ]
                if not tasks:
                    continue
                view = self._view(photo, number, at)
                for task in tasks:
                    if task in cold:  # the first run of anything pays for caches and allocations
                        self._measure(task, view)
                        cold.remove(task)
                    sample = self._measure(task, view)
                    file.write(sample_line(sample))
                    file.flush()
                    self.done.add(sample.key)
                    yield sample

    def _tasks(self, cut: Split, codings: Sequence[Coding]) -> list[Task]:
        tasks = []
        for coding in codings:
            if codecs := self._profiles.codecs(cut, codec(coding.codec)):
                tasks.append(Task(cut, coding, codecs))
            else:
                self.left_out.setdefault(coding.curve, set()).add(cut.at)
        return tasks

    def _view(self, photo: Photo, number: int, at: int) -> View:
        x = self.model.preprocess.picture(photo.open(), number)
        with torch.inference_mode():
            return View(photo, number, at, x, _logits(self.model(torch.from_numpy(x)[None])))

    def _measure(self, task: Task, view: View) -> Sample:
        blank = view.sample(task)
        try:
            outcome = task.run(view.x)
            logits = _logits(outcome.output)
        except Exception as error:  # of any kind: the row says which, and the sweep goes on
            return replace(blank, error=f"{type(error).__name__}: {error}")
        times: dict[str, Any] = {**outcome.seconds}
        return replace(
            blank,
            bytes=len(outcome.packet),
            divergence=float(divergence(view.reference, logits)),
            prediction=top_k(logits, CLASSES_KEPT).tolist(),
            link=self._link_seconds(outcome.packet, blank, view) if outcome.packet else {},
            **times,
        )

    def _link_seconds(self, packet: bytes, sample: Sample, view: View) -> dict[str, float]:
        """The time on each link that does not lose the packet; pictures come one a second."""
        seconds = {}
        for plan, trace in self._traces.items():
            seed = crc32(f"{self.experiment.seed} {plan.name} {sample.key}".encode())
            link = SimulatedLink(trace, plan.rtt, plan.loss, seed)
            link.clock = float(view.at)
            delivery = link.send(packet)
            if delivery.data is not None:
                seconds[plan.name] = delivery.seconds
        return seconds

    def _open(self) -> set[tuple[str, int, str, str]] | None:
        """Make the folder, or read what it already holds; None where it holds no run yet."""
        path = self.out / SAMPLES
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            whole = path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0
            if not whole:
                path.touch()
                return None
            os.truncate(path, whole)  # what follows is a line that a kill cut short
        except OSError as error:
            raise ExperimentError(f"cannot write to {self.out}: {error.strerror}") from error
        head, samples = read_run(self.out)
        check_same(head, self.experiment, self._deployment, self.out)
        return {sample.key for sample in samples}

    def _begin(self, profiles: dict[str, dict[str, str]]) -> set[tuple[str, int, str, str]]:
        head = describe_run(self.experiment, self._deployment, self.points, self.photos)
        head["profiles"] = profiles
        self._save_features()
        (self.out / SAMPLES).write_text(head_line(head), encoding="utf-8")
        return set()

    def _profiles_used(self) -> dict[str, dict[str, str]]:
        """What each profile in use was learnt on, by digest."""
        codecs = [made for task in self.tasks for made in task.codecs]
        profiles = {made.profile for made in codecs if made.profile is not None}
        return {p.digest: {"codec": p.codec, **p.about} for p in profiles}

    def _save_features(self) -> None:
        """The feature tensor of the first picture at each split, for the report to draw."""
        x = self.model.preprocess.picture(self.photos[0].open())
        folder = self.out / "features"
        folder.mkdir(exist_ok=True)
        for cut in {task.split.at: task.split for task in self.tasks if task.codecs}.values():
            np.save(folder / f"{cut.at.replace('/', '_')}.npy", _features(cut, x)[0])


def _features(cut: Split, x: Tensor) -> list[NDArray[Any]]:
    with torch.inference_mode():
        return [as_array(tensor) for tensor in cut.edge(torch.from_numpy(x)[None])]


def _logits(output: object) -> Tensor:
    if not isinstance(output, torch.Tensor) or output.ndim != 2:
        raise ExperimentError("only classifiers, whose output is one row of logits, can be scored")
    if output.isnan().any():
        raise ExperimentError("the network's output holds NaN")
    return output[0].float().numpy()
