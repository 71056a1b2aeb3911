"""`factorised`: convolutions to a smaller tensor, each channel of a distribution of its own.

    x ─▶ analysis ─▶ latents ─▶ step, CompressAI's EntropyBottleneck ─▶ latents ─▶ synthesis ─▶ y

The bottleneck's distributions (J. Ballé et al., "Variational image compression with a scale
hyperprior", ICLR 2018, appendix 6.1) are continuous, so that one of them serves every step: its
bins are as wide as the step. They are exported as counts on a grid.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.codecs.integer_network import MIDDLE
from splitwire.codecs.latent_tables import GRID, REACH
from splitwire.train.architecture import (
    Start,
    Trainable,
    noisy,
    plane_of,
    register_architecture,
    spread,
    straight_through,
    tensor,
    with_plane,
)
from splitwire.train.compressai import bottleneck, cumulative
from splitwire.train.export import Exported, export

_LEAST = 1e-9  # of a probability
_TOTAL = 1 << 24  # counts of a channel


class Convolutional(Trainable):
    """Analysis and synthesis of convolutions; the prior is for those who inherit from it.

    Args:
        start: what calibration found.
        analysis: from C + 1 channels to the latents' (the last holds the quality).
        synthesis: from the latents' and that one to C channels.
    """

    def __init__(self, start: Start, analysis: nn.Sequential, synthesis: nn.Sequential) -> None:
        super().__init__()
        self.features = start.shape
        spectra = start.learnt.spectra / start.learnt.weights[:, start.learnt.bands]
        power = (spectra**2).mean((0, 2, 3)) ** 0.5
        # The networks see components of deviation one, as those of `transform` do.
        self.register_buffer("mean", tensor(start.learnt.mean)[:, None, None])
        self.register_buffer("before", tensor(start.learnt.forward / power[:, None]))
        self.register_buffer("after", tensor(start.learnt.backward * power))
        self.analysis, self.synthesis = analysis, synthesis
        with torch.no_grad():
            self.latents = tuple(self.analyse(torch.zeros(1, *start.shape), torch.zeros(1, 1, 1, 1)).shape[1:])

    def analyse(self, x: Tensor, plane: Tensor) -> Tensor:
        """The latents of features."""
        seen = torch.einsum("kc,bchw->bkhw", self.before, x - self.mean)
        return self.analysis(with_plane(seen, plane))

    def synthesise(self, latents: Tensor, plane: Tensor) -> Tensor:
        """The features of latents."""
        height, width = self.features[1:]
        made = self.synthesis(with_plane(latents, plane))[..., :height, :width]
        return torch.einsum("ck,bkhw->bchw", self.after, made) + self.mean

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded features and bits; see `Trainable`."""
        plane = plane_of(quality)
        step = torch.exp2((MIDDLE - quality) / 8)[:, None, None, None]
        latents = self.analyse(x, plane)
        steps = (latents / step).clamp(-REACH, REACH)
        rounded = straight_through(steps)
        bits = self.bits(latents, noisy(steps) if self.training else rounded, step)
        return self.synthesise(rounded * step, plane), bits
