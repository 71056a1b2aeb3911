"""The clip range of a quantiser, checked and turned into the two numbers that its body needs.

`lo` and `hi` are scalars, or one-dimensional with a value for each place on the first axis. They
are rounded to float32; then the factor of the map is divided out in float64 and rounded to
float32, so that every implementation multiplies by the same number. Where `hi == lo` the factor
is 0: every code is 0, and every value is `lo`.
"""

import struct
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import FLOAT32, Features, top_code

Limit = float | npt.ArrayLike
Affine = tuple[float, float] | tuple[Features, Features]

# The least magnitude that rounds to an infinity in float32: half a step above the largest value.
_BEYOND_FLOAT32 = 2.0**128 - 2.0**103
_SINGLE = struct.Struct("f")


def quantizer(lo: Limit, hi: Limit, bits: int, channels: int) -> Affine:
    """`lo` and codes per unit, each a Python float or a float32 array of shape (channels,)."""
    return _affine(lo, hi, top_code(bits), channels, True)


def dequantizer(lo: Limit, hi: Limit, bits: int, channels: int) -> Affine:
    """`lo` and units per code, each a Python float or a float32 array of shape (channels,)."""
    return _affine(lo, hi, top_code(bits), channels, False)


def _affine(lo: Limit, hi: Limit, top: int, channels: int, per_unit: bool) -> Affine:
    if isinstance(lo, float) and isinstance(hi, float):
        return _scalar_affine(lo, hi, top, per_unit)
    lows, highs = _limit(lo, "lo", channels), _limit(hi, "hi", channels)
    if lows.ndim == highs.ndim == 0:
        return _scalar_affine(float(lows), float(highs), top, per_unit)
    with np.errstate(all="ignore"):
        return _channel_affine(lows, highs, top, channels, per_unit)


def _limit(value: Limit, name: str, channels: int) -> npt.NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
    if array.shape != (channels,) and array.ndim:
        raise ValueError(f"{name} has shape {array.shape}; expected a scalar or {(channels,)}")
    return array


def _scalar_affine(lo: float, hi: float, top: int, per_unit: bool) -> tuple[float, float]:
    # Python's floats cost a fifth of NumPy's scalars here, and raise no floating-point warnings.
    if not (abs(lo) < _BEYOND_FLOAT32 and abs(hi) < _BEYOND_FLOAT32):
        raise _bad_range(lo, hi)
    lo, hi = _to_float32(lo), _to_float32(hi)
    span = hi - lo
    if not 0 <= span < _BEYOND_FLOAT32:
        raise _bad_range(lo, hi)
    if span == 0:
        return lo, 0.0
    return lo, _to_float32(top / span if per_unit else span / top)


def _channel_affine(
    lows: npt.NDArray[Any], highs: npt.NDArray[Any], top: int, channels: int, per_unit: bool
) -> tuple[Features, Features]:
    lo, hi = (
        limit.astype(FLOAT32, order="C") if limit.ndim else np.full(channels, limit, FLOAT32)
        for limit in (lows, highs)
    )
    span = hi.astype(np.float64) - lo
    # A NaN or an infinity among the limits makes a span that is a NaN or infinite too.
    least = span.min()
    if not (least >= 0 and span.max() < _BEYOND_FLOAT32):
        place = np.argmin((span >= 0) & (span < _BEYOND_FLOAT32))
        raise _bad_range(lo[place], hi[place], f" of channel {place}")
    factor = top / span if per_unit else span / top
    if least == 0:
        factor[span == 0] = 0.0
    return lo, factor.astype(FLOAT32)


def _to_float32(value: float) -> float:
    return inf if value >= _BEYOND_FLOAT32 else float(_SINGLE.unpack(_SINGLE.pack(value))[0])


def _bad_range(lo: float, hi: float, which: str = "") -> ValueError:
    return ValueError(
        f"the range{which} is {lo:g} to {hi:g}; expected lo <= hi, and hi - lo finite in float32"
    )
