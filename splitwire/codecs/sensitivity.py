"""What calibration of `ftc` learns: a transform in the metric of the output, and its statistics.

With g the gradient of the log-likelihood of a label drawn from the network's own output, the
Fisher information is M = E[g gᵀ], and to second order an error e in the features moves the output
by ½ eᵀ M e nats (Kullback and Leibler's divergence). Over channels, in the coordinates W x with
W = M^½, every direction costs the same; there the eigenvectors U of the covariance decorrelate.
Components Uᵀ W x therefore take one step size for all, and those with less deviation than the step
vanish, however much energy they had in the features. What the metric leaves to space, the network
averages: the weights hold the root of the information left at each component and frequency.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.transform import Floats, spectrum

RIDGE = 1e-3  # of the mean sensitivity, added to each: no channel is free, nor 9 photos the world
_EVEN = 0.5  # how far a component's own weights are drawn to those of all components


@dataclass(frozen=True)
class Learnt:
    """A transform and what it makes of calibration features.

    Attributes:
        mean: of each channel, (C,).
        forward: from channels to components, (C, C); components in order of deviation.
        backward: its inverse.
        weights: (C, bands): unit errors of a weighted coefficient cost half a nat.
        bands: uint16 (H, W), the band of each frequency.
        spectra: weighted coefficients of the features, (N, C, H, W).
    """

    mean: Floats
    forward: Floats
    backward: Floats
    weights: Floats
    bands: NDArray[np.uint16]
    spectra: Floats


def learn(features: Floats, gradients: Floats | None) -> Learnt:
    """The transform for features (N, C, H, W), given the log-likelihood's gradients of that shape.

    Without gradients every error costs its square, and all of a tensor's variance a nat.
    """
    mean = features.mean((0, 2, 3))
    spectra = spectrum(features - mean[:, None, None])
    count, slopes = features.shape[1], None
    if gradients is None or not gradients.any():
        metric = 2 * np.eye(count) / ((spectra**2).sum() / len(spectra) or 1.0)
    else:
        slopes = spectrum(gradients)
        metric = _covariance(slopes)
        metric += RIDGE * np.trace(metric) / count * np.eye(count)
    values, vectors = np.linalg.eigh(metric)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ _covariance(spectra) @ root)
    axes = axes[:, ::-1]
    forward, backward = axes.T @ root, inverse @ axes
    bands = frequency_bands(*features.shape[2:])
    weights = np.ones((count, int(bands.max()) + 1))
    if slopes is not None:
        power = band_means(_mixed(backward.T, slopes) ** 2, bands)
        weights = np.sqrt((1 - _EVEN) * power + _EVEN * power.mean(0) + RIDGE)
    spectra = _mixed(forward, spectra) * weights[:, bands]
    return Learnt(mean, forward, backward, weights, bands, spectra)


def frequency_bands(height: int, width: int) -> NDArray[np.uint16]:
    """The band of each frequency (H, W): those of about the same height and width share one.

    A side of 56 has 10 classes: 0, 1, 2, 3, 4-5, 6-7, 8-11, 12-15, 16-23, 24-31, ...: half octaves.
    """
    rows, columns = _classes(height), _classes(width)
    bands = rows[:, None] * (columns.max() + 1) + columns
    return np.asarray(bands.astype(np.uint16))


def band_means(values: Floats, bands: NDArray[np.uint16]) -> Floats:
    """The mean of (N, K, H, W) over tensors and each band: (K, bands)."""
    flat = values.mean(0).reshape(values.shape[1], -1)
    which = bands.reshape(-1)
    sums = np.stack([np.bincount(which, row) for row in flat])
    return np.asarray(sums / np.bincount(which))


def _classes(size: int) -> NDArray[np.int64]:
    rates = np.arange(size)
    octave = np.log2(np.maximum(rates, 1)).astype(np.int64)
    half = rates * 2 >= 3 * 2**octave
    return np.where(rates < 2, rates, 2 * octave + half)


def _covariance(spectra: Floats) -> Floats:
    flat = spectra.transpose(1, 0, 2, 3).reshape(spectra.shape[1], -1)
    return np.asarray(flat @ flat.T / flat.shape[1])


def _mixed(matrix: Floats, spectra: Floats) -> Floats:
    """`matrix` applied to the components of (N, C, H, W)."""
    n, count, height, width = spectra.shape
    return np.asarray((matrix @ spectra.reshape(n, count, -1)).reshape(n, -1, height, width))
