"""From the pixels that a network takes to its normalised input."""

import torch
from torch import nn

from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

Network = tuple[nn.Module, Preprocess | Inputs]


class Normalised(nn.Module):
    """`network((x - mean) / std)`: a network that takes pixels, float32 (1, C, H, W), 0 to 255.

    Normalising inside the network makes it a part of the edge half's work, and makes a cut at the
    input send the picture itself.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess) -> None:
        """Wrap `network`; its weights are shared, not copied."""
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(preprocess.std).view(-1, 1, 1))
        self._dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), None)

    def forward(self, x: torch.Tensor) -> object:
        """Whatever the network gives for the normalised pixels."""
        normalised = (x - self.mean) / self.std
        if self._dtype in (None, normalised.dtype):
            return self.network(normalised)
        return self.network(normalised.to(self._dtype))  # of a network in float16, say
