"""The cloud's first layers, fine-tuned with a codec: a track of its own, with other weights.

    x ─▶ codec in training ─▶ y ─▶ first layers in training ─▶ frozen rest ─▶ divergence

The edge half stays as it is, and so does what training aims at, the output of the network as it
was. What comes out is a codec that is right only in front of the tuned network.
"""

import copy
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, fx, nn

from splitwire.errors import TrainingError
from splitwire.models.load import Model
from splitwire.models.split import layers_between, split
from splitwire.train.architecture import Trainable

_CAUTION = 0.1  # how fast layers that were trained on a million pictures learn, of a codec's rate


class Tuned(Trainable):
    """A codec and the layers behind it, up to another cut point.

    Args:
        codec: what codes the features.
        layers: what the cloud does first with decoded features; a copy is trained.
    """

    def __init__(self, codec: Trainable, layers: fx.GraphModule) -> None:
        super().__init__()
        self.codec = codec
        self.layers = copy.deepcopy(layers).requires_grad_(True)

    def groups(self) -> list[dict[str, Any]]:
        """Those of the codec, and the layers'."""
        layers = {"params": list(self.layers.parameters()), "scale": _CAUTION}
        return [*self.codec.groups(), layers]

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """What the layers make of decoded features, and the bits of each tensor (B,)."""
        y, bits = self.codec(x, quality)
        (made,) = self.layers(y)
        return made, bits

    def arrays(self, features: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
        """Those of the codec's profile."""
        return self.codec.arrays(features)

    def tune(self, network: nn.Module) -> None:
        """Give the layers' weights to a network of which they are a part."""
        own = dict(network.named_parameters())
        for name, value in self.layers.named_parameters():
            own[name].data.copy_(value.data)


def first_layers(model: Model, at: str, last: str) -> fx.GraphModule:
    """What the cloud does first behind a cut, up to another cut.

    Raises:
        ModelError: a name that is no cut point, or not behind the other.
        TrainingError: the layers have no weights, or share one with the rest of the network.
    """
    layers, rest = layers_between(model, at, last), split(model, last).cloud
    names = dict(layers.named_parameters()).keys()
    others = {name.removeprefix("body.") for name, _ in rest.named_parameters()}
    others |= dict(split(model, at).edge.named_parameters()).keys()
    if not names or names & others:
        why = f"{min(names & others)} also does work elsewhere" if names else "nothing to train"
        raise TrainingError(f"{model.name} cannot be tuned from {at} to {last}: {why}")
    return layers
