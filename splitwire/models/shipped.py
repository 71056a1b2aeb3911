"""The networks whose weights are in the package: `splitwire/weights/NAME.safetensors`."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from splitwire.models import movenet, nanodet, selfie
from splitwire.models.normalised import Network
from splitwire.models.preprocess import Preprocess
from splitwire.models.weights import fill

SHIPPED: dict[str, tuple[Callable[[], nn.Module], Preprocess]] = {
    "nanodet": (nanodet.NanoDet, nanodet.PREPROCESS),
    "movenet": (movenet.MoveNet, movenet.PREPROCESS),
    "selfie": (selfie.Selfie, selfie.PREPROCESS),
}
WEIGHTS = Path(__file__).parents[1] / "weights"


def shipped(name: str, pretrained: bool) -> Network:
    """The network of that name in float32, and how it wants its pictures."""
    make, preprocess = SHIPPED[name]
    network = make()
    if pretrained:
        fill(name, network, WEIGHTS / f"{name}.safetensors")  # of float16, which it widens
    return network, preprocess
