"""The photos of an experiment, each by itself: view after view, through every choice."""

import io
from collections.abc import Iterable
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
from splitwire.eval.gauge import View, Way
from splitwire.eval.samples import Place, Sample
from splitwire.models.inputs import Inputs
from splitwire.models.load import Model
from splitwire.models.preprocess import Preprocess, image
from splitwire.runner.choice import EDGE_ONLY, Choice
from splitwire.runner.halves import Halves
from splitwire.tasks.base import Task
from splitwire.tasks.classification import class_names

_CHUNK = 8  # pictures of a unit: what an interruption costs, and what a worker holds
_TURNS = 4  # units that each worker has at least, so that none is idle at the end


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

    def check(self, task: Task, whole: Halves) -> None:
        """See that the network is one of the task's, and can have the photos' labels.

        Raises:
            TaskError, DataError: as `labelled`; or tensors are to be seen in several views.
        """
        if isinstance(whole.model.preprocess, Inputs) and self._experiment.views > 1:
            raise DataError("tensors are seen in one view: leave `views` at 1")
        self.photos = labelled(task, whole, self.photos)
        self._classes = mapping(self.photos, class_names(whole.model))

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
    def source(self) -> Path | None:
        """A file without which they cannot be had."""
        return self.photos[0].path

    @property
    def count(self) -> int:
        """Samples of each choice."""
        return len(self.photos) * self._experiment.views

    def first(self, model: Model) -> Tensor:
        """A picture to show."""
        photo = next(photo for photo in self.photos if str(photo.path) in self.known)
        return photo.taken(model.preprocess)

    def keep(self, run: Path, samples: Iterable[Sample], model: Model) -> None:
        """Keep the best and the worst picture of each choice in a run's folder; see extremes.py.

        Raises:
            StorageError: they cannot be written.
        """
        if not isinstance(model.preprocess, Preprocess):
            return
        photos = {photo.name: photo for photo in self.photos}
        pairs = extremes(samples).values()
        for name in dict.fromkeys(sample.photo for pair in pairs for sample in pair):
            x, path = photos[name].taken(model.preprocess), picture_of(run, name)
            file = io.BytesIO()
            image(x).save(file, "JPEG", quality=90)
            with writing(path.parent):
                path.parent.mkdir(exist_ok=True)
            write_whole(path, file.getvalue())

    @property
    def timed(self) -> int:
        """Pictures that each choice is timed on."""
        return min(self._experiment.timed, len(self.photos))

    def chunks(self, workers: int) -> list[list[Place]]:
        """All pictures in their order, a few at a time."""
        numbers = range(self._experiment.views)
        places = [(at, number) for at in range(len(self.photos)) for number in numbers]
        size = max(1, min(_CHUNK, len(places) // (_TURNS * workers)))
        return [places[at : at + size] for at in range(0, len(places), size)]

    def to_time(self) -> list[Place]:
        """The pictures of the timing pass, evenly spread; then others, should those be known."""
        count = len(self.photos)
        spread = [at * count // self.timed for at in range(self.timed)]
        return [(at, 0) for at in dict.fromkeys([*spread, *range(count)])]

    def keys(self, place: Place) -> list[tuple[str, int]]:
        """What a picture's samples are known by: its photo's name and its view."""
        return [(self.photos[place[0]].name, place[1])]

    def way(self, choice: Choice, curve: str) -> Way:
        """Each picture is coded by itself."""
        return Way.alone(choice, curve)

    def views(self, place: Place, model: Model, task: Task) -> list[View]:
        """That picture, with the network's output for it.

        Raises:
            DataError: it is damaged.
        """
        at, number = place
        photo = self.photos[at]
        x = photo.taken(model.preprocess, number)
        with torch.inference_mode():
            reference = task.checked(model(torch.from_numpy(x)[None]))
        clock = float(at * self._experiment.views + number)  # they come one a second
        truth = photo.truth(model.preprocess, number)
        return [View(Sample(photo.name, number, EDGE_ONLY), x, reference, clock, truth)]

    def unread(self, place: Place, error: DataError) -> Sample:
        """What is left of a picture that cannot be read."""
        name, number = self.photos[place[0]].name, place[1]
        return Sample(name, number, EDGE_ONLY, error=str(error), unread=True)
