"""The photos of an experiment, each by itself: view after view, through every choice."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from splitwire.codecs.base import Tensor
from splitwire.data.fingerprint import by_path
from splitwire.data.photos import describe, load_photos
from splitwire.disk import write_whole, writing
from splitwire.errors import DataError
from splitwire.eval.checks import labelled
from splitwire.eval.classes import mapping
from splitwire.eval.experiment import Experiment
from splitwire.eval.extremes import extremes, picture_of
from splitwire.eval.gauge import Gauge, View, Way
from splitwire.eval.samples import Done, Sample
from splitwire.models.load import Model
from splitwire.models.preprocess import image
from splitwire.runner.choice import EDGE_ONLY, Choice
from splitwire.tasks.base import Task
from splitwire.tasks.classification import class_names


class Stills:
    """Photos in their views. One that is damaged leaves samples that say so, and no more.

    Args:
        experiment: with its data.

    Raises:
        DataError: they cannot be had.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self.photos = load_photos(experiment.data, experiment.limit)
        self._classes = ""

    def check(self, task: Task, model: Model) -> None:
        """See that the network is one of the task's, and can have the photos' labels.

        Raises:
            TaskError, DataError: as `labelled`.
        """
        self.photos = labelled(task, model, self.photos)
        self._classes = mapping(self.photos, class_names(model))

    @cached_property
    def known(self) -> dict[str, str]:
        """The fingerprint of each photo that is not damaged, by its path."""
        found: dict[str, str] = {}
        damage: DataError | None = None
        for photo in self.photos:
            try:
                found |= by_path([photo])
            except DataError as error:
                damage = damage or error
        if damage and not found:
            raise damage
        return found

    @property
    def described(self) -> str:
        """The set in words: what is damaged of it, and which class each folder was taken for."""
        said = describe(self._experiment.data, self.photos)
        names = sorted(photo.name for photo in self.photos if str(photo.path) not in self.known)
        if names:
            said += f"; damaged, and not measured: {', '.join(names)}"
        return f"{said}; {self._classes}" if self._classes else said

    @property
    def count(self) -> int:
        """Samples of each choice."""
        return len(self.photos) * self._experiment.views

    def first(self, model: Model) -> Tensor:
        """A picture to show."""
        photo = next(photo for photo in self.photos if str(photo.path) in self.known)
        return model.preprocess.picture(photo.open())

    def keep(self, run: Path, samples: Sequence[Sample], model: Model) -> None:
        """Keep the best and the worst picture of each choice in a run's folder; see extremes.py.

        Raises:
            StorageError: they cannot be written.
        """
        photos = {photo.name: photo for photo in self.photos}
        pairs = extremes(samples).values()
        for name in dict.fromkeys(sample.photo for pair in pairs for sample in pair):
            x, path = model.preprocess.picture(photos[name].open()), picture_of(run, name)
            file = io.BytesIO()
            image(x).save(file, "JPEG", quality=90)
            with writing(path.parent):
                path.parent.mkdir(exist_ok=True)
            write_whole(path, file.getvalue())

    def samples(
        self, choices: Mapping[Choice, str], done: Done, model: Model, gauge: Gauge
    ) -> Iterator[Sample]:
        """What is not done yet, as it is measured."""
        cold = set(choices)
        numbers = range(self._experiment.views)
        for at, (photo, number) in enumerate((p, n) for p in self.photos for n in numbers):
            blank = Sample(photo.name, number, EDGE_ONLY)
            missing = [c for c in choices if (photo.name, number, c.key) not in done]
            if not missing:
                continue
            try:
                x = model.preprocess.picture(photo.open(), number)
            except DataError as error:
                yield from _unread(blank, {choice: choices[choice] for choice in missing}, error)
                continue
            with torch.inference_mode():
                reference = gauge.task.checked(model(torch.from_numpy(x)[None]))
            truth = photo.truth(model.preprocess, number)
            view = View(blank, x, reference, float(at), truth)  # they come one a second
            for choice in missing:
                way = Way.alone(choice, choices[choice])
                if choice in cold:  # the first run of anything pays for caches and allocations
                    gauge.measure(way, view)
                    cold.remove(choice)
                yield gauge.measure(way, view)


def _unread(blank: Sample, choices: Mapping[Choice, str], error: DataError) -> Iterator[Sample]:
    """What is left of a picture that cannot be read."""
    for choice, curve in choices.items():
        way, split, codec = choice.key
        where = replace(blank, way=way, split=split, codec=codec, curve=curve)
        yield replace(where, error=str(error), unread=True)
