"""What a run is refused for: going on with something else, or measuring on what was learnt on."""

from collections.abc import Sequence
from pathlib import Path

from splitwire.data.fingerprint import fingerprints, shared
from splitwire.data.photos import Photo
from splitwire.errors import DataError, ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.experiment import Experiment
from splitwire.eval.head import Head, Profiles
from splitwire.eval.machine import hardware, versions


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


def check_unseen(profiles: Profiles, photos: Sequence[Photo], data: str) -> None:
    """Refuse profiles that were learnt on the pictures to measure on.

    Pictures are known by what they show. Where a profile does not say which it was learnt on, the
    name of their set has to do.

    Args:
        profiles: in use.
        photos: to measure on.
        data: what their set is called.

    Raises:
        DataError: naming a profile and a picture.
    """
    for digest, learnt in profiles.items():
        if learnt is None:
            continue
        both = [str(photos[i].path) for _, i in shared(learnt.pictures, fingerprints(photos))]
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
