"""What coding a tensor would cost at any loss, told without coding it: reverse water-filling.

    features ─▶ DCT ─▶ KLT in the metric of the output ─▶ weights ─▶ components of equal worth
                                                                      │ one step, the water level
                          bits of what stands above it ◀──────────────┤
                          ½ Σ error², the nats that are lost ◀────────╯

This is `ftc`'s transform (codecs/ftc/sensitivity.py) but for one thing that keeps it cheap enough
for all nodes of a network: one KLT serves all octaves. A component that deviates less than the
step vanishes, and any other costs the bits of a Laplace distribution that was quantised; its size
is the mean magnitude of its component and band over the pictures that were learnt from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.sensitivity import RIDGE, band_means
from splitwire.codecs.ftc.transform import Floats, cosines, frequency_bands

Singles = NDArray[np.float32]

_EVEN = 0.5  # how far a component's own weights are drawn to those of all, as in ftc
_SMALLEST = 1e-4  # mean magnitude in steps that is told from none
_RANGE = (-40, 30)  # powers of two of magnitudes and steps
_FINE = 64  # parts of an octave in which magnitudes are counted


@dataclass(frozen=True, eq=False)
class Components:
    """A tensor's components, all of one worth: unit errors cost half a nat each.

    Attributes:
        mean: of each channel, (C, 1).
        backward: from components to channels, (C, C).
        weights: of each component and frequency, (C, H W).
        sizes: the mean magnitude of each weighted coefficient, (C, H W).
        held: weighted coefficients of pictures that nothing was learnt from, (N, C, H W).
        shape: (C, H, W).
    """

    mean: Singles
    backward: Singles
    weights: Singles
    sizes: Singles
    held: Singles
    shape: tuple[int, int, int]

    def bits(self, step: float) -> Floats:
        """Of each held-out picture at a step size, (N,)."""
        sizes = np.maximum(self.sizes / np.float32(step), _SMALLEST)
        first = -np.log2(-np.expm1(-0.5 / sizes))  # of a zero
        other = 1 - np.log2(-np.expm1(-1 / sizes)) - first
        each = np.float32(np.log2(np.e)) / sizes
        found = []
        for z in self.held:
            q = np.abs(np.rint(z / np.float32(step)))
            more = np.where(q > 0, other + (q - 0.5) * each, 0)
            found.append(first.sum(dtype=np.float64) + more.sum(dtype=np.float64))
        return np.array(found)

    def loss(self, step: float) -> float:
        """Nats that the held-out pictures lose at a step size, to second order: the mean."""
        counts, magnitudes = self._histogram
        errors = magnitudes - step * np.rint(magnitudes / step)
        return 0.5 * float(counts @ errors**2) / len(self.held)

    def step(self, nats: float) -> float:
        """The step size at which they lose so many, or nearly all that can be lost."""
        low, high = _RANGE
        for _ in range(24):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.loss(2.0**middle) < nats else (low, middle)
        return float(2.0**low)

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

    def decoded(self, picture: int, step: float) -> Singles:
        """A held-out picture's planes (C, H, W) once its components were rounded to a step."""
        z = np.float32(step) * np.rint(self.held[picture] / np.float32(step))
        channels = (self.backward @ (z / self.weights)).reshape(self.shape)
        rows, columns = _basis(self.shape)
        return np.asarray(rows.T @ channels @ columns + self.mean[:, :, None], np.float32)


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
    mean = np.mean([x.mean((1, 2)) for x in features], 0, dtype=np.float32)[:, None]
    x, g = _spectra(features, mean), _spectra(gradients, np.zeros_like(mean))
    forward, backward = _klt(_second(g), _second(x))
    weights = _weights(np.matmul(backward.T, g), shape)
    z = np.matmul(forward, x)
    z *= weights
    bands = frequency_bands(*shape[1:])
    magnitudes = band_means(np.abs(z).mean(0).reshape(shape).astype(np.float64), bands)
    sizes = magnitudes[:, bands.reshape(-1)].astype(np.float32)
    tested = np.matmul(forward, _spectra(held, mean)) * weights
    return Components(mean, backward, weights, sizes, tested, (shape[0], shape[1], shape[2]))


def _basis(shape: tuple[int, ...]) -> tuple[Singles, Singles]:
    return cosines(shape[1]).astype(np.float32), cosines(shape[2]).astype(np.float32)


def _spectra(planes: Sequence[Singles], mean: Singles) -> Singles:
    """The DCT of each map, less the mean of its channel: (N, C, H W)."""
    rows, columns = _basis(planes[0].shape)
    made = np.empty((len(planes), len(planes[0]), planes[0][0].size), np.float32)
    for at, x in enumerate(planes):
        made[at] = (rows @ (x - mean[:, :, None]) @ columns.T).reshape(made.shape[1:])
    return made


def _second(spectra: Singles) -> Floats:
    """The mean outer product of channels, (C, C)."""
    total = np.zeros((spectra.shape[1],) * 2)
    for s in spectra:
        total += s @ s.T
    return total / (len(spectra) * spectra.shape[2])


def _klt(metric: Floats, covariance: Floats) -> tuple[Singles, Singles]:
    """From channels to components and back, in a metric of the channels."""
    count = len(metric)
    metric = metric + RIDGE * (np.trace(metric) / count or 1.0) * np.eye(count)
    values, vectors = np.linalg.eigh(metric)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ covariance @ root)
    return (axes.T @ root).astype(np.float32), (inverse @ axes).astype(np.float32)


def _weights(gradients: Singles, shape: tuple[int, ...]) -> Singles:
    """The root of what a component's gradients (N, C, H W) hold in each band, (C, H W)."""
    bands = frequency_bands(*shape[1:])
    power: NDArray[Any] = np.zeros(gradients.shape[1:])
    for g in gradients:
        power += g * g
    told = band_means(power.reshape(shape) / len(gradients), bands)
    drawn = np.sqrt((1 - _EVEN) * told + _EVEN * told.mean(0) + RIDGE)
    return np.asarray(drawn[:, bands.reshape(-1)], np.float32)
