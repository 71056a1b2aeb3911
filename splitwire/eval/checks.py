"""What a run is refused for: going on with something else, or measuring on what was learnt on."""

from pathlib import Path

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
