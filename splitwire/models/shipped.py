"""The networks whose weights are in the package: `splitwire/weights/NAME.safetensors`."""

from pathlib import Path

from splitwire.models.nanodet import PREPROCESS, NanoDet
from splitwire.models.preprocess import Network
from splitwire.models.weights import fill

SHIPPED = {"nanodet": (NanoDet, PREPROCESS)}
WEIGHTS = Path(__file__).parents[1] / "weights"


def shipped(name: str, pretrained: bool) -> Network:
    """The network of that name in float32, and how it wants its pictures."""
    make, preprocess = SHIPPED[name]
    network = make()
    if pretrained:
        fill(name, network, WEIGHTS / f"{name}.safetensors")  # of float16, which it widens
    return network, preprocess
