"""The networks whose weights are in the package: `splitwire/weights/NAME.safetensors`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from splitwire.models import movenet, nanodet, selfie
from splitwire.models.normalised import Network
from splitwire.models.preprocess import Preprocess
from splitwire.models.weights import fill


@dataclass(frozen=True)
class Shipped:
    """A network of the package: how it is made, its pictures, and the task that it is for."""

    make: Callable[[], nn.Module]
    preprocess: Preprocess
    task: str


SHIPPED = {
    "nanodet": Shipped(nanodet.NanoDet, nanodet.PREPROCESS, "detection"),
    "movenet": Shipped(movenet.MoveNet, movenet.PREPROCESS, "keypoints"),
    "selfie": Shipped(selfie.Selfie, selfie.PREPROCESS, "segmentation"),
}
WEIGHTS = Path(__file__).parents[1] / "weights"


def shipped(name: str, pretrained: bool) -> Network:
    """The network of that name in float32, and how it wants its pictures."""
    found = SHIPPED[name]
    network = found.make()
    if pretrained:
        fill(name, network, WEIGHTS / f"{name}.safetensors")  # of float16, which it widens
    return network, found.preprocess
