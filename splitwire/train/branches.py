"""Networks side by side, whose outputs add up: what becomes an integer network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Branches(nn.ModuleList):
    """Sequences of layers that see the same tensor; their outputs are cut to a size and added.

    What those behind the first give can be scaled before.

    Args:
        networks: one or more.
        silent: how many of them, the last ones, give zero until they are trained.
    """

    def __init__(self, networks: Sequence[nn.Sequential], silent: int) -> None:
        super().__init__(networks)
        for network in networks[len(networks) - silent :]:
            last = [layer for layer in network if isinstance(layer, nn.Conv2d)][-1]
            nn.init.zeros_(last.weight)
            if last.bias is not None:
                nn.init.zeros_(last.bias)

    @property
    def networks(self) -> list[nn.Sequential]:
        """One after another."""
        return [network for network in self if isinstance(network, nn.Sequential)]

    def forward(self, x: Tensor, size: tuple[int, ...], scale: Tensor | float = 1.0) -> Tensor:
        """Their sum (B, K, H, W) for a size (H, W); scale (B, 1, 1, 1) is of all but the first."""
        height, width = size
        first, *others = (network(x)[..., :height, :width] for network in self)
        return torch.as_tensor(first + scale * sum(others))
