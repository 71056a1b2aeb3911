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

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.moments import Moments
from splitwire.codecs.ftc.transform import Floats, frequency_bands, mixed, octaves, spectrum
from splitwire.errors import CodecError

Planes = NDArray[np.floating[Any]]

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
        spectra: weighted coefficients of the features that were kept, (N, C, H, W).
    """

    mean: Floats
    forward: Floats
    backward: Floats
    weights: Floats
    bands: NDArray[np.uint16]
    spectra: Planes

    def scaled(self, scale: float) -> "Learnt":
        """What would have been learnt of gradients that much larger."""
        if scale == 1.0:
            return self
        spectra = self.spectra * np.asarray(scale, self.spectra.dtype)
        forward, backward = self.forward * scale, self.backward / scale
        return replace(self, forward=forward, backward=backward, spectra=spectra)


def learn(features: Iterable[Planes], gradients: Iterable[Planes] | None) -> Learnt:
    """The transform for features (C, H, W), given the log-likelihood's gradients of that shape.

    Without gradients every error counts alike.

    Raises:
        CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
    """
    moments = Moments()
    for planes in features:
        moments.add(planes)
    for slopes in () if gradients is None else gradients:
        moments.add_gradient(slopes)
    return learn_from(moments)


def even_cost(*parts: Moments) -> float:
    """Twice what a unit error costs where no gradient says it, in nats.

    Without gradients every error costs its square, and all of a tensor's variance a nat. Where
    other parts of the tensor have gradients, it is next to nothing beside theirs.

    Raises:
        CodecError: nothing was counted.
    """
    if not parts or not all(part.features for part in parts):
        raise CodecError("ftc: calibration takes one or more tensors of one shape")
    met = [np.trace(part.metrics()[0].sum(0)) / max(part.gradients, 1) for part in parts]
    if any(met):
        return RIDGE * float(sum(met)) / sum(math.prod(part.shape) for part in parts)
    variance = sum(np.trace(part.covariances()[0].sum(0)) / part.features for part in parts)
    return float(2 / (variance or 1.0))


def learn_from(moments: Moments, even: float | None = None) -> Learnt:
    """The transform for the features that were counted; those kept become its spectra.

    even: what errors cost without gradients, where `even_cost` takes other parts into account.

    Raises:
        CodecError: nothing was counted.
    """
    even = even_cost(moments) if even is None else even
    channels, height, width = moments.shape
    bands, which = frequency_bands(height, width), octaves(height, width)
    octave = np.zeros(int(bands.max()) + 1, np.intp)
    octave[bands] = which
    powers, seen = moments.covariances()
    slopes, met = moments.metrics()
    if slopes.any():
        of_octave = np.arange(len(powers))[:, None] == octave
        joined = np.tensordot(of_octave.astype(np.float64), slopes, 1)
        metrics = covariances(joined, of_octave @ met)
    else:
        metrics = [even * np.eye(channels)] * len(powers)
    pairs = zip(metrics, covariances(powers, seen), strict=True)
    ways = [klt(metric, covariance) for metric, covariance in pairs]
    forward, backward = (np.stack(matrices) for matrices in zip(*ways, strict=True))
    weights = np.ones((channels, len(octave)))
    if slopes.any():
        parts = zip(backward[octave], slopes, met.tolist(), strict=True)
        power = np.stack([_power(*each) for each in parts], 1)
        weights = np.sqrt((1 - _EVEN) * power + _EVEN * power.mean(0) + RIDGE)
    spectra = np.empty((len(moments.kept), *moments.shape), np.float32)
    each = weights[:, bands]
    for place in reversed(range(len(spectra))):  # one goes as the other comes
        centred = moments.kept.pop() - moments.mean[:, None, None]
        spectra[place] = mixed(forward, spectrum(centred), which) * each
    return Learnt(moments.mean, forward, backward, weights, bands, spectra)


def band_means(values: Floats, bands: NDArray[np.uint16]) -> Floats:
    """The mean of (K, H, W) over each band: (K, bands)."""
    which = bands.reshape(-1)
    sums = np.stack([np.bincount(which, row) for row in values.reshape(len(values), -1)])
    return np.asarray(sums / np.bincount(which))


def covariances(sums: Floats, counts: NDArray[np.int64]) -> list[Floats]:
    """Of the channels in each octave, drawn to that of all frequencies.

    sums: of outer products, (O, C, C). counts: of the vectors in each, (O,).
    """
    channels, whole = sums.shape[1], sums.sum(0) / counts.sum()
    found = []
    for total, count in zip(sums, counts, strict=True):
        share = max(_LEAST, _DOUBT * channels / (_DOUBT * channels + int(count)))
        own = total / count
        drawn = whole * (np.trace(own) / (np.trace(whole) or 1.0))
        found.append((1 - share) * own + share * drawn)
    return found


def _power(backward: Floats, slopes: Floats, count: int) -> Floats:
    """The mean square of each component's gradients, of their summed outer products (C, C)."""
    return np.asarray(np.einsum("ck,cd,dk->k", backward, slopes, backward, optimize=True) / count)


def klt(metric: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """From channels to components and back, in a metric of the channels."""
    count = len(metric)
    metric = metric + RIDGE * (np.trace(metric) / count or 1.0) * np.eye(count)
    values, vectors = np.linalg.eigh(metric)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ covariance @ root)
    axes = axes[:, ::-1]
    return axes.T @ root, inverse @ axes
