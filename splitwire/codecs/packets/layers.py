"""Layers of `ftc`: what matters most first, each coded as if there were no other.

A layer is a set of cells, a component's coefficients in one band of frequencies, and layers take
cells in the order of how large calibration found them, in the metric of the output: leading
components and coarse frequencies come first. Each has a trellis and a range coder of its own that
start from the profile, and goes over the whole tensor: coefficients of other layers are of a class
that is zero for sure and costs nothing, so that the contexts are those of the plain codec.

A coefficient that has not arrived is what it is on average, zero: the KLT leaves components
without correlation, and the DCT frequencies.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc import contexts, steps
from splitwire.codecs.ftc.profile import FtcProfile
from splitwire.codecs.ftc.steps import CLASSES, MIDDLE, step_of
from splitwire.codecs.ftc.transform import Floats, rebuild

_Words = NDArray[np.uint16]
_Model = tuple[NDArray[np.uint8], _Words, _Words, NDArray[np.uint8]]

_ABSENT = CLASSES  # the class of what is in other layers
# Bits that a coefficient takes, in 1/64, by class: the entropy of a two-sided geometric
# distribution with the mean magnitude that lite0's profiles expect of the class. Layers are cut by
# these integers, which are the same on every machine.
_PRICES = (
    *(2, 2, 2, 2, 2, 3, 8, 26, 51, 84, 111, 139),
    *(168, 200, 230, 262, 294, 327, 358, 391, 421, 455, 486, 569),
)


@dataclass(frozen=True, eq=False)
class Layering:
    """The layers of a tensor at a quality.

    Attributes:
        table: the profile.
        quality: of all layers.
        count: how many layers there are, of about equal size.
    """

    table: FtcProfile
    quality: int
    count: int

    @cached_property
    def classes(self) -> NDArray[np.uint8]:
        """The class of each coefficient, (C, H, W)."""
        return self.table.classes(self.quality)

    @cached_property
    def layer(self) -> NDArray[np.intp]:
        """That of each coefficient, (C, H, W)."""
        bands, scales = self.table.bands, self.table.arrays["scales"]
        sizes = np.bincount(bands.ravel())
        kinds = steps.classes(scales, self.table.level(self.quality))
        prices = (np.array(_PRICES)[kinds] * sizes).ravel()
        order = np.argsort(-scales.astype(np.int64).ravel(), kind="stable")
        before = np.cumsum(prices[order]) - prices[order]
        cells = np.empty(scales.size, np.intp)
        cells[order] = before * self.count // int(prices.sum())
        return np.asarray(cells.reshape(scales.shape)[:, bands])

    def encode(self, z: Floats) -> "list[Layer]":
        """The layers of weighted coefficients (C, H, W), as FtcProfile.weighted makes them."""
        return [self._encode(z, at) for at in range(self.count)]

    def decode(self, payload: memoryview, at: int) -> Floats:
        """The coefficients of a layer, 0 elsewhere; ValueError where the bytes are damaged."""
        q = kernels.coefficients_decode(payload, *self._model(at))
        return self._dequantised(q, at)

    def planes(self, coefficients: Floats) -> Tensor:
        """The planes (C, H, W) of the sum of layers' coefficients; the same on every machine."""
        numbers = rebuild(coefficients * self.table.gain, self.table.arrays["basis"])
        return self.table.planes(numbers)

    def _encode(self, z: Floats, at: int) -> "Layer":
        kinds, expected, states, seen = self._model(at)
        steps_ = np.where(kinds == _ABSENT, 0, z) / step_of(self.table.level(self.quality))
        strength = contexts.strength(MIDDLE - self.quality)
        q = contexts.quantize(steps_, kinds, expected, self._rates, strength)
        payload = kernels.coefficients_encode(q, kinds, expected, states, seen)
        return Layer(payload.tobytes(), self._dequantised(q, at))

    def _dequantised(self, q: NDArray[np.int16], at: int) -> Floats:
        y = self.table.dequantised(q, self.quality)
        return np.where(self.layer == at, y, 0.0)

    def _model(self, at: int) -> _Model:
        """What the context coder of a layer starts from."""
        _, expected, states, seen = self.table.model(self.quality)
        kinds = np.where(self.layer == at, self.classes, np.uint8(_ABSENT))
        return (
            np.ascontiguousarray(kinds),
            np.append(expected, np.uint16(0)),
            np.concatenate((states, np.ones_like(states[:1]))),
            np.concatenate((seen, np.full_like(seen[:1], 63))),
        )

    @cached_property
    def _rates(self) -> NDArray[np.float32]:
        states = self.table.arrays["states"]
        return contexts.rates_of(np.concatenate((states, np.ones_like(states[:1]))))


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as coded.

    Attributes:
        payload: its bytes.
        coefficients: as they will be decoded, float64 (C, H, W), 0 outside of it.
    """

    payload: bytes
    coefficients: Floats
