"""The head of a run: what was measured, on what, and where."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import TypeAdapter, ValidationError

from splitwire.codecs.base import Codec
from splitwire.codecs.profile import Provenance
from splitwire.errors import ExperimentError
from splitwire.eval.devices import Device, load_device
from splitwire.eval.experiment import Experiment, LinkPlan
from splitwire.eval.machine import Hardware, hardware, versions
from splitwire.runner.choice import SHARED, AnyChoice

if TYPE_CHECKING:  # which loads torch, that a recording edge may be without
    from splitwire.eval.deployment import Deployment
    from splitwire.models.device import Device as Processor
    from splitwire.models.split import CutPoint

FORMAT = 2
"""Of runs; those of another are not read."""


Profiles = dict[str, Provenance | None]


@dataclass(frozen=True)
class Point:
    """A cut point: its name and node, the numbers that cross, and the share computed by then."""

    name: str
    node: str
    elements: int
    share: float


@dataclass(frozen=True)
class Network:
    """A network as a run has it.

    Attributes:
        name: as `load_model` takes it.
        digest: of what outputs are judged by.
        deployed: of what is cut in halves: another where the cloud's layers were tuned.
        macs: multiply-accumulates for a picture.
        picture: numbers in a picture, which are bytes at 8 bits.
        points: where it can be cut, in order; none where only a bundle is known.
        weights: where they come from, in words.
        trained: whether they are; see `Weights`.
    """

    name: str
    digest: str
    deployed: str
    macs: int
    picture: int
    points: tuple[Point, ...]
    weights: str = ""
    trained: bool = True

    @classmethod
    def of(cls, deployment: "Deployment", points: "Sequence[CutPoint]") -> Self:
        """That of an experiment, with its cut points."""
        model = deployment.model
        return cls(
            name=model.name,
            digest=model.digest,
            deployed=deployment.deployed.digest,
            macs=sum(model.graph.macs),
            picture=int(np.prod(model.input_shape)),
            points=tuple(Point(p.name, p.node, p.elements, p.edge_share) for p in points),
            weights=model.weights.origin,
            trained=model.weights.trained,
        )


@dataclass(frozen=True)
class Head:
    """What a run says of itself.

    Attributes:
        experiment: what it measures.
        versions: of the packages that take part, by name.
        hardware: the machine.
        started: when, in ISO 8601.
        model: the network.
        edge, cloud: the devices that times are scaled to.
        evaluation, calibration: the sets of pictures, in words; empty where there was none.
        profiles: what each profile in use was learnt on, by digest.
        differences: of the halves from the whole network, uncompressed, by split; see `Split`.
        format: of the run.
    """

    experiment: Experiment
    versions: dict[str, str]
    hardware: Hardware
    started: str
    model: Network
    edge: Device
    cloud: Device
    evaluation: str
    calibration: str
    profiles: Profiles = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def read(cls, row: dict[str, Any], path: Path) -> "Head":
        """The head that a row of a run's file holds.

        Raises:
            ExperimentError: it lacks something, or something in it is not what it should be.
        """
        try:
            return TypeAdapter(cls).validate_python(row)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise ExperimentError(f"{path}: its head is damaged: {where}: {fault['msg']}") from None

    @property
    def trained(self) -> bool:
        """Whether the weights are, so that rates and divergences mean something."""
        return self.model.trained and self.experiment.weights != "none"

    @property
    def path(self) -> LinkPlan:
        """The first link that has a round trip: it and its loss are those of totals at any rate."""
        links = self.experiment.links
        return next((link for link in links if link.rtt), LinkPlan("none", rate=1.0))


def describe_run(
    experiment: Experiment,
    model: Network,
    evaluation: str,
    calibration: str,
    choices: Collection[AnyChoice],
    here: "Processor | None" = None,
) -> Head:
    """The head of a run that begins now.

    Raises:
        DataError: a device that is not known.
    """
    return Head(
        experiment=experiment,
        versions=versions(),
        hardware=hardware(here.about if here else ""),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        model=model,
        edge=load_device(experiment.edge, here),
        cloud=load_device(experiment.cloud, here),
        evaluation=evaluation,
        calibration=calibration,
        profiles=profiles_of(codec for choice in choices for codec in choice.codecs),
        differences={
            c.at: c.split.difference
            for c in choices
            if c.way == SHARED and hasattr(c.split, "difference")  # a bundle's halves have none
        },
    )


def profiles_of(codecs: Iterable[Codec]) -> Profiles:
    """What the profiles of codecs were learnt on, by digest."""
    return {c.profile.digest: c.profile.learnt for c in codecs if c.profile is not None}
