"""The clips of an experiment, frame after frame: clip after clip, choice after choice.

    clip ─▶ frames, and the network's outputs for them
              └─▶ for each choice: codec.encoder() ─▶ every frame ─▶ codec.decoder()

A clip that was interrupted is coded again from its first frame, since the frames to come build on
it; what is on the disk already is not written again. The frames of one clip are held in memory at
a time, 150 KB each at 224 × 224, what crosses for them at one cut, and the outputs for them.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from splitwire.codecs.base import Tensor
from splitwire.data.clips import Clip, load_clips
from splitwire.data.fingerprint import fingerprint
from splitwire.data.moving import MOVING
from splitwire.errors import DataError
from splitwire.eval.checks import labelled
from splitwire.eval.experiment import Experiment
from splitwire.eval.gauge import View, Way
from splitwire.eval.samples import Place, Sample
from splitwire.models.load import Model
from splitwire.runner.choice import EDGE_ONLY, Choice
from splitwire.runner.halves import Halves
from splitwire.tasks.base import Task


class Sequences:
    """Clips, coded with what comes before.

    Args:
        experiment: with its data, and how many frames to take.

    Raises:
        DataError: they cannot be had, or one has no frames.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        clips, limit = load_clips(experiment.data), experiment.limit
        if limit is not None and limit < len(clips):
            clips = [clips[i * len(clips) // limit] for i in range(limit)]
        self.clips = clips
        self._prints = {clip: self._look(clip) for clip in clips}

    def check(self, task: Task, whole: Halves) -> None:
        """See that the network is one of the task's.

        Raises:
            TaskError: it is not.
        """
        labelled(task, whole, [])

    @cached_property
    def known(self) -> dict[str, str]:
        """The fingerprint of each frame, by its name."""
        return {
            _name(clip, number): print
            for clip, prints in self._prints.items()
            for number, print in enumerate(prints, 1)
        }

    @property
    def source(self) -> Path | None:
        """A file or folder without which they cannot be had."""
        return None if self._experiment.data == MOVING else Path(self._experiment.data)

    @property
    def described(self) -> str:
        """The set in words."""
        rates = {f"{self._rate(clip):.4g}" for clip in self.clips}
        return (
            f"{len(self.clips)} clip{'s' * (len(self.clips) > 1)}, {self.count} frames at "
            f"{' or '.join(sorted(rates))} a second: {self._experiment.data}"
        )

    @property
    def count(self) -> int:
        """Samples of each choice."""
        return len(self.known)

    def first(self, model: Model) -> Tensor:
        """A picture to show."""
        return model.preprocess.picture(next(self.clips[0].frames()))

    @property
    def timed(self) -> int:
        """Frames that each choice is timed on: the first of a clip."""
        return min(self._experiment.timed, len(self._prints[self.clips[0]]))

    def chunks(self, workers: int) -> list[list[Place]]:
        """Clip after clip."""
        return [[place] for place in self._places()]

    def to_time(self) -> list[Place]:
        """The clips of the timing pass."""
        return self._places()

    def keys(self, place: Place) -> list[tuple[str, int]]:
        """What the samples of a clip are known by: the names of its frames."""
        clip = self.clips[place[0]]
        return [(_name(clip, number), 0) for number in self._numbers(clip)]

    def way(self, choice: Choice, curve: str) -> Way:
        """Frames are coded in their order, from the first."""
        return Way.sequence(choice, curve)

    def views(self, place: Place, model: Model, task: Task) -> list[View]:
        """The frames of a clip, with the network's outputs for them."""
        views, clip = [], self.clips[place[0]]
        for number, frame in enumerate(self._frames(clip), 1):
            x = model.preprocess.picture(frame).astype(np.uint8)
            with torch.inference_mode():
                output = task.checked(model(torch.from_numpy(x.astype(np.float32))[None]))
            clock = (number - 1) / self._rate(clip)
            name = _name(clip, number)
            blank = Sample(name, 0, EDGE_ONLY, clip=clip.name, frame=number, at=clock)
            views.append(View(blank, x, output, clock))
        return views

    def unread(self, place: Place, error: DataError) -> Sample:
        """A clip that cannot be read ends the run."""
        raise error

    def _places(self) -> list[Place]:
        return [(at, 0) for at in range(len(self.clips))]

    def _look(self, clip: Clip) -> list[str]:
        prints = [fingerprint(frame) for frame in self._frames(clip)]
        if not prints:
            raise DataError(f"{clip.name} has no frames")
        return prints

    def _frames(self, clip: Clip) -> Iterator[Image.Image]:
        return clip.frames(self._experiment.stride, self._experiment.length)

    def _numbers(self, clip: Clip) -> range:
        return range(1, len(self._prints[clip]) + 1)

    def _rate(self, clip: Clip) -> float:
        """Frames a second, of those that are taken."""
        return (self._experiment.frame_rate or clip.rate) / self._experiment.stride


def _name(clip: Clip, number: int) -> str:
    return f"{clip.name}-{number:06}"
