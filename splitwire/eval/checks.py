"""What a run is refused for: going on with something else, or measuring on what was learnt on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from splitwire.data.fingerprint import shared
from splitwire.data.photos import Photo, is_sample
from splitwire.data.truth import Annotation
from splitwire.errors import DataError, ExperimentError, TaskError
from splitwire.eval.experiment import Experiment
from splitwire.eval.head import Head, Profiles
from splitwire.eval.machine import hardware, versions
from splitwire.runner.halves import Halves
from splitwire.tasks.base import Task

if TYPE_CHECKING:  # which loads torch, that a recording edge may be without
    from splitwire.eval.deployment import Deployment


def check_same(head: Head, experiment: Experiment, deployment: "Deployment", out: Path) -> None:
    """Refuse to add samples to a run of something else; there may be more pictures than it had.

    Raises:
        ExperimentError: naming what differs.
    """
    begun, now = head.experiment.as_dict(), experiment.as_dict()
    grown = {key for key in ("limit", "timed") if _more(begun[key], now[key])}
    different = [key for key in now if now[key] != begun[key] and key not in grown]
    if (head.model.digest, head.model.deployed) != deployment.digests:
        different.append("the network's weights")
    if head.versions != versions():
        different.append("the versions of packages")
    then, here = head.hardware, hardware(deployment.model.device.about)
    if replace(then, memory=0) != replace(here, memory=0):
        different.append("the machine")  # the times of two make no median
    if different:
        raise ExperimentError(
            f"{out} holds another run (other {', '.join(different)}): "
            "give another --out, or delete it"
        )


def _more(then: int | None, now: int | None) -> bool:
    return then is not None and (now is None or now > then)


def labelled(task: Task, whole: Halves, photos: Sequence[Photo]) -> list[Photo]:
    """The photos, once the network is seen to be one of the task's, with labels that it can have.

    The packaged photos are labelled by ImageNet's classes: for a network of others they are
    without labels.

    Raises:
        TaskError: what the network gives for a black picture is no output of the task.
        DataError: naming a folder whose label the network's outputs cannot have.
    """
    output = whole.finish(whole.start(np.zeros(whole.model.input_shape[1:], np.float32)))
    task.check(output)
    for label, photo in {photo.label: photo for photo in photos}.items():
        try:
            if label is not None:
                task.check_label(output, label)
        except TaskError as error:
            if all(is_sample(photo) for photo in photos):
                return [replace(photo, label=None) for photo in photos]
            wrong = f"{photo.path.parent}: the label of its pictures is wrong"
            if isinstance(label, Annotation):
                wrong = f"{photo.path}: what is annotated on it is wrong"
            raise DataError(f"{wrong}: {error}") from error
    return list(photos)


def check_unseen(profiles: Profiles, pictures: Mapping[str, str], data: str) -> None:
    """Refuse profiles that were learnt on the pictures to measure on.

    Pictures are known by what they show. Where a profile does not say which it was learnt on, the
    name of their set has to do.

    Args:
        profiles: in use.
        pictures: the fingerprints of those to measure on, by name.
        data: what their set is called.

    Raises:
        DataError: naming a profile and a picture.
    """
    for digest, learnt in profiles.items():
        if learnt is None:
            continue
        names = list(pictures)
        both = [names[i] for _, i in shared(learnt.pictures, list(pictures.values()))]
        if both or (not learnt.pictures and data in learnt.data):
            raise DataError(
                f"the profile {digest} was learnt on {(both or [data])[0]}, which this experiment "
                "evaluates: calibrate it on other pictures"
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
