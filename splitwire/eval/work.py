"""What a process of its own needs to do units of a run; it loads the network itself."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from splitwire.codecs.base import Codec
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.experiment import Experiment
from splitwire.eval.fidelity import Bench
from splitwire.eval.gauge import Gauge
from splitwire.eval.machine import versions
from splitwire.eval.scoring import Scoring
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, Choice, Key
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

if TYPE_CHECKING:
    from splitwire.eval.sequences import Sequences
    from splitwire.eval.stills import Stills


@dataclass(frozen=True)
class Work:
    """All that a worker needs to do units of one run.

    Attributes:
        experiment: what is measured.
        pictures: on which.
        coded: of each choice its key, its codecs with their profiles, and its curve.
        digests: of the network's weights, and the cloud's.
        versions: of the packages that take part.
    """

    experiment: Experiment
    pictures: "Stills | Sequences"
    coded: tuple[tuple[Key, tuple[Codec, ...], str], ...]
    digests: tuple[str, str]
    versions: dict[str, str]

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        pictures: "Stills | Sequences",
        choices: Mapping[Choice, str],
        deployment: Deployment,
    ) -> "Work":
        """That of a run's choices and their curves."""
        coded = tuple((choice.key, choice.codecs, curve) for choice, curve in choices.items())
        return cls(experiment, pictures, coded, deployment.digests, versions())

    @property
    def device(self) -> str:
        """Where it runs."""
        return self.experiment.device

    def open(self) -> Bench:
        """Load it, in a process of its own, perhaps on another machine.

        Raises:
            DataError: the machine lacks the pictures.
            ExperimentError: its packages or weights are others than those of the run.
        """
        plan, source = self.experiment, self.pictures.source
        if source is not None and not source.exists():
            raise DataError(f"{socket.gethostname()} has no {source}: workers need the same files")
        if versions() != self.versions:
            names = sorted(name for name, _ in self.versions.items() ^ versions().items())
            self._refuse(f"versions of {', '.join(dict.fromkeys(names))}")
        limit_threads(plan.threads)
        keep_memory()
        deployment = Deployment.load(plan)
        if deployment.digests != self.digests:
            self._refuse("weights of the network")
        task = load_task(plan.task, deployment.model)
        gauge = Gauge(plan, task, Scoring.of(plan.task, plan.metrics))
        return Bench(self._choices(deployment), self.pictures, deployment.model, gauge)

    def _refuse(self, what: str) -> None:
        raise ExperimentError(
            f"{socket.gethostname()} has other {what} than the run: workers need the same"
        )

    def _choices(self, deployment: Deployment) -> dict[Choice, str]:
        cuts = {
            at: deployment.cut(at) for at in dict.fromkeys(key[1] for key, *_ in self.coded) if at
        }
        edge, whole = Choice.edge_only(deployment.model), deployment.cut("input")
        found: dict[Choice, str] = {}
        for (way, at, spec), codecs, curve in self.coded:
            if way == EDGE_ONLY:
                found[edge] = curve
            elif way == CLOUD_ONLY:
                found[Choice.cloud_only(whole, codecs[0], spec)] = curve
            else:
                found[Choice.shared(cuts[at], codecs, spec)] = curve
        return found
