"""Sums over calibration tensors: all that `ftc` needs of gradients, and most of it of features.

Second moments add up, so that a tensor can be forgotten once it was counted:

    x ─▶ DCT ─▶ Σ s sᵀ in each octave          g ─▶ DCT ─▶ Σ s sᵀ in each band
     ╰─▶ kept in float32, every second one once there are too many

Features are kept for what no sum has: how large each coefficient is on average and at most.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.finite import check_finite
from splitwire.codecs.ftc.transform import Floats, frequency_bands, octaves, spectrum
from splitwire.errors import CodecError

KEPT = 1 << 27  # numbers of features that are kept, 512 MB


class Moments:
    """What was counted of features and gradients, planes (C, H, W) of one shape.

    Attributes:
        shape: (C, H, W); empty before the first feature.
        features, gradients: how many were counted.
        kept: features in float32, evenly spread over those counted.
    """

    def __init__(self, most: int = KEPT) -> None:
        self.shape: tuple[int, ...] = ()
        self.features = self.gradients = 0
        self.kept: list[NDArray[np.float32]] = []
        self._most, self._every = most, 1

    def add(self, planes: NDArray[np.floating[Any]]) -> None:
        """Count a feature tensor.

        Raises:
            CodecError: it has another shape than those before, or holds NaN or infinity.
        """
        if not self.features:
            self._start(planes)
        spectra = self._spectrum(planes, self._origin)
        self._sum += (planes - self._origin[:, None, None]).sum((1, 2))
        for octave, inside in enumerate(self._octaves):
            vectors = spectra[:, inside]
            self._powers[octave] += vectors @ vectors.T
        if self.features % self._every == 0:
            self.kept.append(planes.astype(np.float32))
        self.features += 1
        if planes.size * len(self.kept) > self._most and len(self.kept) > 1:
            self.kept, self._every = self.kept[::2], 2 * self._every

    def add_gradient(self, planes: NDArray[np.floating[Any]]) -> None:
        """Count a gradient; features come first.

        Raises:
            CodecError: as `add`.
        """
        if planes.shape != self.shape:
            raise CodecError(f"ftc: gradients {planes.shape} of features {self.shape}")
        spectra = self._spectrum(planes, np.zeros(len(planes)))
        for band, inside in enumerate(self._bands):
            vectors = spectra[:, inside]
            self._metrics[band] += vectors @ vectors.T
        self.gradients += 1

    @property
    def mean(self) -> Floats:
        """That of each channel, (C,)."""
        return np.asarray(self._origin + self._beyond)

    def covariances(self) -> tuple[Floats, NDArray[np.int64]]:
        """Of the channels in each octave, times the vectors that were seen there, and how many."""
        powers, (height, width) = self._powers.copy(), self.shape[1:]
        powers[0] -= self.features * height * width * np.outer(self._beyond, self._beyond)
        return powers, self.features * np.array([len(inside) for inside in self._octaves])

    def metrics(self) -> tuple[Floats, NDArray[np.int64]]:
        """The same of gradients, about zero and in each band."""
        return self._metrics, self.gradients * np.array([len(inside) for inside in self._bands])

    @property
    def _beyond(self) -> Floats:
        """How far the mean is from the origin."""
        return np.asarray(self._sum / (self.features * self.shape[1] * self.shape[2]))

    def _start(self, planes: NDArray[np.floating[Any]]) -> None:
        self.shape, count = planes.shape, len(planes)
        self._origin = planes.mean((1, 2), dtype=np.float64)  # near it, squares lose no digits
        self._octaves = _places(octaves(*planes.shape[1:]))
        self._bands = _places(frequency_bands(*planes.shape[1:]))
        self._sum = np.zeros(count)
        self._powers = np.zeros((len(self._octaves), count, count))
        self._metrics = np.zeros((len(self._bands), count, count))

    def _spectrum(self, planes: NDArray[np.floating[Any]], origin: Floats) -> Floats:
        """The DCT of each map, (C, H W), less what its channel has at the origin."""
        if planes.shape != self.shape:
            raise CodecError(f"ftc: calibration takes tensors of one shape, not {planes.shape} too")
        check_finite("ftc", planes)
        return spectrum(planes - origin[:, None, None]).reshape(len(planes), -1)


def _places(kinds: NDArray[np.integer[Any]]) -> list[NDArray[np.intp]]:
    """Where each kind is, in the flat map."""
    return [np.flatnonzero(kinds == kind) for kind in range(int(kinds.max()) + 1)]
