"""`ftc`: a feature transform codec that knows what the output is sensitive to.

Needs no training and no change of the network: a few calibration pictures give it a KLT over
channels in the metric of the output (codecs/sensitivity.py), the weight of each frequency of a DCT
over the map, and what to expect of every coefficient. One step size then serves all, and a context
coder (kernels/_coefficients.pyx) starts from what calibration saw.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs import statistics
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.rate_control import within_bytes, within_divergence
from splitwire.codecs.registry import register_codec
from splitwire.codecs.sensitivity import Learnt, frequency_bands, learn
from splitwire.codecs.statistics import CLASSES, step_of
from splitwire.codecs.transform import Floats, rebuild, spectrum
from splitwire.errors import BitstreamError, CodecError, ProfileError

_MIDDLE, _TOP = 50, 100
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
    "states": "u2",
    "seen": "u1",
}


@register_codec
class Ftc(Codec):
    """Transform coding of features in the metric of the network's output.

        x ─▶ DCT of each map ─▶ KLT over channels ─▶ weights ─▶ one step ─▶ context coder

    Attributes:
        quality: 8 more halve the step; at 50 calibration expects 0.05 nats of divergence.
        target_bytes: instead, the most bytes of a stream; a tensor that cannot fit is refused.
        target_divergence: instead, nats that calibration expects of each tensor's own errors.
    """

    name: ClassVar[str] = "ftc"
    uses_gradients: ClassVar[bool] = True
    shares_profile: ClassVar[bool] = True
    quality: int = parameter(
        _MIDDLE, "8 more halve the step; 50 is near 0.05 nats", low=0, high=_TOP
    )
    target_bytes: int = parameter(0, "instead of quality: bytes a stream may have", low=0)
    target_divergence: float = parameter(0.0, "instead of quality: nats to expect", low=0.0)

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
        if len(self._changed()) > 1:
            raise CodecError("ftc takes one of quality, target_bytes and target_divergence")
        if self.profile is not None:
            _table(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        planes = to_planes(x)
        table = self._table_for(planes.shape)
        limits = np.finfo(np.float32)
        finite = np.nan_to_num(planes, nan=0.0, posinf=limits.max, neginf=limits.min)
        z = table.coefficients(finite.astype(np.float64))
        if self.target_bytes:
            around = len(self._stream(b"", x.shape))
            return within_bytes(self.target_bytes, around, partial(table.payload, z), _TOP)
        if self.target_divergence:
            expected = partial(table.divergence, z)
            return table.payload(z, within_divergence(self.target_divergence, expected, _TOP))
        return table.payload(z, self.quality)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        table = self._table_for(planes_shape(shape))
        if not payload or payload[0] > _TOP:
            raise BitstreamError("damaged ftc payload: it begins with no quality")
        quality = payload[0]
        q = kernels.coefficients_decode(payload[1:], *table.model(quality))
        return from_planes(table.planes(q, step_of(table.level(quality))), shape)

    def _table_for(self, shape: tuple[int, ...]) -> "_Table":
        assert self.profile is not None
        table = _table(self.profile)
        if table.shape != shape:
            raise ProfileError(
                f"the profile {self.profile.digest} was learnt on planes of shape {table.shape}; "
                f"these have {shape}"
            )
        return table


@dataclass(frozen=True, eq=False)
class _Table:
    """A profile's arrays, ready for use. docs/bitstream.md says what each is."""

    arrays: dict[str, NDArray[np.generic]]

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
        return int(self._get("level")) + _MIDDLE - quality

    def model(self, quality: int) -> tuple[NDArray[np.generic], ...]:
        """What the context coder starts from: classes, expected, states and seen."""
        classes = statistics.classes(self._get("scales"), self.level(quality))
        return classes[:, self.bands], self._get("expected"), self._get("states"), self._get("seen")

    def coefficients(self, planes: Floats) -> Floats:
        """Weighted coefficients (C, H, W) of planes, in the unit of the step."""
        spectra = spectrum(planes - self._get("mean")[:, None, None])
        numbers = (self.forward @ spectra.reshape(self.shape[0], -1)).reshape(self.shape)
        return np.asarray(np.ldexp(numbers, -int(self._get("unit"))) / self.gain)

    def quantised(self, z: Floats, quality: int) -> NDArray[np.int16]:
        """Coefficients in steps of a quality."""
        steps = np.rint(z / step_of(self.level(quality)))
        return steps.clip(-32767, 32767).astype(np.int16)

    def payload(self, z: Floats, quality: int) -> bytes:
        """What is sent of coefficients at a quality."""
        q = self.quantised(z, quality)
        return bytes([quality]) + kernels.coefficients_encode(q, *self.model(quality)).tobytes()

    def divergence(self, z: Floats, quality: int) -> float:
        """What calibration expects of the errors of a quality, in nats."""
        errors = z - step_of(self.level(quality)) * self.quantised(z, quality)
        return 0.5 * float((errors**2).sum())

    def planes(self, q: NDArray[np.int16], step: float) -> Tensor:
        """The planes of quantised coefficients; the same bits on every machine."""
        numbers = rebuild(q * step * self.gain, self._get("basis"))
        values = np.ldexp(numbers, int(self._get("unit"))) + self._get("mean")[:, None, None]
        return values.astype(np.float32)

    def _get(self, name: str) -> NDArray[np.generic]:
        return self.arrays[name]


@lru_cache(maxsize=16)
def _table(profile: Profile) -> _Table:
    """The arrays of a profile, checked: types, shapes, and numbers that nothing trips over."""
    kinds = {name: array.dtype.str.lstrip("<|") for name, array in profile.arrays.items()}
    if kinds != _KINDS:
        raise ProfileError(f"the profile {profile.digest} does not hold the arrays of ftc")
    arrays = dict(profile.arrays)
    table = _Table(arrays)
    if arrays["shape"].shape != (3,) or min(table.shape) < 1:
        raise ProfileError(f"the profile {profile.digest} holds no shape")
    channels, bands = table.shape[0], int(table.bands.max()) + 1
    states = (CLASSES, kernels.LIVELY, kernels.PLACES)
    expected = {
        "mean": (channels,),
        "basis": (channels, channels),
        "gain": (channels, bands),
        "scales": (channels, bands),
        "unit": (),
        "level": (),
        "expected": (CLASSES,),
        "states": states,
        "seen": states,
    }
    sound = all(arrays[name].shape == shape for name, shape in expected.items())
    sound = sound and all(np.isfinite(arrays[name]).all() for name in ("mean", "gain"))
    sound = sound and bool(np.all(arrays["states"]) and np.all(arrays["seen"] <= 63))
    sound = sound and abs(int(arrays["unit"])) < 200 and abs(int(arrays["level"])) < 2000
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
        "unit": np.array(unit, np.int32),
        "scales": scales,
        "level": np.array(level, np.int32),
        **statistics.contexts(learnt, scales, level),
    }


def _stack(tensors: Iterable[Tensor]) -> Floats:
    planes = [to_planes(x) for x in tensors]
    if not planes or len({x.shape for x in planes}) > 1:
        raise CodecError("ftc: calibration takes one or more tensors of one shape")
    stacked = np.stack(planes).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise CodecError("ftc: calibration met a number that is not finite")
    return stacked
