"""`ftc`: a feature transform codec that knows what the output is sensitive to.

Needs no training and no change of the network: a few calibration pictures give it a KLT over
channels in the metric of the output (codecs/sensitivity.py), the weight of each frequency of a DCT
over the map, and what to expect of every coefficient. One step size then serves all, and a context
coder (kernels/_coefficients.pyx) starts from what calibration saw.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs import contexts, statistics
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import register_codec
from splitwire.codecs.sensitivity import Learnt, frequency_bands, learn
from splitwire.codecs.statistics import CLASSES, step_of
from splitwire.codecs.transform import Floats, rebuild, spectrum
from splitwire.errors import BitstreamError, CodecError, ProfileError
from splitwire.kernels.coefficient_arguments import CONTEXTS, PLACES

_MIDDLE = 50
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


@register_codec
class Ftc(Codec):
    """Transform coding of features in the metric of the network's output.

        x ─▶ DCT of each map ─▶ KLT over channels ─▶ weights ─▶ one step ─▶ context coder

    Attributes:
        quality: 8 more halve the step; at 50 calibration expects 0.05 nats of divergence.
    """

    name: ClassVar[str] = "ftc"
    uses_gradients: ClassVar[bool] = True
    shares_profile: ClassVar[bool] = True
    quality: int = parameter(
        _MIDDLE, "8 more halve the step; 50 is near 0.05 nats", low=0, high=100
    )

    @property
    def needs_profile(self) -> bool:
        """Whether it has not been calibrated."""
        return self.profile is None

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec with a profile learnt from features, whatever its quality.

        Args:
            features: tensors of one shape, as the codec is to code them.
            gradients: of the log-likelihood of labels drawn from the network's output, with respect
                to features; of that shape, any number of them. Without them every error counts
                alike.

        Raises:
            CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
        """
        planes = _stack(features)
        slopes = None if gradients is None else _stack(gradients)
        if slopes is not None and slopes.shape[1:] != planes.shape[1:]:
            raise CodecError(f"ftc: gradients {slopes.shape[1:]} of features {planes.shape[1:]}")
        return replace(self, profile=Profile(self.name, _arrays(learn(planes, slopes))))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.profile is not None:
            _table(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        planes = to_planes(x)
        table = self._table_for(planes.shape)
        limits = np.finfo(np.float32)
        finite = np.nan_to_num(planes, nan=0, posinf=float(limits.max), neginf=float(limits.min))
        z = table.coefficients(finite.astype(np.float64)) / step_of(table.level(self.quality))
        classes, expected, states, seen = table.model(self.quality)
        q = contexts.quantize(z, classes, expected, table.rates, _strength(self.quality))
        stream = kernels.coefficients_encode(q, classes, expected, states, seen)
        return bytes([self.quality]) + stream.tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        if self.profile is None:
            raise BitstreamError("damaged ftc stream: it names no profile")
        table = _table(self.profile)
        if table.shape != planes_shape(shape):
            raise BitstreamError(f"damaged ftc stream: its profile is not of shape {shape}")
        if not payload or payload[0] > 100:
            raise BitstreamError("damaged ftc payload: it begins with no quality")
        quality = payload[0]
        q = kernels.coefficients_decode(payload[1:], *table.model(quality))
        return from_planes(table.planes(q, quality), shape)

    def _table_for(self, shape: tuple[int, ...]) -> "_Table":
        assert self.profile is not None
        table = _table(self.profile)
        if table.shape != shape:
            raise ProfileError(
                f"the profile {self.profile.digest} was learnt on planes of shape {table.shape}; "
                f"these have {shape}"
            )
        return table


def _strength(quality: int) -> int:
    return contexts.strength(_MIDDLE - quality)


@dataclass(frozen=True, eq=False)
class _Table:
    """A profile's arrays, ready for use. docs/bitstream.md says what each is."""

    arrays: dict[str, NDArray[Any]]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self._get("shape"))

    @cached_property
    def bands(self) -> NDArray[np.uint16]:
        return frequency_bands(*self.shape[1:])

    @cached_property
    def gain(self) -> Floats:
        """From steps to the integers of the inverse transform, (C, H, W)."""
        return self._get("gain").astype(np.float64)[:, self.bands]

    @cached_property
    def forward(self) -> Floats:
        """From channels to components in the unit of `gain`: the inverse of the basis, (C, C)."""
        return np.asarray(np.linalg.inv(self._get("basis") / 2.0**15))

    def level(self, quality: int) -> int:
        """The step size of a quality, in eighths of an octave."""
        return int(self._get("level")[0]) + _MIDDLE - quality

    def classes(self, quality: int) -> NDArray[np.uint8]:
        """The class of each coefficient, (C, H, W)."""
        kinds = statistics.classes(self._get("scales"), self.level(quality))
        return np.ascontiguousarray(kinds[:, self.bands])

    def model(self, quality: int) -> tuple[NDArray[Any], ...]:
        """What the context coder starts from: classes, expected, states and seen."""
        return self.classes(quality), *(self._get(name) for name in ("expected", "states", "seen"))

    @cached_property
    def rates(self) -> NDArray[np.float32]:
        """The bits of each magnitude, as the search of the quantiser has them."""
        return contexts.rates_of(self._get("states"))

    def coefficients(self, planes: Floats) -> Floats:
        """Weighted coefficients (C, H, W) of planes, in the unit of the step."""
        spectra = spectrum(planes - self._get("mean")[:, None, None])
        numbers = (self.forward @ spectra.reshape(self.shape[0], -1)).reshape(self.shape)
        return np.asarray(np.ldexp(numbers, -int(self._get("unit")[0])) / self.gain)

    def planes(self, q: NDArray[np.int16], quality: int) -> Tensor:
        """The planes of quantised coefficients; the same bits on every machine."""
        away = self._get("lift") * (_strength(quality) / (contexts.PARTS * contexts.LIFT))
        z = contexts.dequantize(q, away[self.classes(quality)]) * step_of(self.level(quality))
        numbers = rebuild(z * self.gain, self._get("basis"))
        values = np.ldexp(numbers, int(self._get("unit")[0])) + self._get("mean")[:, None, None]
        return np.asarray(values.astype(np.float32))

    def _get(self, name: str) -> NDArray[Any]:
        return self.arrays[name]


@lru_cache(maxsize=16)
def _table(profile: Profile) -> _Table:
    """The arrays of a profile, checked: types, shapes, and numbers that nothing trips over."""
    kinds = {name: array.dtype.str.lstrip("<|") for name, array in profile.arrays.items()}
    if kinds != _KINDS:
        raise ProfileError(f"the profile {profile.digest} does not hold the arrays of ftc")
    arrays: dict[str, NDArray[Any]] = dict(profile.arrays)
    table = _Table(arrays)
    if arrays["shape"].shape != (3,) or min(table.shape) < 1:
        raise ProfileError(f"the profile {profile.digest} holds no shape")
    channels, bands = table.shape[0], int(table.bands.max()) + 1
    states = (CLASSES, CONTEXTS, 2, PLACES)
    expected = {
        "mean": (channels,),
        "basis": (channels, channels),
        "gain": (channels, bands),
        "scales": (channels, bands),
        "unit": (1,),
        "level": (1,),
        "expected": (CLASSES,),
        "lift": (CLASSES,),
        "states": states,
        "seen": states,
    }
    sound = all(arrays[name].shape == shape for name, shape in expected.items())
    sound = sound and all(np.isfinite(arrays[name]).all() for name in ("mean", "gain"))
    sound = sound and bool(np.all(arrays["states"]) and np.all(arrays["seen"] <= 63))
    sound = sound and abs(int(arrays["unit"][0])) < 200 and abs(int(arrays["level"][0])) < 2000
    if not sound or not (arrays["gain"] > 0).all():
        raise ProfileError(f"the profile {profile.digest} holds arrays that do not fit together")
    return table


def _arrays(learnt: Learnt) -> dict[str, NDArray[np.generic]]:
    """The profile of what was learnt.

    Each column of the basis uses all of its 16 bits; its size is in the gain, and the unit is the
    power of two that leaves the largest component of calibration 22 bits.
    """
    peaks = np.abs(learnt.backward).max(0) * (2**15 / (2**15 - 1))
    basis = np.rint(learnt.backward / peaks * 2**15).astype(np.int16)
    gain = peaks[:, None] / learnt.weights
    largest = float((np.abs(learnt.spectra).max(0) * gain[:, learnt.bands]).max()) or 1.0
    unit = int(np.ceil(np.log2(largest))) - _HEADROOM
    scales = statistics.scales(learnt)
    level = statistics.level(learnt.spectra)
    return {
        "shape": np.array(learnt.spectra.shape[1:], np.int32),
        "mean": learnt.mean.astype(np.float32),
        "basis": basis,
        "gain": np.ldexp(gain, -unit).astype(np.float32),
        "unit": np.array([unit], np.int32),
        "scales": scales,
        "level": np.array([level], np.int32),
        **contexts.learn_contexts(learnt, scales, level),
    }


def _stack(tensors: Iterable[Tensor]) -> Floats:
    planes = [to_planes(x) for x in tensors]
    if not planes or len({x.shape for x in planes}) > 1:
        raise CodecError("ftc: calibration takes one or more tensors of one shape")
    stacked = np.stack(planes).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise CodecError("ftc: calibration met a number that is not finite")
    return stacked
