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

from splitwire.codecs.learned.integer_network import GATED
from splitwire.train.architecture import (
    Start,
    Trainable,
    noisy,
    plane_of,
    register_architecture,
    spread,
    step_at,
    straight_through,
    tensor,
    with_plane,
)
from splitwire.train.branches import Branches
from splitwire.train.entropy_models import FactorisedPrior
from splitwire.train.export import Exported, export
from splitwire.train.linear_start import linear_start


class Factorised(Trainable):
    """Convolutions, and a linear branch beside them, around latents of independent channels.

    What the convolutions add shrinks with the step.

    Args:
        start: what calibration found.
        analysis: from C + 1 channels (the last says the quality) to those of the latents.
        synthesis: from the latents' and that one to C channels.
    """

    mean: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, start: Start, analysis: nn.Sequential, synthesis: nn.Sequential) -> None:
        super().__init__()
        learnt, self.features = start.learnt, start.shape
        power = ((learnt.spectra / learnt.weights[:, learnt.bands]) ** 2).mean((0, 2, 3)) ** 0.5
        middle = len(learnt.backward) // 2  # the octave whose components the networks see
        self.register_buffer("mean", tensor(learnt.mean)[:, None, None])
        self.register_buffer("before", tensor(learnt.forward[middle] / power[:, None]))
        self.register_buffer("after", tensor(learnt.backward[middle] * power))
        with torch.no_grad():
            nothing = torch.zeros(1, start.shape[0] + 1, *start.shape[1:])
            self.latents = tuple(analysis(nothing).shape[1:])
        linear = linear_start(start, learnt.forward[middle] / power[:, None], self.latents)
        self.analysis = Branches([linear[0], analysis], silent=1)
        self.synthesis = Branches([linear[1], synthesis], silent=1)
        self.prior = FactorisedPrior(self.latents[0])

    def groups(self) -> list[dict[str, Any]]:
        """The networks' parameters, the linear branches', which begin well, and the prior's."""
        sides = self.analysis.networks, self.synthesis.networks
        linear, networks = ([p for side in sides for p in side[i].parameters()] for i in (0, 1))
        known = {*linear, *networks}
        return [
            {"params": networks, "scale": 1.0},
            {"params": [p for p in self.parameters() if p not in known], "scale": 5.0},
            {"params": linear, "scale": 0.02},
        ]

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded features and bits; see `Trainable`."""
        plane = plane_of(quality)
        step = step_at(plane)
        steps = self.analyse(x, plane) / step
        rounded = straight_through(steps)
        bits = self.bits(noisy(steps) if self.training else rounded, step, plane)
        return self.synthesise(rounded * step, plane), bits

    def bits(self, steps: Tensor, step: Tensor, plane: Tensor) -> Tensor:
        """The bits of each tensor's latents in steps."""
        bits: Tensor = self.prior(steps * step, step)
        return bits.flatten(1).sum(1)

    def analyse(self, x: Tensor, plane: Tensor) -> Tensor:
        """The latents of features."""
        seen = with_plane(self._seen(x), plane)
        latents: Tensor = self.analysis(seen, self.latents[1:], step_at(plane))
        return latents

    def synthesise(self, latents: Tensor, plane: Tensor) -> Tensor:
        """The features of latents."""
        told = with_plane(latents, plane)
        made = self.synthesis(told, self.features[1:], step_at(plane))
        return torch.einsum("ck,bkhw->bchw", self.after, made) + self.mean

    @torch.no_grad()
    def arrays(self, features: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
        """The arrays of its profile."""
        seen = [with_plane(self._seen(x), spread(x)) for x in features]
        latents = [self.analyse(x, spread(x)) for x in features]
        told = [with_plane(y, spread(y)) for y in latents]
        mean, none = self.mean[:, 0, 0].double().cpu().numpy(), np.zeros(self.latents[0])
        before, after = (a.double().cpu().numpy() for a in (self.before, self.after))
        analysis, synthesis = self.analysis.networks, self.synthesis.networks
        arrays = export("analysis", Exported(analysis, seen, mean, before, adding=GATED))
        arrays |= export("synthesis", Exported(synthesis, told, none, None, after, mean, GATED))
        furthest = max(float(y.abs().max()) for y in latents)
        return arrays | {
            "shape": np.array(self.features, np.int32),
            "latents": np.array(self.latents, np.int32),
            "cumulative": self.prior.cumulative(furthest),
        }

    def _seen(self, x: Tensor) -> Tensor:
        return torch.einsum("kc,bchw->bkhw", self.before, x - self.mean)


def convolutions(channels: int, latents: int, width: int) -> tuple[nn.Sequential, nn.Sequential]:
    """An analysis to half the height and width, and its synthesis."""
    analysis = nn.Sequential(
        nn.Conv2d(channels + 1, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, latents, 1),
    )
    synthesis = nn.Sequential(
        nn.Conv2d(latents + 1, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 4 * width, 1),
        nn.PixelShuffle(2),
        nn.ReLU(),
        nn.Conv2d(width, channels, 3, padding=1),
    )
    return analysis, synthesis


@register_architecture("factorised")
def factorised(start: Start) -> Trainable:
    """Convolutions to half the size, each channel of a distribution of its own.

    The distributions take a third of a profile's 2 MB, so that the networks are narrow.
    """
    return Factorised(start, *convolutions(start.shape[0], 2 * start.shape[0], 64))
