"""A run, opened: what everything that reads runs begins with."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from splitwire.eval.head import Head
from splitwire.eval.results import Result, summarise
from splitwire.eval.samples import Drift, Sample, Time, rows
from splitwire.eval.scoring import Scoring
from splitwire.eval.spelling import stands_for


@dataclass(frozen=True, eq=False)
class Summary:
    """A run, opened: what it is, by what it is judged, its samples, and what they come to.

    `drift` is how the machine's pace changed meanwhile, where anything hangs on it; see devices.py.
    `times` are those of the timing pass.
    """

    head: Head
    scoring: Scoring
    samples: list[Sample]
    results: list[Result]
    drift: float | None = None
    times: list[Time] = field(default_factory=list)

    @classmethod
    def open(cls, run: Path, max_divergence: float | None = None) -> "Summary":
        """That of a run's folder.

        Args:
            run: the folder that `splitwire eval` wrote.
            max_divergence: the fidelity at which codecs are chosen, in the task's unit; None for
                the task's own.

        Raises:
            ExperimentError: there is no run there, or it is damaged.
            TaskError: its task or a metric cannot be had.
        """
        samples, times, drift = list[Sample](), list[Time](), None
        for row in rows(run):
            if isinstance(row, Sample):
                samples.append(row)
            elif isinstance(row, Time):
                times.append(row)
            elif isinstance(row, Drift):
                drift = row.ratio
            else:
                head = row
        plan = head.experiment
        scoring = Scoring.of(plan.task, plan.metrics)
        if max_divergence is not None:
            scoring = replace(scoring, fidelity=max_divergence)
        results = summarise(samples, scoring, plan.seed, times)
        return cls(head, scoring, samples, results, drift, times)

    @property
    def fidelity(self) -> float:
        """The divergence that a choice may cost, in the task's unit."""
        return self.scoring.fidelity

    @property
    def live(self) -> list[Sample]:
        """Those of live frames, in the order in which they were taken; none of any other run."""
        frames = (sample for sample in self.samples if sample.outcome is not None)
        return sorted(frames, key=lambda sample: sample.frame or 0)

    @property
    def clips(self) -> int:
        """How many clips there are; 0 for photos."""
        return max((result.clips for result in self.results), default=0)

    @property
    def abbreviations(self) -> dict[str, str]:
        """The codecs that go by their name, and the curve that each stands for."""
        return stands_for((sample.codec, sample.curve) for sample in self.samples)

    @property
    def known(self) -> list[str]:
        """The names of the metrics of which something is known."""
        return list(dict.fromkeys(name for result in self.results for name in result.metrics))
