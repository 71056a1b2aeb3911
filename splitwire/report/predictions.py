"""The section of predictions: what the network says of the first picture, coded and not."""

import io
from base64 import b64encode
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from splitwire.errors import ExperimentError, TaskError
from splitwire.eval.samples import PICTURE, Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import recommended, smallest
from splitwire.report.section import Section
from splitwire.report.units import size_text
from splitwire.runner.choice import EDGE_ONLY, SHARED, Key
from splitwire.tasks.base import Task
from splitwire.tasks.registry import task_class

_LARGEST = 480  # pixels of a side: the page stays small
_QUALITY = 85  # of JPEG


def predictions(run: Path, summary: Summary) -> Section | None:
    """The first picture with what is said of it; None where the run kept no picture.

    Raises:
        ExperimentError: the picture is damaged.
        TaskError: the task fails to draw.
    """
    task, path = task_of(summary), run / PICTURE
    if task is None or not path.is_file():
        return None
    chosen = smallest(recommended(summary), SHARED)
    alone = _sample(summary, (EDGE_ONLY, "", ""))
    shared = _sample(summary, chosen.choice) if chosen else None
    picture = opened(path)
    panels = []
    if alone:
        panels.append(panel(task, picture, alone, "The uncompressed network"))
    if chosen and shared:
        words = f"Through {chosen.label}, {size_text(shared.bytes)}"
        panels.append(panel(task, picture, shared, words))
    if not panels:
        return None
    said = f"The first picture ({_first(summary)}) as the network takes it, and what the "
    said += "network makes of it."
    if chosen and shared:
        said += " Beside it: the same through the cheapest codec that holds the fidelity."
    return Section("says", "What the network says", said, panels=panels)


def task_of(summary: Summary) -> Task | None:
    """The task of the run, which needs no network to draw; None where it insists on one."""
    try:
        return task_class(summary.head.experiment.task)()
    except TypeError:
        return None


def _first(summary: Summary) -> str:
    """The name of the first picture that could be read; empty where none could."""
    return next((sample.photo for sample in summary.samples if not sample.unread), "")


def _sample(summary: Summary, choice: Key) -> Sample | None:
    """That of the first picture, if something was said of it."""
    first = (_first(summary), 0, choice)
    return next((s for s in summary.samples if s.key == first and s.prediction), None)


def opened(path: Path) -> Image.Image:
    """A picture that a run keeps, in RGB.

    Raises:
        ExperimentError: it is damaged.
    """
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise ExperimentError(f"{path} is no picture that can be read: {error}") from error


def panel(task: Task, picture: Image.Image, sample: Sample, words: str) -> Markup:
    """A picture with what a sample says of it drawn on it, below some words.

    Raises:
        TaskError: the task fails to draw.
    """
    try:
        drawn, lines = task.draw(picture.copy(), sample.prediction), task.lines(sample.prediction)
    except Exception as error:  # of any kind: tasks are users' own
        raise TaskError(
            f"the task {task.name} cannot draw {sample.prediction}: {type(error).__name__}: {error}"
        ) from error
    drawn.thumbnail((_LARGEST, _LARGEST))
    file = io.BytesIO()
    drawn.convert("RGB").save(file, "JPEG", quality=_QUALITY)
    data = b64encode(file.getvalue()).decode()
    frame = '<div class="said"><p>{}</p><img src="data:image/jpeg;base64,{}" alt="{}"></div>'
    return Markup(frame).format(words, data, "; ".join(lines))
