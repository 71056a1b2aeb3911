"""The head of a run: what was measured, on what, and where."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from splitwire.codecs.base import Codec
from splitwire.codecs.profile import Provenance
from splitwire.data.photos import Photo, describe, load_photos
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.devices import Device, load_device
from splitwire.eval.experiment import Experiment
from splitwire.models.split import CutPoint

FORMAT = 2
"""Of runs; those of another are not read."""

_PACKAGES = ("splitwire", "torch", "torchvision", "timm", "numpy", "pillow", "av")

Profiles = dict[str, Provenance | None]


@dataclass(frozen=True)
class Hardware:
    """A machine: its processor, the cores that may be used, torch's threads, and bytes of memory.

    What is not known is 0 or empty.
    """

    cpu: str
    cores: int
    threads: int
    memory: int


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
        points: where it can be cut, in order.
    """

    name: str
    digest: str
    deployed: str
    macs: int
    picture: int
    points: tuple[Point, ...]


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
    def round_trip(self) -> float:
        """That of the first link that has one, in seconds, for totals over all upload rates."""
        return next((link.rtt for link in self.experiment.links if link.rtt), 0.0)


def describe_run(
    experiment: Experiment,
    deployment: Deployment,
    points: Sequence[CutPoint],
    photos: Sequence[Photo],
    profiles: Profiles,
) -> Head:
    """The head of a run that begins now.

    Raises:
        DataError: a device that is not known, or calibration pictures that cannot be had.
    """
    model = deployment.model
    return Head(
        experiment=experiment,
        versions=versions(),
        hardware=hardware(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        model=Network(
            name=model.name,
            digest=model.digest,
            deployed=deployment.deployed.digest,
            macs=sum(model.graph.macs),
            picture=int(np.prod(model.input_shape)),
            points=tuple(Point(p.name, p.node, p.elements, p.edge_share) for p in points),
        ),
        edge=load_device(experiment.edge),
        cloud=load_device(experiment.cloud),
        evaluation=describe(experiment.data, photos),
        calibration=describe(experiment.calibration, load_photos(experiment.calibration)),
        profiles=profiles,
    )


def profiles_of(codecs: Iterable[Codec]) -> Profiles:
    """What the profiles of codecs were learnt on, by digest."""
    return {c.profile.digest: c.profile.learnt for c in codecs if c.profile is not None}


def check_same(head: Head, experiment: Experiment, deployment: Deployment, out: Path) -> None:
    """Refuse to add samples to a run of something else.

    Raises:
        ExperimentError: naming what differs.
    """
    begun, now = head.experiment.as_dict(), experiment.as_dict()
    different = [key for key in now if now[key] != begun[key]]
    if (head.model.digest, head.model.deployed) != deployment.digests:
        different.append("the network's weights")
    if head.versions != versions():
        different.append("the versions of packages")
    then, here = head.hardware, hardware()
    if (then.cpu, then.cores, then.threads) != (here.cpu, here.cores, here.threads):
        different.append("the machine")  # the times of two make no median
    if different:
        raise ExperimentError(
            f"{out} holds another run (other {', '.join(different)}): "
            "give another --out, or delete it"
        )


def check_unseen(profiles: Profiles, experiment: Experiment) -> None:
    """Refuse profiles that were learnt on the pictures to measure on.

    Raises:
        DataError: naming one.
    """
    for digest, learnt in profiles.items():
        if learnt is not None and experiment.data in learnt.data:
            raise DataError(
                f"the profile {digest} was learnt on {', '.join(learnt.data)}, which this "
                "experiment evaluates: calibrate it on other pictures"
            )


def check_profiles(head: Head, profiles: Profiles, out: Path) -> None:
    """Refuse to go on with other profiles than those that a run began with.

    Raises:
        ExperimentError: naming one.
    """
    if different := sorted(profiles.keys() ^ head.profiles.keys()):
        raise ExperimentError(
            f"{out} holds a run with other profiles ({different[0]} is in one only): "
            "give another --out, or delete it"
        )


def versions() -> dict[str, str]:
    """The versions of what takes part, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def hardware() -> Hardware:
    """This machine."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    memory = pages and pages * os.sysconf("SC_PAGE_SIZE")
    return Hardware(_cpu(), found or 0, torch.get_num_threads(), memory)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
