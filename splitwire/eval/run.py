"""Running an experiment: every picture through every split and codec, one line a sample.

A run that was interrupted goes on where it stopped: what its folder holds is not measured again.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from PIL import Image

from splitwire.calibrate.calibrator import Calibrator, Track, silent
from splitwire.codecs.base import Tensor
from splitwire.codecs.registry import codec
from splitwire.data.leaks import check_disjoint
from splitwire.data.photos import Photo, load_photos
from splitwire.disk import Lines, lock, write_whole, writing
from splitwire.eval.checks import check_profiles, check_same, check_unseen, labelled
from splitwire.eval.deployment import Deployment
from splitwire.eval.experiment import Coding, Experiment, automatic_splits
from splitwire.eval.head import describe_run, profiles_of
from splitwire.eval.profiles import RunProfiles
from splitwire.eval.samples import (
    FEATURES,
    PICTURE,
    SAMPLES,
    Sample,
    head_line,
    read_run,
    sample_line,
)
from splitwire.eval.scoring import Scoring
from splitwire.models.split import Split, cut_points
from splitwire.runner.choice import EDGE_ONLY, SHARED, Choice, Key
from splitwire.runner.link import SimulatedLink, Wire
from splitwire.runner.local import Outcome, as_array, infer, infer_on_edge
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads
from splitwire.tasks.base import Output
from splitwire.tasks.registry import load_task

Done = set[tuple[str, int, Key]]


@dataclass(frozen=True)
class View:
    """One picture to measure on, and the uncompressed network's output for it."""

    photo: Photo
    number: int
    at: int  # how many come before it
    x: Tensor
    reference: Output


class Run:
    """An experiment with everything loaded, and the folder that it is written to.

    Iterating measures what is missing and yields each sample when it is on the disk. `left_out`
    names, by curve, the splits where it is not measured for want of a profile that training makes,
    `missing` what this machine lacks for a curve.

    Args:
        experiment: what to measure.
        out: the run's folder; made, or gone on with if it holds samples of this experiment.
        track: shows how far calibration is, for codecs that need it.

    Raises:
        SplitwireError: a model, task, cut point, codec, data set or device that cannot be had, a
            folder that cannot be written or that another process writes to, or one that holds
            another experiment. Iterating raises StorageError where a sample cannot be written;
            begun again, the run goes on behind the last that was.
    """

    def __init__(self, experiment: Experiment, out: Path, track: Track = silent) -> None:
        self.experiment = experiment
        self.out = out
        limit_threads(experiment.threads)
        keep_memory()
        # First what is quick to refuse: a wrong spec should not wait for a network to load.
        codings, pictures = experiment.codings(), experiment.cloud_only()
        self.scoring = Scoring.of(experiment.task, experiment.metrics)
        self._traces = {link: link.load() for link in experiment.links}
        photos = load_photos(experiment.data, experiment.limit)
        calibration = load_photos(experiment.calibration, labelled=False)
        check_disjoint(calibration, photos)
        self._deployment = Deployment.load(experiment)
        self.model = self._deployment.model
        self.task = load_task(experiment.task, self.model)
        self.photos = labelled(self.task, self.model, photos)
        self.points = cut_points(self.model)
        splits = experiment.splits or automatic_splits(self.points)
        cuts = [self._deployment.cut(at) for at in dict.fromkeys(splits)]
        done = self._open()  # another run in the folder is refused before codecs are calibrated
        seed = experiment.seed
        calibrator = Calibrator(calibration, experiment.calibration, self.task, seed, track=track)
        self._profiles = RunProfiles(out, calibrator)
        self.left_out: dict[str, set[str]] = {}
        self.missing: dict[str, str] = {}
        self.curves = self._choices(codings, pictures, cuts)
        used = [made for choice in self.curves for made in choice.codecs]
        self._deployment.check(used)
        profiles = profiles_of(used)
        check_unseen(profiles, self.photos, experiment.data)
        self.done = self._begin() if done is None else done
        check_profiles(read_run(out)[0], profiles, out)

    @property
    def total(self) -> int:
        """Samples in the whole run, those already on the disk included."""
        return len(self.photos) * self.experiment.views * len(self.curves)

    def __iter__(self) -> Iterator[Sample]:
        cold = set(self.curves)
        numbers = range(self.experiment.views)
        pictures = [(photo, number) for photo in self.photos for number in numbers]
        lines = Lines(self.out / SAMPLES)
        with closing(lines):
            for at, (photo, number) in enumerate(pictures):
                missing = [c for c in self.curves if (photo.name, number, c.key) not in self.done]
                if not missing:
                    continue
                view = self._view(photo, number, at)
                for choice in missing:
                    if choice in cold:  # the first run of anything pays for caches and allocations
                        self._measure(choice, view)
                        cold.remove(choice)
                    sample = self._measure(choice, view)
                    lines.add(sample_line(sample))
                    self.done.add(sample.key)
                    yield sample

    def _choices(
        self, codings: Sequence[Coding], pictures: Sequence[Coding], cuts: Sequence[Split]
    ) -> dict[Choice, str]:
        """Every choice to measure, with its curve."""
        found = {Choice.edge_only(self.model): ""}
        for coding in pictures:
            sender = codec(coding.codec)
            if sender.missing:
                self.missing[coding.curve] = sender.missing
                continue
            found[Choice.cloud_only(self.model, sender, coding.codec)] = coding.curve
        for cut in cuts:
            for coding in codings:
                if codecs := self._profiles.codecs(cut, codec(coding.codec)):
                    found[Choice.shared(cut, codecs, coding.codec)] = coding.curve
                else:
                    self.left_out.setdefault(coding.curve, set()).add(cut.at)
        return found

    def _view(self, photo: Photo, number: int, at: int) -> View:
        x = self.model.preprocess.picture(photo.open(), number)
        with torch.inference_mode():
            output = self.task.checked(self.model(torch.from_numpy(x)[None]))
        return View(photo, number, at, x, output)

    def _measure(self, choice: Choice, view: View) -> Sample:
        blank = Sample(
            view.photo.name,
            view.number,
            *choice.key,
            curve=self.curves[choice],
            elements=choice.elements,
        )
        try:
            outcome = run(choice, view.x)
            times: dict[str, Any] = {**outcome.seconds}
            output = self.task.checked(outcome.output)
            return replace(
                blank,
                bytes=len(outcome.packet),
                divergence=self.task.divergence(view.reference, output),
                metrics=self.scoring.measure(view.reference, output, view.photo.label),
                prediction=self.task.predict(output),
                link=self._link_seconds(outcome.packet, blank, view) if outcome.packet else {},
                **times,
            )
        except Exception as error:  # of any kind: the row says which, and the sweep goes on
            return replace(blank, error=f"{type(error).__name__}: {error}")

    def _link_seconds(self, packet: bytes, sample: Sample, view: View) -> dict[str, float]:
        """The time on each link; pictures come one a second."""
        seconds = {}
        for plan, trace in self._traces.items():
            seed = crc32(f"{self.experiment.seed} {plan.name} {sample.key}".encode())
            link = SimulatedLink(trace, plan.rtt, plan.loss, seed)
            link.clock = float(view.at)
            seconds[plan.name] = link.send(packet).seconds
        return seconds

    def _open(self) -> Done | None:
        """Make the folder, or read what it already holds; None where it holds no run yet."""
        self._lock = lock(self.out)
        path = self.out / SAMPLES
        if not (path.exists() and b"\n" in path.read_bytes()):
            return None
        head, samples = read_run(self.out)
        check_same(head, self.experiment, self._deployment, self.out)
        return {sample.key for sample in samples}

    def _begin(self) -> Done:
        head = describe_run(
            self.experiment, self._deployment, self.points, self.photos, self.curves
        )
        self._save_first()
        write_whole(self.out / SAMPLES, head_line(head).encode())
        return set()

    def _save_first(self) -> None:
        """The first picture and its feature tensor at each split, for the report to draw."""
        x = self.model.preprocess.picture(self.photos[0].open())
        drawn = io.BytesIO()
        Image.fromarray(x.transpose(1, 2, 0).astype(np.uint8)).save(drawn, "PNG")
        write_whole(self.out / PICTURE, drawn.getvalue())
        folder = self.out / FEATURES
        with writing(folder):
            folder.mkdir(exist_ok=True)
        for cut in {c.at: c.split for c in self.curves if c.way == SHARED}.values():
            with torch.inference_mode():
                tensors = [as_array(tensor) for tensor in cut.edge(torch.from_numpy(x)[None])]
            array = io.BytesIO()
            np.save(array, tensors[0])
            write_whole(folder / f"{cut.at.replace('/', '_')}.npy", array.getvalue())


def run(choice: Choice, x: Tensor) -> Outcome:
    """One picture all the way, over a wire: links are simulated from the packet's size."""
    if choice.way == EDGE_ONLY:
        return infer_on_edge(choice.split, x)
    return infer(choice.split, choice.codecs, choice.codecs, Wire(), x)
