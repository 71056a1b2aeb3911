"""A live run on record: the same head and samples as those of `splitwire eval`.

Before the first frame both halves are run on every picture here, with nothing coded between: that
is the run's edge-only baseline, and what divergence is measured from. Frames of a video or a camera
have no such pass, and so no divergence. Every frame is a sample of what it was to run with, and
says when it began and how it ended.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splitwire.data.photos import describe
from splitwire.disk import Lines, lock
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.checks import labelled
from splitwire.eval.experiment import Experiment, LinkPlan, load_experiment
from splitwire.eval.head import Network, describe_run
from splitwire.eval.samples import SAMPLES, Sample, head_line, sample_line
from splitwire.eval.scoring import Scoring
from splitwire.live.answers import checked, read_prediction, write_prediction
from splitwire.live.record import Record
from splitwire.live.supply import Pictures
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, AnyChoice
from splitwire.runner.halves import Halves
from splitwire.runner.local import COMPUTED, infer_on_edge
from splitwire.tasks.base import Output, Task

LINK = "live"


class Recording:
    """A run's folder that live frames are written to.

    Args:
        out: the folder; made if it is not there.
        network: as the head tells of it.
        whole: its halves, which run all of it here.
        task: by which its outputs are judged.
        called: the same, as `load_task` takes it; None for its name.
        pictures: of known photos; None for a video or a camera.
        slowness: how many times slower than this machine the edge is to be.

    Raises:
        ExperimentError: the folder holds a run already.
        DataError, TaskError: as `labelled`.
        StorageError: it cannot be written to, or another process does so.
    """

    def __init__(
        self,
        out: Path,
        network: Network,
        whole: Halves,
        task: Task,
        called: str | None,
        pictures: Pictures | None,
        slowness: float = 1.0,
    ) -> None:
        self._path = out / SAMPLES
        self._network, self._whole = network, whole
        self._task, self._called = task, called or task.name
        self._scoring = Scoring.of(called or task.name)
        self._pictures = pictures
        self._references: dict[str, Output] = {}
        self._samples: list[Sample] = []
        if self._path.exists():
            raise ExperimentError(f"{out} holds a run already: give another --out, or delete it")
        photos = list(pictures.photos.values()) if pictures else []
        self._photos = {photo.name: photo for photo in labelled(task, whole, photos)}
        self._lock = lock(out)
        self._measure_edge_only(slowness)

    def begin(self, choices: Sequence[AnyChoice], source: str, link: LinkPlan) -> None:
        """Write the head.

        Args:
            choices: what frames may run with.
            source: where pictures come from.
            link: as it is to be, or as it was measured.

        Raises:
            StorageError: the folder cannot be written to.
        """
        photos = list(self._photos.values())
        plan = self._plan(choices, source, link)
        shown = describe(source, photos) if photos else f"frames of {source}"
        # What was calibrated says so of itself.
        head = describe_run(plan, self._network, shown, "", choices)
        self._lines = Lines(self._path)
        self._lines.add(head_line(head))
        for sample in self._samples:
            self._lines.add(sample_line(sample))

    def add(self, record: Record) -> Sample:
        """Write what became of a frame."""
        sample = self._sample(record)
        self._samples.append(sample)
        self._lines.add(sample_line(sample))
        return sample

    def close(self) -> list[Sample]:
        """Finish the file; all samples in it."""
        self._lines.close()
        return self._samples

    def _plan(self, choices: Sequence[AnyChoice], source: str, link: LinkPlan) -> Experiment:
        """What would measure the same."""

        def of(way: str) -> list[str]:
            return list(dict.fromkeys(c.codec for c in choices if c.way == way))

        return load_experiment(
            model=self._network.name,
            task=self._called,
            data=source,
            splits=list(dict.fromkeys(c.at for c in choices if c.at)),
            codecs=of(SHARED),
            pictures=of(CLOUD_ONLY),
            links=[link],
            edge="this",
            cloud="this",
        )

    def _measure_edge_only(self, slowness: float) -> None:
        """Run both halves on every known picture, as slowly as the edge is to be."""
        for name, x in self._pictures or ():
            if isinstance(x, DataError):  # its frames will say so
                continue
            for _ in range(1 if self._references else 2):  # the first of all warms up
                ran = infer_on_edge(self._whole, x)
            self._references[name] = output = checked(self._task, ran.output)
            times: dict[str, Any] = dict.fromkeys(COMPUTED, 0.0)
            times["edge"] = slowness * ran.seconds["edge"]
            told = times | self._judged(name, output)
            sample = Sample(name, view=0, way=EDGE_ONLY, **told)
            self._samples.append(sample)

    def _sample(self, record: Record) -> Sample:
        choice, seconds = record.choice, dict(record.seconds)
        link = seconds.pop("link", None)
        times: dict[str, Any] = {stage: seconds.get(stage, 0.0) for stage in COMPUTED}
        return Sample(
            record.name,
            view=0,
            way=choice.way,
            split=choice.at,
            codec=choice.codec,
            curve=choice.codec,
            elements=choice.elements,
            bytes=record.bytes,
            link={} if link is None else {LINK: link},
            error=record.reason if record.outcome == "refused" else None,
            outcome=record.outcome,
            frame=record.number,
            at=record.at,
            total=record.total,
            fallback=record.reason if record.outcome == "fell back" else None,
            intra=record.intra,
            packets=len(record.packets) or None,
            arrived=record.arrived,
            **times,
            **self._judged(record.name, record.output, record.prediction),
        )

    def _judged(self, name: str, output: Output, told: dict[str, Any] | None = None) -> Any:
        """The fields of a sample that tell of an output; only the prediction where it is not whole.

        Args:
            name: of the picture.
            output: of the network; None where there is none, or only a prediction.
            told: the prediction.
        """
        if output is None:
            return {"prediction": told or {}}
        prediction = {"prediction": told or read_prediction(write_prediction(self._task, output))}
        if name not in self._references:
            return prediction
        reference, truth = (
            self._references[name],
            self._photos[name].truth(self._whole.model.preprocess),
        )
        return prediction | {
            "divergence": self._task.divergence(reference, output),
            "metrics": self._scoring.measure(self._task, reference, output, truth),
        }
