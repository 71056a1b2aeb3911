"""Running an experiment: every picture through every split and codec, one line a sample.

    fidelity pass: units of a few pictures, in one process, several or a cluster's ─▶ samples
    timing pass:   a few pictures, alone and one after another        ─▶ times

Which pictures there are, and in which order, is for stills.py and sequences.py to say. Whoever does
the units, one process writes the run's file, and in the order of the units.

A run that was interrupted goes on where it stopped: what its folder holds is not measured again.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from splitwire.calibrate.calibrator import Calibrator, Track, silent
from splitwire.codecs.registry import codec
from splitwire.data.leaks import check_disjoint
from splitwire.data.photos import describe, load_photos
from splitwire.disk import Lines, lock, write_whole, writing
from splitwire.eval.checks import check_profiles, check_same, check_unseen
from splitwire.eval.deployment import Deployment
from splitwire.eval.devices import drift
from splitwire.eval.experiment import Coding, Experiment, automatic_splits
from splitwire.eval.fidelity import Bench
from splitwire.eval.gauge import Gauge
from splitwire.eval.head import Head, Network, describe_run, profiles_of
from splitwire.eval.map_choice import worth
from splitwire.eval.profiles import RunProfiles
from splitwire.eval.samples import (
    FEATURES,
    MAP,
    PICTURE,
    SAMPLES,
    Done,
    Place,
    Sample,
    Time,
    drift_line,
    head_line,
    rows,
    sample_line,
    time_line,
)
from splitwire.eval.scoring import Scoring
from splitwire.eval.sequences import Sequences
from splitwire.eval.stills import Stills
from splitwire.eval.timing import Known, times
from splitwire.eval.units import Unit, units
from splitwire.eval.work import Work
from splitwire.models.preprocess import Preprocess, image
from splitwire.models.split import Split, cut_points
from splitwire.runner.choice import SHARED, Choice, Key
from splitwire.runner.local import as_array
from splitwire.runner.memory import keep_memory
from splitwire.runner.pool import Pool
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task


class Run:
    """An experiment with everything loaded, and the folder that it is written to.

    Iterating measures what is missing and yields each sample when it is on the disk; what is to be
    timed is timed after the last. `left_out`
    names, by curve, the splits where it is not measured for want of a profile that training makes,
    `missing` what this machine lacks for a curve; `drift` is, once all is measured, the time of the
    edge device's reference network over that before the run, if it has one.

    Args:
        experiment: what to measure.
        out: the run's folder; made, or gone on with if it holds samples of this experiment.
        track: shows how far calibration and the timing pass are.
        pool: workers for the fidelity pass; without one, it is done in this process.

    Raises:
        SplitwireError: a model, task, cut point, codec, data set or device that cannot be had, a
            folder that cannot be written or that another process writes to, or one that holds
            another experiment. Iterating raises StorageError where a sample cannot be written;
            begun again, the run goes on behind the last that was.
    """

    def __init__(
        self, experiment: Experiment, out: Path, track: Track = silent, pool: Pool | None = None
    ) -> None:
        self.experiment = experiment
        self.out, self._pool, self._track = out, pool, track
        limit_threads(experiment.threads)
        keep_memory()
        # First what is quick to refuse: a wrong spec should not wait for a network to load.
        codings, pictures = experiment.codings(), experiment.cloud_only()
        scoring = Scoring.of(experiment.task, experiment.metrics)
        self.pictures = Sequences(experiment) if experiment.sequence else Stills(experiment)
        calibration = load_photos(experiment.calibration, labelled=False)
        self._calibration = describe(experiment.calibration, calibration)
        check_disjoint(calibration, self.pictures.known)
        self._deployment = Deployment.load(experiment)
        self.model = self._deployment.model
        task = load_task(experiment.task, self.model)
        self.pictures.check(task, self._deployment.cut("output"))
        self.gauge = Gauge(experiment, task, scoring)
        self.points = cut_points(self.model)
        self._map = Path(experiment.map) if experiment.map else None
        good = worth(self._map, self.model.digest) if self._map else ()
        splits = experiment.splits or automatic_splits(self.points, good)
        cuts = [self._deployment.cut(at) for at in dict.fromkeys(splits)]
        head = self._open()  # another run in the folder is refused before codecs are calibrated
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
        if head is not None:
            check_profiles(head, profiles, out)
        self._edge = self._begun(head).edge

    @property
    def total(self) -> int:
        """Samples in the whole run, those already on the disk included."""
        return self.pictures.count * len(self.curves)

    def __iter__(self) -> Iterator[Sample]:
        lines, before = Lines(self.out / SAMPLES), len(self.done)
        with closing(lines):
            for sample in self.fidelity():
                if sample.key not in self.done:  # of a clip, that is coded from its first frame
                    lines.add(sample_line(sample))
                    self.done.add(sample.key)
                    yield sample
            missing = times(self.curves, self.pictures, self.model, self.gauge, self.times)
            left = self.to_time
            for time in self._track(missing, total=left, description="Timing") if left else ():
                lines.add(time_line(time))
            if len(self.done) > before:
                self.drift = drift(self._edge, self.model.device)
            if self.drift is not None:
                lines.add(drift_line(self.drift))
        if isinstance(self.pictures, Stills) and self.gauge.task.draws:
            samples = (row for row in rows(self.out) if isinstance(row, Sample))
            self.pictures.keep(self.out, samples, self.model)

    @property
    def to_time(self) -> int:
        """Times that are missing."""
        count = self.pictures.timed
        return sum(max(0, count - len(self.times.get(c.key, ()))) for c in self.curves)

    def units(self) -> list[Unit]:
        """What of the fidelity pass is left to do."""
        chunks = self.pictures.chunks(self._pool.workers if self._pool else 1)
        missing = {place: self._missing(place) for chunk in chunks for place in chunk}
        return units(chunks, missing)

    def _missing(self, place: Place) -> tuple[Key, ...]:
        keys = self.pictures.keys(place)
        choices = (choice.key for choice in self.curves)
        return tuple(c for c in choices if any((*key, c) not in self.done for key in keys))

    def fidelity(self) -> Iterator[Sample]:
        """The samples of all units, as they are measured; nothing is written."""
        left = self.units()
        if self._pool:  # though nothing be left: it ends with its results
            work = Work.of(self.experiment, self.pictures, self.curves, self._deployment)
            yield from self._pool.results(work, left)
            return
        bench = Bench(self.curves, self.pictures, self.model, self.gauge)
        for unit in left:
            yield from bench.run(unit)

    def _choices(
        self, codings: Sequence[Coding], pictures: Sequence[Coding], cuts: Sequence[Split]
    ) -> dict[Choice, str]:
        """Every choice to measure, with its curve."""
        found, whole = {Choice.edge_only(self.model): ""}, self._deployment.cut("input")
        for coding in pictures:
            sender = codec(coding.codec)
            takes = sender.takes(self.model.input_shape[1:])
            if lack := sender.missing or ("" if takes else "pictures of three channels"):
                self.missing[coding.curve] = lack
                continue
            found[Choice.cloud_only(whole, sender, coding.codec)] = coding.curve
        for cut in cuts:
            for coding in codings:
                if codecs := self._profiles.codecs(cut, codec(coding.codec)):
                    found[Choice.shared(cut, codecs, coding.codec)] = coding.curve
                else:
                    self.left_out.setdefault(coding.curve, set()).add(cut.at)
        return found

    def _begun(self, before: Head | None) -> Head:
        """The run's head, written where there is none yet or there are more pictures now."""
        if before is None:
            self._save_first()
            if self._map:
                write_whole(self.out / MAP, self._map.read_bytes())
            head = self._described()
            write_whole(self.out / SAMPLES, head_line(head).encode())
        elif before.experiment != self.experiment:
            head = replace(self._described(), started=before.started)
            self._add(head_line(head))
        else:
            head = before
        return head

    def _open(self) -> Head | None:
        """Make the folder, or read what it already holds; None where it holds no run yet."""
        self._lock = lock(self.out)
        self.done, known = Done(), Known()
        self.times = known
        head: Head | None = None
        path = self.out / SAMPLES
        if not (path.exists() and _has_line(path)):
            return None
        for row in rows(self.out):
            if isinstance(row, Head):
                head = row
            elif isinstance(row, Time):
                known.setdefault(row.choice, set()).add((row.photo, row.view))
            elif isinstance(row, Sample):
                self.done.add(row.key)
        assert head is not None
        check_same(head, self.experiment, self._deployment, self.out)
        return head

    def _described(self) -> Head:
        network, shown = Network.of(self._deployment, self.points), self.pictures.described
        here = self.model.device
        return describe_run(self.experiment, network, shown, self._calibration, self.curves, here)

    def _add(self, line: str) -> None:
        lines = Lines(self.out / SAMPLES)
        with closing(lines):
            lines.add(line)

    def _save_first(self) -> None:
        """The first picture and its feature tensor at each split, for the report to draw."""
        x = self.pictures.first(self.model)
        if isinstance(self.model.preprocess, Preprocess):
            drawn = io.BytesIO()
            image(x).save(drawn, "PNG")
            write_whole(self.out / PICTURE, drawn.getvalue())
        folder = self.out / FEATURES
        with writing(folder):
            folder.mkdir(exist_ok=True)
        for cut in {c.at: c.split for c in self.curves if c.way == SHARED}.values():
            tensors = [as_array(tensor) for tensor in cut.start(x)]
            array = io.BytesIO()
            np.save(array, tensors[0])
            write_whole(folder / f"{cut.at.replace('/', '_')}.npy", array.getvalue())


def _has_line(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")
