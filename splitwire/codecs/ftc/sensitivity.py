"""What calibration of `ftc` learns: a transform in the metric of the output, and its statistics.

With g the gradient of the log-likelihood of a label drawn from the network's own output, the
Fisher information is M = E[g gᵀ], and to second order an error e in the features moves the output
by ½ eᵀ M e nats (Kullback and Leibler's divergence). Over channels, in the coordinates W x with
W = M^½, every direction costs the same; there the eigenvectors U of the covariance decorrelate.
Components Uᵀ W x therefore take one step size for all, and those with less deviation than the step
vanish, however much energy they had in the features. Channels that go together in what is coarse
need not in what is fine, nor does the output listen to the same ones: each octave of frequencies
has an M and a U of its own. The weights hold the root of the information that is left at each
component and frequency.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.transform import Floats, mixed, octaves, spectrum

RIDGE = 1e-3  # of the mean sensitivity, added to each: no channel is free, nor 9 photos the world
_LEAST = 0.1  # share of all frequencies in what an octave learns,
_DOUBT = 3  # and more where it has few vectors: as if all had that many, times the channels
_EVEN = 0.5  # how far a component's own weights are drawn to those of all components


@dataclass(frozen=True)
class Learnt:
    """A transform and what it makes of calibration features.

    Attributes:
        mean: of each channel, (C,).
        forward: from channels to components in each octave, (O, C, C); in order of deviation.
        backward: its inverses.
        weights: (C, bands): unit errors of a weighted coefficient cost half a nat.
        bands: uint16 (H, W), the band of each frequency; each lies in one octave.
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
        metrics = [metric] * (int(octaves(*features.shape[2:]).max()) + 1)
    else:
        slopes = spectrum(gradients)
        metrics = _covariances(slopes)
    pairs = zip(metrics, _covariances(spectra), strict=True)
    ways = [_klt(metric, covariance) for metric, covariance in pairs]
    forward, backward = (np.stack(matrices) for matrices in zip(*ways, strict=True))
    bands = frequency_bands(*features.shape[2:])
    weights = np.ones((count, int(bands.max()) + 1))
    if slopes is not None:
        power = band_means(mixed(backward.transpose(0, 2, 1), slopes) ** 2, bands)
        weights = np.sqrt((1 - _EVEN) * power + _EVEN * power.mean(0) + RIDGE)
    spectra = mixed(forward, spectra) * weights[:, bands]
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


def _covariances(spectra: Floats) -> list[Floats]:
    """Of the channels of (N, C, H, W) in each octave, drawn to that of all frequencies."""
    which, channels = octaves(*spectra.shape[2:]), spectra.shape[1]
    whole = _covariance(spectra.reshape(*spectra.shape[:2], -1))
    found = []
    for octave in range(int(which.max()) + 1):
        vectors = spectra[..., which == octave]
        share = max(_LEAST, _DOUBT * channels / (_DOUBT * channels + vectors[:, 0].size))
        own = _covariance(vectors)
        drawn = whole * (np.trace(own) / (np.trace(whole) or 1.0))
        found.append((1 - share) * own + share * drawn)
    return found


def _covariance(vectors: Floats) -> Floats:
    """Of the channels of (N, C, places)."""
    flat = vectors.transpose(1, 0, 2).reshape(vectors.shape[1], -1)
    return np.asarray(flat @ flat.T / flat.shape[1])


def _klt(metric: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """From channels to components and back, in a metric of the channels."""
    count = len(metric)
    metric = metric + RIDGE * (np.trace(metric) / count or 1.0) * np.eye(count)
    values, vectors = np.linalg.eigh(metric)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ covariance @ root)
    axes = axes[:, ::-1]
    return axes.T @ root, inverse @ axes
