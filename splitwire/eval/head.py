"""The head of a run: all that one must know to read its samples, or to add to them."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from splitwire.data.photos import Photo, describe, load_photos
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.devices import load_device
from splitwire.eval.experiment import Experiment
from splitwire.models.split import CutPoint

_PACKAGES = ("splitwire", "torch", "torchvision", "timm", "numpy", "pillow", "av")


def describe_run(
    experiment: Experiment,
    deployment: Deployment,
    points: Sequence[CutPoint],
    photos: Sequence[Photo],
) -> dict[str, Any]:
    """The head of a run that begins now, as plain values.

    Raises:
        DataError: a device that is not known, or calibration pictures that cannot be had.
    """
    return {
        "experiment": experiment.as_dict(),
        "versions": versions(),
        "hardware": hardware(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": _describe_model(deployment, points),
        "devices": {
            "edge": load_device(experiment.edge).as_dict(),
            "cloud": load_device(experiment.cloud).as_dict(),
        },
        "data": {
            "evaluation": describe(experiment.data, photos),
            "calibration": describe(experiment.calibration, load_photos(experiment.calibration)),
        },
    }


def check_same(
    head: dict[str, Any], experiment: Experiment, deployment: Deployment, out: Path
) -> None:
    """Refuse to add samples to a run of something else.

    Raises:
        ExperimentError: naming what differs.
    """
    now = json.loads(json.dumps(experiment.as_dict()))  # as JSON gives it back: no tuples
    begun = head.get("experiment", {})
    different = [key for key in {**begun, **now} if now.get(key) != begun.get(key)]
    digests = deployment.digests.items()
    if any(head.get("model", {}).get(key) != digest for key, digest in digests):
        different.append("the network's weights")
    if head.get("versions") != versions():
        different.append("the versions of packages")
    then, here = head.get("hardware", {}), hardware()
    if any(then.get(key) != here[key] for key in ("cpu", "cores", "threads")):
        different.append("the machine")  # the times of two make no median
    if different:
        raise ExperimentError(
            f"{out} holds another run (other {', '.join(different)}): "
            "give another --out, or delete it"
        )


def check_unseen(profiles: dict[str, dict[str, str]], experiment: Experiment) -> None:
    """Refuse profiles that were learnt on the pictures to measure on.

    Raises:
        DataError: naming one.
    """
    for digest, about in profiles.items():
        if experiment.data in about.get("data", "").split(", "):
            raise DataError(
                f"the profile {digest} was learnt on {about['data']}, which this experiment "
                "evaluates: calibrate it on other pictures"
            )


def check_profiles(head: dict[str, Any], profiles: dict[str, dict[str, str]], out: Path) -> None:
    """Refuse to go on with other profiles than those that a run began with.

    Raises:
        ExperimentError: naming one.
    """
    if different := sorted(profiles.keys() ^ head.get("profiles", {}).keys()):
        raise ExperimentError(
            f"{out} holds a run with other profiles ({different[0]} is in one only): "
            "give another --out, or delete it"
        )


def versions() -> dict[str, str]:
    """The versions of what takes part, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def hardware() -> dict[str, Any]:
    """Processor, cores that may be used, threads of torch, and memory (bytes; 0 if unknown)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    memory = pages and pages * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": _cpu(), "cores": cores, "threads": torch.get_num_threads(), "memory": memory}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _describe_model(deployment: Deployment, points: Sequence[CutPoint]) -> dict[str, Any]:
    model = deployment.model
    return {
        "name": model.name,
        **deployment.digests,
        "macs": sum(model.graph.macs),
        "picture_bytes": int(np.prod(model.input_shape)),
        "points": [
            {"name": p.name, "node": p.node, "elements": p.elements, "share": p.edge_share}
            for p in points
        ],
    }
