"""`transform`: the transform of `ftc`, trained on, between two residual networks.

    x ─▶ + step · net ─▶ DCT, KLT, weights ─▶ step, contexts ─▶ and back ─▶ + step · net ─▶ y

It begins as what calibration learnt, with networks that give zero, so that training begins where
`ftc` ends. Coefficients are quantised by the codec's own search, with gradients passed straight
through it, and its coder counts the bits, whose gradient a model gives (context_prior.py): what is
trained for is what is coded. The networks work on components, on which errors of all directions
cost alike, and what they add shrinks with the step, so that fine steps stay true.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire import kernels
from splitwire.codecs.ftc.profile import FtcProfile, arrays_of
from splitwire.codecs.ftc.sensitivity import Learnt, band_means
from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.ftc.transform import cosines, octaves
from splitwire.codecs.learned.integer_network import RESIDUAL
from splitwire.train.architecture import (
    Start,
    Trainable,
    plane_of,
    register_architecture,
    spread,
    step_at,
    tensor,
    with_plane,
)
from splitwire.train.branches import Branches
from splitwire.train.context_prior import ContextPrior
from splitwire.train.export import Exported, export


def residual(channels: int, fine: int, coarse: int) -> Branches:
    """Networks whose sum is added to their input: one at full size, one at half."""
    networks = [
        nn.Sequential(
            nn.Conv2d(channels + 1, fine, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(fine, channels, 3, padding=1),
        ),
        nn.Sequential(
            nn.Conv2d(channels + 1, coarse, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(coarse, coarse, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(coarse, 4 * channels, 1),
            nn.PixelShuffle(2),
        ),
    ]
    return Branches(networks, silent=2)


class Transform(Trainable):
    """The transform of `ftc` between residual networks.

    Args:
        start: what calibration found.
        fine: channels inside the branches at full size.
        coarse: of those at half the size.
    """

    mean: Tensor
    bands: Tensor
    rows: Tensor
    columns: Tensor
    learnt: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, start: Start, fine: int = 32, coarse: int = 96) -> None:
        super().__init__()
        learnt = start.learnt
        channels, height, width = start.shape
        self.level = start.level
        self.table = FtcProfile(dict(arrays_of(learnt, start.level)))
        self.octaves = [
            np.flatnonzero(octaves(height, width) == o) for o in range(len(learnt.backward))
        ]
        self.register_buffer("mean", tensor(learnt.mean)[:, None, None])
        self.register_buffer("bands", torch.tensor(learnt.bands.astype(np.int64)), persistent=False)
        self.register_buffer("rows", tensor(cosines(height)), persistent=False)
        self.register_buffer("columns", tensor(cosines(width)), persistent=False)
        self.register_buffer("learnt", tensor(learnt.backward))
        self.turn = nn.Parameter(torch.zeros_like(self.learnt))  # how far the bases moved on
        self.log_weights = nn.Parameter(tensor(np.log2(learnt.weights)))
        # The networks see components of deviation one, and give steps of the middle quality.
        middle = len(learnt.backward) // 2
        power = (learnt.spectra / learnt.weights[:, learnt.bands]) ** 2
        step = step_of(start.level) / np.exp(np.log(learnt.weights).mean(1))
        deviations = power.mean((0, 2, 3)) ** 0.5
        self.register_buffer("before", tensor(learnt.forward[middle] / deviations[:, None]))
        self.register_buffer("after", tensor(learnt.backward[middle] * step))
        sizes = band_means(np.abs(learnt.spectra).mean(0, dtype=np.float64), learnt.bands)
        self.prior = ContextPrior(tensor(np.log2(np.maximum(sizes, 1e-6))), self.bands)
        self.analysis = residual(channels, fine, coarse)
        self.synthesis = residual(channels, fine, coarse)

    def groups(self) -> list[dict[str, Any]]:
        """The networks' parameters, the prior's, and the transform's, which begins well."""
        networks = [*self.analysis.parameters(), *self.synthesis.parameters()]
        return [
            {"params": networks, "scale": 1.0},
            {"params": list(self.prior.parameters()), "scale": 5.0},
            {"params": [self.turn, self.log_weights], "scale": 0.5},
        ]

    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded features and bits; see `Trainable`."""
        plane = plane_of(quality)
        log_step = (self.level + MIDDLE - quality)[:, None, None] / 8
        z = self._coefficients(x - self.mean, plane)
        indices, decoded, spent = self._coded(z, quality)
        steps = z * torch.exp2(-log_step)[..., None]
        bits = self.prior(steps + (indices - steps).detach(), log_step)
        bits = bits + (spent - bits).detach()  # the model's gradient, the coder's size
        spectra = (z + (decoded - z).detach()) / self._weights
        planes = self.rows.T @ self._mixed(self._bases, spectra) @ self.columns
        return self._added(self.synthesis, planes, plane) + self.mean, bits

    @torch.no_grad()
    def arrays(self, features: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
        """The arrays of its profile; contexts are counted on those features."""
        parts = [x - self.mean for x in features]
        spectra = torch.cat([self._coefficients(x, x.new_zeros(1, 1, 1, 1)).cpu() for x in parts])
        backward = self._bases.double().cpu().numpy()
        learnt = Learnt(
            mean=self.mean[:, 0, 0].double().cpu().numpy(),
            forward=np.linalg.inv(backward),
            backward=backward,
            weights=torch.exp2(self.log_weights).double().cpu().numpy(),
            bands=self.bands.cpu().numpy().astype(np.uint16),
            spectra=spectra.double().numpy(),
        )
        arrays: dict[str, NDArray[Any]] = dict(arrays_of(learnt, self.level))
        seen = [with_plane(self._seen(x), spread(x)).cpu() for x in parts]
        before, after = (a.double().cpu().numpy() for a in (self.before, self.after))
        for name, network in (("analysis", self.analysis), ("synthesis", self.synthesis)):
            made = Exported(network.networks, seen, learnt.mean, before, after, adding=RESIDUAL)
            arrays |= export(name, made)
        return arrays

    @property
    def _bases(self) -> Tensor:
        """From components to channels in each octave, (O, C, C)."""
        return self.learnt + self.learnt @ self.turn

    @property
    def _weights(self) -> Tensor:
        return torch.exp2(self.log_weights)[:, self.bands]

    def _coefficients(self, x: Tensor, plane: Tensor) -> Tensor:
        """Weighted coefficients of planes without their mean."""
        spectra = self.rows @ self._added(self.analysis, x, plane) @ self.columns.T
        return self._mixed(torch.linalg.inv(self._bases), spectra) * self._weights

    def _mixed(self, matrices: Tensor, spectra: Tensor) -> Tensor:
        """Spectra, the channels of each octave multiplied by its matrix."""
        flat = spectra.flatten(2)
        made = [
            matrix @ flat[..., inside]
            for matrix, inside in zip(matrices, self.octaves, strict=True)
        ]
        order = np.argsort(np.concatenate(self.octaves))
        return torch.cat(made, 2)[..., order].reshape(spectra.shape)

    def _added(self, network: Branches, x: Tensor, plane: Tensor) -> Tensor:
        """Planes (B, C, H, W) and what a network adds to them."""
        made = network(with_plane(self._seen(x), plane), x.shape[2:])
        added = torch.einsum("ck,bkhw->bchw", self.after, made)
        return x + step_at(plane) * added

    def _seen(self, x: Tensor) -> Tensor:
        return torch.einsum("kc,bchw->bkhw", self.before, x)

    @torch.no_grad()
    def _coded(self, z: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the codec itself makes of coefficients: indices, what they stand for, and bits."""
        indices, decoded, spent = [], [], []
        for one, number in zip(z.double().cpu().numpy(), quality.int().tolist(), strict=True):
            q = self.table.quantised(one, number)
            indices.append(q)
            decoded.append(self.table.dequantised(q, number))
            spent.append(8 * len(kernels.coefficients_encode(q, *self.table.model(number))))
        made = (np.stack(indices), np.stack(decoded), np.array(spent))
        return tuple(torch.from_numpy(array).to(z) for array in made)  # type: ignore[return-value]


@register_architecture("transform")
def transform(start: Start) -> Trainable:
    """The transform of `ftc` between residual networks."""
    return Transform(start)
