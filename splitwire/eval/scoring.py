"""By what the outputs of a run are judged: its task, and the metrics that users add to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from splitwire.errors import TaskError
from splitwire.tasks.base import Output, Task
from splitwire.tasks.metric import Metric, load_metric
from splitwire.tasks.registry import task_class


@dataclass(frozen=True)
class Scoring:
    """What is told of outputs.

    Attributes:
        unit: of the divergence.
        fidelity: the divergence that a choice may cost, unless told otherwise.
        metrics: the task's, then the users'.
    """

    unit: str
    fidelity: float
    metrics: tuple[Metric, ...]

    @classmethod
    def of(cls, task: str | type[Task], own: Sequence[str] = ()) -> "Scoring":
        """That of a task, and of metrics of one's own (`path/to/file.py:NAME`).

        Raises:
            TaskError: one of them cannot be had, or two metrics have one name.
        """
        made = task_class(task) if isinstance(task, str) else task
        metrics = (*made.metrics, *map(load_metric, own))
        names = [metric.name for metric in metrics]
        for name in {name for name in names if names.count(name) > 1}:
            raise TaskError(f"two metrics are called {name!r}: samples tell them by their name")
        return cls(made.unit, made.fidelity, metrics)

    def measure(self, task: Task, reference: Output, output: Output, truth: Any) -> dict[str, Any]:
        """The statistics of one picture, by metric; those that say nothing of it are left out."""
        told = task.statistics(reference, output, truth)
        users = [metric for metric in self.metrics if metric.name not in told]
        told |= {m.name: m.measure(reference, output, truth) for m in users}
        return {name: value for name, value in told.items() if value is not None}

    def told(self, known: Sequence[str]) -> list[Metric]:
        """The metrics of which something is known, given the names of those."""
        return [metric for metric in self.metrics if metric.name in known]

    def main(self, known: Sequence[str]) -> Metric | None:
        """The one that figures show: by truth where there is any, else the first."""
        told = self.told(known)
        return next((metric for metric in told if metric.by_truth), next(iter(told), None))
