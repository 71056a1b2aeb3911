"""The network of an experiment: as outputs are judged by it, and as it runs in halves."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from splitwire.codecs.base import Codec
from splitwire.errors import ExperimentError
from splitwire.eval.experiment import Experiment
from splitwire.models.device import Device
from splitwire.models.load import Model, load_model
from splitwire.models.split import Split, split

ENDS = ("input", "output")


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network, and what runs of it.

    Attributes:
        model: whose uncompressed output all outputs are compared with.
        deployed: what is cut in halves: the same, or the same with a fine-tuned cloud.
    """

    model: Model
    deployed: Model

    @classmethod
    def load(cls, experiment: Experiment) -> "Deployment":
        """That of an experiment.

        Raises:
            ModelError: it cannot be had, or its weights cannot, or its device is not there.
        """
        device = Device.find(experiment.device, experiment.precision)
        model = load_model(
            experiment.model, None if experiment.weights == "none" else experiment.weights
        ).on(device)
        tuned = experiment.cloud_weights
        return cls(model, load_model(experiment.model, tuned).on(device) if tuned else model)

    @property
    def digests(self) -> tuple[str, str]:
        """Of both, in that order."""
        return (self.model.digest, self.deployed.digest)

    def cut(self, at: str) -> Split:
        """The halves that run; where nothing is split, those of the network as it was.

        Raises:
            ModelError: there is no such cut point.
            ExperimentError: not the cloud's half alone is tuned.
        """
        plain = split(self.model, at)
        if at in ENDS or self.deployed is self.model:
            return plain
        cut = split(self.deployed, at)
        own, other = plain.edge.state_dict(), cut.edge.state_dict()
        if different := [name for name in own if not torch.equal(own[name], other[name])]:
            raise ExperimentError(
                f"the weights of the cloud differ from the network's at the edge of {at} too "
                f"({different[0]}): measure them at splits before what was tuned"
            )
        return cut

    def check(self, codecs: Iterable[Codec]) -> None:
        """Refuse codecs whose profiles were trained with another cloud.

        Raises:
            ExperimentError: naming a profile.
        """
        for profile in (codec.profile for codec in codecs):
            cloud = profile.learnt.cloud if profile and profile.learnt else ""
            if profile and cloud not in ("", self.deployed.digest):
                raise ExperimentError(
                    f"the profile {profile.digest} was trained with layers of the cloud "
                    "fine-tuned: give the weights beside it (eval: --cloud-weights; live: "
                    "--weights, both ends)"
                )
