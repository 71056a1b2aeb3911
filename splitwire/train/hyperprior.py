"""`hyperprior`: as `factorised`, with side latents that tell the width of every latent.

    latents ─▶ hyper-analysis ─▶ side latents, factorised ─▶ hyper-synthesis ─▶ widths
    latents ─▶ step, CompressAI's GaussianConditional of those widths

(J. Ballé et al., "Variational image compression with a scale hyperprior", ICLR 2018.) The widths
are rungs of a ladder, eight to the octave: integers, told alike at both ends.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.train.architecture import (
    Start,
    Trainable,
    noisy,
    register_architecture,
    spread,
    straight_through,
    with_plane,
)
from splitwire.train.entropy_models import LOWEST_RUNG, FactorisedPrior, GaussianPrior, ladder
from splitwire.train.export import Exported, export
from splitwire.train.factorised import Factorised, convolutions


class Hyperprior(Factorised):
    """Convolutions around latents whose widths side latents tell.

    Args:
        start, analysis, synthesis: as for `Factorised`.
        side: how many side channels.
    """

    def __init__(
        self, start: Start, analysis: nn.Sequential, synthesis: nn.Sequential, side: int
    ) -> None:
        super().__init__(start, analysis, synthesis)
        channels, height, width = self.latents
        self.hyper_analysis = nn.Sequential(
            nn.Conv2d(channels + 1, side, 1),
            nn.ReLU(),
            nn.Conv2d(side, side, 3, stride=2, padding=1),
        )
        self.hyper_synthesis = nn.Sequential(
            nn.Conv2d(side + 1, 4 * side, 1),
            nn.PixelShuffle(2),
            nn.ReLU(),
            nn.Conv2d(side, channels, 1),
        )
        self.side = (side, (height + 1) // 2, (width + 1) // 2)
        self.prior = FactorisedPrior(side)
        self.conditional = GaussianPrior()

    def bits(self, steps: Tensor, step: Tensor, plane: Tensor) -> Tensor:
        """The bits of each tensor's latents in steps, those of side latents included."""
        side = self.hyper_analysis(with_plane(steps * step, plane))
        rounded = straight_through(side)
        rungs = straight_through(self._rungs(rounded)) - 8 * torch.log2(step)
        spent: Tensor = self.prior(noisy(side) if self.training else rounded, 1.0).flatten(1).sum(1)
        told: Tensor = self.conditional(steps, rungs)
        return spent + told.flatten(1).sum(1)

    @torch.no_grad()
    def arrays(self, features: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
        """The arrays of its profile."""
        arrays = super().arrays(features)
        latents = [with_plane(self.analyse(x, spread(x)), spread(x)) for x in features]
        sides = [self.hyper_analysis(y) for y in latents]
        told = [with_plane(z, z.new_zeros(len(z), 1, 1, 1)) for z in sides]
        none, nothing = np.zeros(self.latents[0]), np.zeros(self.side[0])
        arrays |= export("hyper_analysis", Exported([self.hyper_analysis], latents, none))
        arrays |= export("hyper_synthesis", Exported([self.hyper_synthesis], told, nothing))
        furthest = max(float(z.abs().max()) for z in sides)
        return arrays | {
            "side": np.array(self.side, np.int32),
            "cumulative": self.prior.cumulative(furthest),
            "ladder": ladder(),
            "middle": np.array([-LOWEST_RUNG], np.int32),
        }

    def _rungs(self, side: Tensor) -> Tensor:
        height, width = self.latents[1:]
        told = with_plane(side, side.new_zeros(len(side), 1, 1, 1))
        rungs: Tensor = self.hyper_synthesis(told)[..., :height, :width]
        return rungs


@register_architecture("hyperprior")
def hyperprior(start: Start) -> Trainable:
    """Convolutions to half the size, with side latents that tell the width of every latent."""
    return Hyperprior(start, *convolutions(start.shape[0], 2 * start.shape[0], 96), side=32)
