"""Running an experiment: every picture through every split and codec, one line a sample.

Which pictures there are, and in which order, is for stills.py and sequences.py to say.

A run that was interrupted goes on where it stopped: what its folder holds is not measured again.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from splitwire.calibrate.calibrator import Calibrator, Track, silent
from splitwire.codecs.registry import codec
from splitwire.data.leaks import check_disjoint
from splitwire.data.photos import load_photos
from splitwire.disk import Lines, lock, write_whole, writing
from splitwire.eval.checks import check_profiles, check_same, check_unseen
from splitwire.eval.deployment import Deployment
from splitwire.eval.devices import drift
from splitwire.eval.experiment import Coding, Experiment, automatic_splits
from splitwire.eval.gauge import Gauge
from splitwire.eval.head import describe_run, profiles_of
from splitwire.eval.profiles import RunProfiles
from splitwire.eval.samples import (
    FEATURES,
    PICTURE,
    SAMPLES,
    Done,
    Sample,
    drift_line,
    head_line,
    read_run,
    sample_line,
)
from splitwire.eval.scoring import Scoring
from splitwire.eval.sequences import Sequences
from splitwire.eval.stills import Stills
from splitwire.models.preprocess import image
from splitwire.models.split import Split, cut_points
from splitwire.runner.choice import SHARED, Choice
from splitwire.runner.local import as_array
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task


class Run:
    """An experiment with everything loaded, and the folder that it is written to.

    Iterating measures what is missing and yields each sample when it is on the disk. `left_out`
    names, by curve, the splits where it is not measured for want of a profile that training makes,
    `missing` what this machine lacks for a curve; `drift` is, once all is measured, the time of the
    edge device's reference network over that before the run, if it has one.

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
        scoring = Scoring.of(experiment.task, experiment.metrics)
        self.pictures = Sequences(experiment) if experiment.sequence else Stills(experiment)
        calibration = load_photos(experiment.calibration, labelled=False)
        check_disjoint(calibration, self.pictures.known)
        self._deployment = Deployment.load(experiment)
        self.model = self._deployment.model
        task = load_task(experiment.task, self.model)
        self.pictures.check(task, self.model)
        self._gauge = Gauge(experiment, task, scoring)
        self.points = cut_points(self.model)
        splits = experiment.splits or automatic_splits(self.points)
        cuts = [self._deployment.cut(at) for at in dict.fromkeys(splits)]
        done = self._open()  # another run in the folder is refused before codecs are calibrated
        seed = experiment.seed
        calibrator = Calibrator(calibration, experiment.calibration, task, seed, track=track)
        self._profiles = RunProfiles(out, calibrator)
        self.drift: float | None = None
        self.left_out: dict[str, set[str]] = {}
        self.missing: dict[str, str] = {}
        self.curves = self._choices(codings, pictures, cuts)
        used = [made for choice in self.curves for made in choice.codecs]
        self._deployment.check(used)
        profiles = profiles_of(used)
        check_unseen(profiles, self.pictures.known, experiment.data)
        self.done = self._begin() if done is None else done
        check_profiles(read_run(out)[0], profiles, out)

    @property
    def total(self) -> int:
        """Samples in the whole run, those already on the disk included."""
        return self.pictures.count * len(self.curves)

    def __iter__(self) -> Iterator[Sample]:
        lines, before = Lines(self.out / SAMPLES), len(self.done)
        with closing(lines):
            for sample in self.pictures.samples(self.curves, self.done, self.model, self._gauge):
                lines.add(sample_line(sample))
                self.done.add(sample.key)
                yield sample
            if len(self.done) > before:
                self.drift = drift(read_run(self.out)[0].edge)
            if self.drift is not None:
                lines.add(drift_line(self.drift))
        if isinstance(self.pictures, Stills) and self._gauge.task.draws:
            self.pictures.keep(self.out, read_run(self.out)[1], self.model)

    def _choices(
        self, codings: Sequence[Coding], pictures: Sequence[Coding], cuts: Sequence[Split]
    ) -> dict[Choice, str]:
        """Every choice to measure, with its curve."""
        found = {Choice.edge_only(self.model): ""}
        for coding in pictures:
            sender = codec(coding.codec)
            takes = sender.takes(self.model.input_shape[1:])
            if lack := sender.missing or ("" if takes else "pictures of three channels"):
                self.missing[coding.curve] = lack
                continue
            found[Choice.cloud_only(self.model, sender, coding.codec)] = coding.curve
        for cut in cuts:
            for coding in codings:
                if codecs := self._profiles.codecs(cut, codec(coding.codec)):
                    found[Choice.shared(cut, codecs, coding.codec)] = coding.curve
                else:
                    self.left_out.setdefault(coding.curve, set()).add(cut.at)
        return found

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
            self.experiment, self._deployment, self.points, self.pictures.described, self.curves
        )
        self._save_first()
        write_whole(self.out / SAMPLES, head_line(head).encode())
        return set()

    def _save_first(self) -> None:
        """The first picture and its feature tensor at each split, for the report to draw."""
        x = self.pictures.first(self.model)
        drawn = io.BytesIO()
        image(x).save(drawn, "PNG")
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
