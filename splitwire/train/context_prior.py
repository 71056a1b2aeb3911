"""What the contexts of `ftc` will make of coefficients, differentiable.

The coder (kernels/_coefficients.h) adapts the distribution of each coefficient to how much
livelier than expected its neighbours are, and the components before it. Here that distribution is a
mixture of two Laplace distributions over a bin, whose width a small network tells from the same
three numbers: the expected magnitude and the two livelinesses.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FADE = 7 / 8
_SURE = -4  # log2 of the expected magnitude in steps: one in 3000 is not zero
_NEAR = ((0, 0, 1, 0, 0), (0, 1, 2, 1, 0), (1, 2, 0, 0, 0))  # as the coder's `around`


class ContextPrior(nn.Module):
    """Bits of coefficients (B, K, H, W) over frequencies.

    Args:
        scales: of each component and band, log2 of the mean magnitude, (K, bands).
        bands: the band of each frequency, integers (H, W).
    """

    bands: Tensor
    fading: Tensor
    near: Tensor

    def __init__(self, scales: Tensor, bands: Tensor) -> None:
        super().__init__()
        self.scales = nn.Parameter(scales.float())
        self.register_buffer("bands", bands, persistent=False)
        last = nn.Linear(16, 2)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), last)
        behind = np.subtract.outer(np.arange(len(scales)), np.arange(len(scales))) - 1
        fading = np.where(behind >= 0, (1 - _FADE) * _FADE ** np.maximum(behind, 0), 0)
        self.register_buffer("fading", torch.tensor(fading).float(), persistent=False)
        self.register_buffer("near", torch.tensor(_NEAR).float()[None, None], persistent=False)

    def forward(self, rounded: Tensor, log_step: Tensor) -> Tensor:
        """Bits of each tensor's coefficients (B, K, H, W) in steps, rounded: (B,).

        log_step: the logarithm to base 2 of the step, (B, 1, 1).
        """
        width = torch.exp2((self.scales - log_step).clamp(-8, 8))  # (B, K, bands)
        expected = torch.exp(-0.5 / width) / (1 - torch.exp(-1 / width))  # of a rounded magnitude
        base, due = (a[:, :, self.bands] for a in (width.log2(), expected))
        sizes = rounded.abs()
        near = torch.log2((1 + self._around(sizes)) / (1 + self._around(due)))
        before = torch.log2((0.125 + self._before(sizes)) / (0.125 + self._before(due)))
        dear = (base > _SURE) | (rounded != 0)  # what is surely zero costs nothing, and no time
        places = dear.flatten().nonzero()[:, 0]
        base, near, before, sizes = (
            a.flatten().index_select(0, places) for a in (base, near, before, sizes)
        )
        told = self.network(torch.stack([base / 4, near, before], -1))
        log_width = base + 0.5 * near + 0.3 * before + told[..., 0]
        width, share = torch.exp2(log_width.clamp(-6, 8)), torch.sigmoid(told[..., 1] - 3)
        chance = (1 - share) * _mass(sizes, width) + share * _mass(sizes, 3 * width + 0.3)
        bits = -torch.log2(chance.clamp(min=1e-6))
        counts = dear.flatten(1).sum(1).tolist()
        return torch.stack([part.sum() for part in torch.split(bits, counts)])

    def _around(self, sizes: Tensor) -> Tensor:
        b, k, h, w = sizes.shape
        padded = F.pad(sizes.reshape(b * k, 1, h, w), (2, 2, 2, 0))
        return F.conv2d(padded, self.near).reshape(sizes.shape)

    def _before(self, sizes: Tensor) -> Tensor:
        return torch.einsum("kj,bjhw->bkhw", self.fading, sizes)


def _mass(sizes: Tensor, width: Tensor) -> Tensor:
    """What a Laplace distribution holds within half a step of a magnitude."""
    beyond = torch.exp(-(sizes + 0.5) / width)
    outside = torch.exp(-(sizes - 0.5).clamp(min=0) / width) - beyond
    about = 2 - torch.exp(-(0.5 - sizes).clamp(min=0) / width) - beyond
    return 0.5 * torch.where(sizes >= 0.5, outside, about)
