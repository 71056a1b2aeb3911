"""The clip range of a quantiser: which numbers the codes span, and the rule that chooses them.

    3sd       mean ± 3 standard deviations (any positive number before "sd"), within the extremes
    minmax    smallest to largest
    laplace   the best for the number of levels, by a Laplace model; see kernels/_laplace.h
    profile   learnt from calibration features, so that it need not travel

Feature tensors are nearly normal or nearly Laplacian with rare far outliers: clipping those costs
less than stretching every step for them (Cohen, Choi, Bajić, arXiv:2105.06002).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.errors import BitstreamError, CodecError

_DEVIATIONS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)sd")
_CALIBRATED_DEVIATIONS = 3.0


@dataclass(frozen=True)
class ClipRange:
    """Bounds of a quantiser: one pair for the tensor, or one a channel.

    Attributes:
        lo: float32, (1,) or (C,); the value of code 0.
        hi: float32 of the same shape; the value of the top code.
    """

    lo: NDArray[np.float32]
    hi: NDArray[np.float32]

    @property
    def pair(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """lo and hi as the kernels take them: two numbers, or an array each."""
        return (self.lo[0], self.hi[0]) if len(self.lo) == 1 else (self.lo, self.hi)

    @property
    def is_sound(self) -> bool:
        """Whether every bound and width is finite, and no lo is above its hi."""
        with np.errstate(over="ignore", invalid="ignore"):
            width = self.hi - self.lo
        return bool((np.isfinite(self.lo) & np.isfinite(width) & (width >= 0)).all())

    def departs(self, other: "ClipRange") -> bool:
        """Whether a bound differs from the other range's by over an eighth of that one's width."""
        slack = (other.hi - other.lo) / 8
        far = (abs(self.lo - other.lo) > slack) | (abs(self.hi - other.hi) > slack)
        return bool(far.any())

    def to_bytes(self) -> bytes:
        """Little-endian float32: every lo, then every hi."""
        return np.concatenate((self.lo, self.hi)).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, payload: memoryview, pairs: int) -> tuple["ClipRange", memoryview]:
        """The range of that many pairs at the head of a payload, and the rest of the payload.

        Raises:
            BitstreamError: too few bytes, or bounds that are not finite and ordered.
        """
        if len(payload) < 8 * pairs:
            raise BitstreamError("damaged payload: its clip range is cut short")
        bounds = np.frombuffer(payload[: 8 * pairs], dtype="<f4").astype(np.float32)
        made = cls(bounds[:pairs], bounds[pairs:])
        if not made.is_sound:
            raise BitstreamError("damaged payload: its clip range is not finite and ordered")
        return made, payload[8 * pairs :]


def check_rule(codec: str, rule: str) -> None:
    """Refuse a word that is no rule.

    Raises:
        CodecError: naming the rules there are.
    """
    match = _DEVIATIONS.fullmatch(rule)
    if rule not in ("minmax", "laplace", "profile") and not (match and float(match[1]) > 0):
        raise CodecError(
            f"{codec}: clip must be 'minmax', 'laplace', 'profile' or deviations such as '3sd', "
            f"not {rule!r}"
        )


def choose(rule: str, planes: NDArray[np.float32], pairs: int, levels: int = 256) -> ClipRange:
    """The range that a rule gives for planes (C, H, W) and levels: one pair, or C of them.

    Raises:
        CodecError: the tensor (or one of its channels) holds no finite number.
    """
    groups = planes if pairs > 1 else [planes]
    try:
        bounds = np.array([_bounds(rule, group, levels) for group in groups])
    except ValueError as error:
        raise CodecError(f"no clip range for this tensor: {error}") from error
    limit = np.finfo(np.float32).max / 4  # so that hi - lo is finite too, however it is rounded
    lo, hi = np.clip(bounds, -limit, limit).astype(np.float32).T
    return ClipRange(np.ascontiguousarray(lo), np.ascontiguousarray(hi))


def learn(planes: Sequence[NDArray[np.float32]], by_channel: bool) -> ClipRange:
    """The range mean ± 3 deviations over the planes (C, H, W) of many tensors.

    Raises:
        CodecError: there are no features, of different shapes, or none with a finite number.
    """
    if len({x.shape for x in planes}) != 1:
        raise CodecError("calibration needs at least one feature tensor, and all of one shape")
    pooled = np.stack(planes, axis=1)  # (C, N, H, W): one channel of every tensor together
    return choose(f"{_CALIBRATED_DEVIATIONS}sd", pooled, len(pooled) if by_channel else 1)


def _bounds(rule: str, x: NDArray[np.float32], levels: int) -> tuple[float, float]:
    if rule == "laplace":
        return kernels.laplace_range(x, levels)
    low, high, mean, deviation = kernels.moments(x)
    match = _DEVIATIONS.fullmatch(rule)
    if match is None:
        return low, high
    reach = float(match[1]) * deviation
    return max(low, mean - reach), min(high, mean + reach)
