"""Where tasks are found: the built-in ones, those of other distributions, and a user's own file.

A distribution adds tasks by an entry point in the group `splitwire.tasks` that names the class.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points

from splitwire.errors import TaskError, did_you_mean
from splitwire.models.described import Described
from splitwire.tasks.base import Task
from splitwire.tasks.classification import Classification
from splitwire.tasks.detection import Detection
from splitwire.tasks.embedding import Embedding
from splitwire.tasks.keypoints import Keypoints
from splitwire.tasks.segmentation import Segmentation
from splitwire.userfile import is_userfile, load

ENTRY_POINTS = "splitwire.tasks"
BUILT_IN: tuple[type[Task], ...] = (
    Classification,
    Detection,
    Segmentation,
    Keypoints,
    Embedding,  # the last: it fits nearly any output
)


def load_task(name: str | None, model: Described) -> Task:
    """The task of a network.

    Args:
        name: of a task that is known, or `path/to/file.py:CLASS`; None for the one that the network
            is for.
        model: whose outputs it is of.

    Raises:
        TaskError: there is none; the message lists what there is.
    """
    if name is None:
        from splitwire.models.sources import task  # which loads torch

        name = task(model.name)
    return task_class(name).of(model)


def task_class(name: str) -> type[Task]:
    """The class of that name, or of a user's file.

    Raises:
        TaskError: there is none; the message lists what there is.
    """
    if is_userfile(name):
        found = load(name, TaskError)
        if not isinstance(found, type) or not issubclass(found, Task):
            raise TaskError(f"{name} is no splitwire.Task")
        return found
    known = tasks()
    if name not in known:
        raise TaskError(
            f"unknown task {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}, "
            "or path/to/file.py:CLASS"
        )
    return known[name]


def tasks(own: Sequence[str] = ()) -> dict[str, type[Task]]:
    """Every task by its name, with those of a user's files (`path/to/file.py:CLASS`)."""
    return _installed() | {made.name: made for made in map(task_class, own)}


@cache
def _installed() -> dict[str, type[Task]]:
    found = {task.name: task for task in BUILT_IN}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            made = point.load()
            found.setdefault(made.name, made)
        except Exception as error:
            # One broken add-on must not take the built-in tasks away.
            warnings.warn(f"the task {point.name!r} ({point.value}): {error}", stacklevel=3)
    return found
