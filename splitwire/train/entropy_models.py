"""CompressAI's entropy models with bins as wide as a step, and what a profile holds of them."""

from math import erf, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.codecs.learned.latent_tables import GRID, REACH, table_of
from splitwire.errors import TrainingError

LOWEST_RUNG = -26  # of widths in eighths of an octave: 0.11 steps, as CompressAI's
HIGHEST_RUNG = 48
_LEAST = 1e-9  # of a probability
_TOTAL = (1 << 16) - 1
_FURTHEST = 1500  # grid columns on each side of zero


def entropy_models() -> Any:
    """CompressAI's module of them.

    Raises:
        TrainingError: it is not installed.
    """
    try:
        from compressai import entropy_models
    except ImportError as error:
        raise TrainingError(
            'this architecture trains with CompressAI: pip install "splitwire[learned]"'
        ) from error
    return entropy_models


class FactorisedPrior(nn.Module):
    """The `EntropyBottleneck` of some channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bottleneck = entropy_models().EntropyBottleneck(channels)

    def forward(self, latents: Tensor, step: Tensor | float) -> Tensor:
        """Bits (B, M, H, W) of latents in bins of a step about them; step: as they broadcast."""
        half = (torch.zeros_like(latents) + step) / 2
        below, above = (self._logits(latents + sign * half) for sign in (-1, 1))
        sign = -torch.sign(below + above).detach()  # on that side a sigmoid is exact
        chance = (torch.sigmoid(sign * above) - torch.sigmoid(sign * below)).abs()
        return -torch.log2(chance.clamp(min=_LEAST))

    @torch.no_grad()
    def cumulative(self, furthest: float) -> NDArray[np.uint16]:
        """Counts below each edge of a grid that reaches as far as latents do; see `bin_tables`."""
        last = int(min(max(furthest * GRID, GRID), _FURTHEST))
        edges = torch.arange(-last, last + 1, device=next(self.parameters()).device) / GRID
        channels = self.bottleneck.channels
        logits = self._logits(edges.float().expand(1, channels, 1, -1))[0, :, 0]
        counts = torch.sigmoid(logits.double()) * _TOTAL
        return counts.cpu().numpy().round().astype(np.uint16)

    def _logits(self, values: Tensor) -> Tensor:
        flat = values.transpose(0, 1).flatten(1)[:, None]
        logits: Tensor = self.bottleneck._logits_cumulative(flat, stop_gradient=False)
        others = values.transpose(0, 1).shape
        return logits.reshape(others).transpose(0, 1)


class GaussianPrior(nn.Module):
    """The `GaussianConditional` of latents whose widths are told."""

    def __init__(self) -> None:
        super().__init__()
        self.conditional = entropy_models().GaussianConditional(None)

    def forward(self, steps: Tensor, rungs: Tensor) -> Tensor:
        """Bits of latents in steps, of widths in eighths of an octave from a step."""
        widths = torch.exp2(rungs.clamp(LOWEST_RUNG, HIGHEST_RUNG) / 8)
        chance = self.conditional._likelihood(steps, widths)
        return -torch.log2(chance.clamp(min=_LEAST))


def ladder() -> NDArray[np.uint16]:
    """The tables of all widths, of `LOWEST_RUNG` to `HIGHEST_RUNG`."""
    edges = np.arange(-REACH, REACH + 2) - 0.5
    rows = []
    for rung in range(LOWEST_RUNG, HIGHEST_RUNG + 1):
        below = np.array([0.5 + 0.5 * erf(edge / (2 ** (rung / 8) * sqrt(2))) for edge in edges])
        below[0], below[-1] = 0, 1
        rows.append(table_of(np.rint(np.diff(below) * _TOTAL).astype(np.int64)))
    return np.stack(rows)
