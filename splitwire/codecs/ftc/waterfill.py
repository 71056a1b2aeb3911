"""What `ftc` would take for a tensor at any loss, without a profile of it: reverse water-filling.

    features ─▶ DCT ─▶ KLT in the metric of the output ─▶ weights ─▶ components of equal worth
                                                                      │ one step, the water level
                          bits of what stands above it ◀──────────────┤
                          ½ Σ error², the nats that are lost ◀────────╯

The components are `ftc`'s (sensitivity.py) in float32. What a class of coefficients leads to expect
is nearly the same for every tensor, so the context coder starts from a packaged profile's tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.ftc.profile import FtcProfile, opened
from splitwire.codecs.ftc.sensitivity import RIDGE, band_means, covariances, klt
from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.ftc.transform import Floats, cosines, frequency_bands, mixed, octaves
from splitwire.codecs.profile import Profile

Singles = NDArray[np.float32]

_EVEN = 0.5  # how far a component's own weights are drawn to those of all, as in ftc
_LENT = "lite0/blocks.3-ftc.profile"
_RANGE = (-40, 30)  # powers of two of magnitudes and steps
_FINE = 64  # parts of an octave in which magnitudes are counted


@dataclass(frozen=True, eq=False)
class Components:
    """A tensor's components, all of one worth: unit errors cost half a nat each.

    Attributes:
        mean: of each channel, (C, 1).
        backward: from components to channels in each octave, (O, C, C).
        weights: of each component and frequency, (C, H W).
        scales: the mean magnitude of each component and band as in steps.py, int16 (C, bands).
        held: weighted coefficients of pictures that nothing was learnt from, (N, C, H W).
        shape: (C, H, W).
    """

    mean: Singles
    backward: Singles
    weights: Singles
    scales: NDArray[np.int16]
    held: Singles
    shape: tuple[int, int, int]

    def bytes(self, level: int) -> Floats:
        """Of each held-out picture at a step of that level, as the context coder has them: (N,)."""
        table = self._table(level)
        coded = (
            kernels.coefficients_encode(self._indices(table, z), *table.model(MIDDLE))
            for z in self.held
        )
        return np.array([float(len(payload)) for payload in coded])

    def loss(self, step: float) -> float:
        """Nats that the held-out pictures lose at a step size, to second order: the mean."""
        counts, magnitudes = self._histogram
        errors = magnitudes - step * np.rint(magnitudes / step)
        return 0.5 * float(counts @ errors**2) / len(self.held)

    def level(self, nats: float) -> int:
        """That of the step at which they lose nearly so many, or nearly all that can be lost."""
        low, high = (8 * end for end in _RANGE)  # eighths of an octave
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.loss(step_of(middle)) < nats else (low, middle)
        finer, coarser = self.loss(step_of(low)), self.loss(step_of(high))
        return low if finer * coarser > nats**2 else high

    @cached_property
    def _histogram(self) -> tuple[Floats, Floats]:
        """How many held-out coefficients there are of each magnitude, in small parts of octaves."""
        low, high = _RANGE
        counts = np.zeros((high - low) * _FINE)
        for z in self.held:
            octaves = np.log2(np.abs(z) + np.float32(2.0**low))
            places = ((octaves - low) * _FINE).astype(np.int64).clip(0, len(counts) - 1)
            counts += np.bincount(places.ravel(), minlength=len(counts))
        return counts, 2.0 ** (low + (np.arange(len(counts)) + 0.5) / _FINE)

    def decoded(self, picture: int, level: int) -> Singles:
        """A held-out picture's planes (C, H, W) once its components were coded."""
        table = self._table(level)
        q = self._indices(table, self.held[picture])
        z = table.dequantised(q, MIDDLE).astype(np.float32).reshape(self.weights.shape)
        channels = mixed(self.backward, z / self.weights, _which(self.shape)).reshape(self.shape)
        rows, columns = _basis(self.shape)
        return np.asarray(rows.T @ channels @ columns + self.mean[:, :, None], np.float32)

    def _table(self, level: int) -> FtcProfile:
        return FtcProfile(
            {
                **_lent().arrays,
                "shape": np.array(self.shape, np.int32),
                "scales": self.scales,
                "level": np.array([level], np.int32),
            }
        )

    def _indices(self, table: FtcProfile, z: Singles) -> NDArray[np.int16]:
        return table.quantised(z.reshape(self.shape).astype(np.float64), MIDDLE)


@cache
def _lent() -> FtcProfile:
    """Whose contexts every tensor borrows."""
    return opened(Profile.load(Path(str(files("splitwire"))) / "profiles" / _LENT))


def components(
    features: Sequence[Singles], gradients: Sequence[Singles], held: Sequence[Singles]
) -> Components:
    """Those of planes (C, H, W).

    Args:
        features: of calibration pictures.
        gradients: of the log-likelihood of labels drawn, of that shape.
        held: planes of other pictures, by which rates and losses are told.
    """
    shape = features[0].shape
    mean = np.stack([x.mean((1, 2)) for x in features]).mean(0, dtype=np.float32)[:, None]
    x, g = _spectra(features, mean), _spectra(gradients, np.zeros_like(mean))
    which = _which(shape)
    ways = map(klt, _second(g, which), _second(x, which))
    forward, backward = (
        np.stack(matrices).astype(np.float32) for matrices in zip(*ways, strict=True)
    )
    weights = _weights(mixed(backward.transpose(0, 2, 1), g, which), shape)
    z = mixed(forward, x, which)
    z *= weights
    bands = frequency_bands(*shape[1:])
    means = band_means(np.abs(z).mean(0).reshape(shape).astype(np.float64), bands)
    least = max(float(means.max()), 1e-30) * 1e-9
    scales = np.rint(8 * np.log2(np.maximum(means, least))).astype(np.int16)
    tested = mixed(forward, _spectra(held, mean), which) * weights
    return Components(mean, backward, weights, scales, tested, (shape[0], shape[1], shape[2]))


def _basis(shape: tuple[int, ...]) -> tuple[Singles, Singles]:
    return cosines(shape[1]).astype(np.float32), cosines(shape[2]).astype(np.float32)


def _spectra(planes: Sequence[Singles], mean: Singles) -> Singles:
    """The DCT of each map, less the mean of its channel: (N, C, H W)."""
    rows, columns = _basis(planes[0].shape)
    made = np.empty((len(planes), len(planes[0]), planes[0][0].size), np.float32)
    for at, x in enumerate(planes):
        made[at] = (rows @ (x - mean[:, :, None]) @ columns.T).reshape(made.shape[1:])
    return made


def _which(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The octave of each frequency of a flat map."""
    return octaves(*shape[1:]).reshape(-1)


def _second(spectra: Singles, which: NDArray[np.uint8]) -> list[Floats]:
    """The mean outer product of channels in each octave, (C, C)."""
    places = [np.flatnonzero(which == octave) for octave in range(int(which.max()) + 1)]
    sums: Floats = np.zeros((len(places), *(spectra.shape[1],) * 2))
    for s in spectra:
        for total, inside in zip(sums, places, strict=True):
            vectors = s[:, inside]
            total += vectors @ vectors.T
    return covariances(sums, len(spectra) * np.bincount(which))


def _weights(gradients: Singles, shape: tuple[int, ...]) -> Singles:
    """The root of what a component's gradients (N, C, H W) hold in each band, (C, H W)."""
    bands = frequency_bands(*shape[1:])
    power: NDArray[Any] = np.zeros(gradients.shape[1:])
    for g in gradients:
        power += g * g
    told = band_means(power.reshape(shape) / len(gradients), bands)
    drawn = np.sqrt((1 - _EVEN) * told + _EVEN * told.mean(0) + RIDGE)
    return np.asarray(drawn[:, bands.reshape(-1)], np.float32)
