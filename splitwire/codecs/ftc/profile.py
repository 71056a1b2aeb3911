"""The profile of `ftc`: how it is made of what was learnt, and what coding makes of its arrays.

docs/bitstream.md says what each array is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc import contexts, steps
from splitwire.codecs.ftc.blocks import block_arrays, blocks_of
from splitwire.codecs.ftc.sensitivity import Learnt
from splitwire.codecs.ftc.steps import CLASSES, MIDDLE, step_of
from splitwire.codecs.ftc.transform import (
    Floats,
    frequency_bands,
    mixed,
    octaves,
    rebuild,
    spectrum,
)
from splitwire.codecs.profile import Profile
from splitwire.errors import ProfileError
from splitwire.kernels.coefficient_arguments import CONTEXTS, PLACES

_HEADROOM = 22  # bits of the largest number in calibration, of the 27 that the inverse takes
_KINDS = {
    "shape": "i4",
    "mean": "f4",
    "basis": "i2",
    "gain": "f4",
    "unit": "i4",
    "scales": "i2",
    "level": "i4",
    "expected": "u2",
    "lift": "i1",
    "states": "u2",
    "seen": "u1",
}
_BLOCK_KINDS = {"block_basis": "i2", "block_gain": "f4", "block_scales": "i2"}


def _strength(quality: int) -> int:
    """What the search and the lift do at a quality, in eighths."""
    return contexts.strength(MIDDLE - quality)


@dataclass(frozen=True, eq=False)
class FtcProfile:
    """A profile's arrays, ready for use."""

    arrays: dict[str, NDArray[Any]]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of the planes that it codes."""
        return tuple(int(n) for n in self._get("shape"))

    @cached_property
    def bands(self) -> NDArray[np.uint16]:
        """The band of each frequency, (H, W)."""
        return frequency_bands(*self.shape[1:])

    @cached_property
    def mean(self) -> Floats:
        """That of each channel, (C, 1, 1)."""
        return self._get("mean").astype(np.float64)[:, None, None]

    @cached_property
    def gain(self) -> Floats:
        """From steps to the integers of the inverse transform, (C, H, W)."""
        return self._get("gain").astype(np.float64)[:, self.bands]

    @cached_property
    def unit(self) -> float:
        """What an integer of the inverse transform is worth: a power of two."""
        return 2.0 ** int(self._get("unit")[0])

    @cached_property
    def forward(self) -> Floats:
        """From channels to components in the unit of `gain`: the inverse of `basis`, (O, C, C)."""
        return np.asarray(np.linalg.inv(self._get("basis") / 2.0**15))

    def level(self, quality: int) -> int:
        """The step size of a quality, in eighths of an octave."""
        return int(self._get("level")[0]) + MIDDLE - quality

    def classes(self, quality: int) -> NDArray[np.uint8]:
        """The class of each coefficient, (C, H, W)."""
        kinds = steps.classes(self._get("scales"), self.level(quality))
        return np.ascontiguousarray(kinds[:, self.bands])

    def model(self, quality: int) -> tuple[NDArray[Any], ...]:
        """What the context coder starts from: classes, expected, states and seen."""
        return self.classes(quality), *(self._get(name) for name in ("expected", "states", "seen"))

    @cached_property
    def rates(self) -> NDArray[np.float32]:
        """The bits of each magnitude, as the search of the quantiser has them."""
        return contexts.rates_of(self._get("states"))

    def coefficients(self, planes: Tensor) -> Floats:
        """Weighted coefficients (C, H, W) of planes, in the unit of the step."""
        return self.weighted(self.integers(planes))

    def integers(self, planes: Tensor) -> Floats:
        """Planes (C, H, W) in the unit of the inverse transform, not rounded."""
        return np.asarray((planes.astype(np.float64) - self.mean) / self.unit)

    def weighted(self, numbers: Floats) -> Floats:
        """Weighted coefficients of such planes, in the unit of the step."""
        which = octaves(*self.shape[1:])
        return np.asarray(mixed(self.forward, spectrum(numbers), which) / self.gain)

    def quantised(self, z: Floats, quality: int) -> NDArray[np.int16]:
        """Trellis-coded coefficients, in steps of a quality."""
        classes, expected, *_ = self.model(quality)
        in_steps = z / step_of(self.level(quality))
        return contexts.quantize(in_steps, classes, expected, self.rates, _strength(quality))

    def encode(self, planes: Tensor, quality: int) -> bytes:
        """The bytes of planes (C, H, W) at a quality."""
        return self.encoded(self.integers(planes), quality)

    def encoded(self, numbers: Floats, quality: int) -> bytes:
        """The bytes of planes in the unit of the inverse transform."""
        q = self.quantised(self.weighted(numbers), quality)
        return kernels.coefficients_encode(q, *self.model(quality)).tobytes()

    def decode(self, payload: memoryview, quality: int) -> Tensor:
        """The planes again, the same bits everywhere; ValueError where the bytes are damaged."""
        return self.planes(self.decoded(payload, quality))

    def decoded(self, payload: memoryview, quality: int) -> Floats:
        """The integers that `planes` takes; ValueError likewise."""
        return self.numbers(kernels.coefficients_decode(payload, *self.model(quality)), quality)

    def dequantised(self, q: NDArray[np.int16], quality: int) -> Floats:
        """Coefficients in the unit of the step, each class lifted to the size that it had."""
        away = self._get("lift") * (_strength(quality) / (contexts.PARTS * contexts.LIFT))
        return contexts.dequantize(q, away[self.classes(quality)]) * step_of(self.level(quality))

    def numbers(self, q: NDArray[np.int16], quality: int) -> Floats:
        """The integers of quantised coefficients; the same on every machine."""
        return rebuild(self.dequantised(q, quality) * self.gain, self._get("basis"))

    def planes(self, numbers: NDArray[Any]) -> Tensor:
        """The planes of integers."""
        return np.asarray((numbers * self.unit + self.mean).astype(np.float32))

    def _get(self, name: str) -> NDArray[Any]:
        return self.arrays[name]


@lru_cache(maxsize=16)
def opened(profile: Profile) -> FtcProfile:
    """A profile ready for use.

    Raises:
        ProfileError: its arrays are not those of `ftc`.
    """
    return checked(profile.arrays, profile.digest)


def checked(named: Mapping[str, NDArray[Any]], digest: str) -> FtcProfile:
    """Arrays ready for use: types, shapes, and numbers that nothing trips over.

    Raises:
        ProfileError: naming the profile's digest.
    """
    kinds = {name: array.dtype.str.lstrip("<|") for name, array in named.items()}
    if kinds not in (_KINDS, _KINDS | _BLOCK_KINDS):
        raise ProfileError(f"the profile {digest} does not hold the arrays of ftc")
    arrays: dict[str, NDArray[Any]] = dict(named)
    table = FtcProfile(arrays)
    if arrays["shape"].shape != (3,) or min(table.shape) < 1:
        raise ProfileError(f"the profile {digest} holds no shape")
    expected = _shapes(table)
    sound = all(arrays[name].shape == shape for name, shape in expected.items())
    sound = sound and all(np.isfinite(arrays[name]).all() for name in arrays)
    sound = sound and bool(np.all(arrays["states"]) and np.all(arrays["seen"] <= 63))
    sound = sound and abs(int(arrays["unit"][0])) < 200 and abs(int(arrays["level"][0])) < 2000
    gains = [arrays[name] for name in ("gain", "block_gain") if name in arrays]
    if not sound or not all((gain > 0).all() for gain in gains):
        raise ProfileError(
            f"the profile {digest} holds arrays that do not fit together: "
            "if another version of ftc learnt it, calibrate again"
        )
    return table


def _shapes(table: FtcProfile) -> dict[str, tuple[int, ...]]:
    """Those of its arrays, but for `shape`, from which they follow."""
    channels, bands = table.shape[0], int(table.bands.max()) + 1
    states = (CLASSES, CONTEXTS, 2, PLACES)
    expected: dict[str, tuple[int, ...]] = {
        "mean": (channels,),
        "basis": (int(octaves(*table.shape[1:]).max()) + 1, channels, channels),
        "gain": (channels, bands),
        "scales": (channels, bands),
        "unit": (1,),
        "level": (1,),
        "expected": (CLASSES,),
        "lift": (CLASSES,),
        "states": states,
        "seen": states,
    }
    if "block_basis" in table.arrays:
        which = blocks_of(*table.shape[1:]).octaves
        expected["block_basis"] = (int(which.max()) + 1, channels, channels)
        expected["block_gain"] = expected["block_scales"] = (channels, len(which))
    return expected


def arrays_of(learnt: Learnt, middle: int | None = None) -> dict[str, NDArray[np.generic]]:
    """The profile of what was learnt; `middle` is the level of quality 50, chosen by calibration.

    Each column of the basis uses all of its 16 bits; its size is in the gain, and the unit is the
    power of two that leaves the largest component of calibration 22 bits.
    """
    peaks = np.abs(learnt.backward).max(1, keepdims=True) * (2**15 / (2**15 - 1))
    basis = np.rint(learnt.backward / peaks * 2**15).astype(np.int16)
    octave = np.zeros(learnt.weights.shape[1], np.intp)
    octave[learnt.bands] = octaves(*learnt.bands.shape)
    gain = peaks[octave, 0].T / learnt.weights
    highest = np.maximum(learnt.spectra.max(0), -learnt.spectra.min(0)).astype(np.float64)
    largest = float((highest * gain[:, learnt.bands]).max()) or 1.0
    unit = int(np.ceil(np.log2(largest))) - _HEADROOM
    scales = steps.scales(learnt)
    level = steps.level(learnt.spectra) if middle is None else middle
    arrays: dict[str, NDArray[np.generic]] = {
        "shape": np.array(learnt.spectra.shape[1:], np.int32),
        "mean": learnt.mean.astype(np.float32),
        "basis": basis,
        "gain": np.ldexp(gain, -unit).astype(np.float32),
        "unit": np.array([unit], np.int32),
        "scales": scales,
        "level": np.array([level], np.int32),
        **contexts.learn_contexts(learnt, scales, level),
    }
    return arrays | block_arrays(arrays)
