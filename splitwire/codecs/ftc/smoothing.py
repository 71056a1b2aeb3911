"""A filter over time of what stands still, in the encoder alone: noise would cost bits twice.

A coefficient of a still scene is a slow walk and noise. Where noise alone takes it past the
quantiser's threshold it is coded, and coded back a few frames later. So what is coded is a mean
that runs over time. With x the map and m the mean, in each block that does not move:

    d = x − m     m ← x − a · d / (1 + d⁴)     where d is in steps, so that real changes stay sharp

The best a leaves a d that is new every time: where d has the sign of the one before, m lags behind,
and a falls; where it has the other, m follows noise, and a grows. So each block finds its own, as
the gain of a Kalman filter that whitens its innovations: R. K. Mehra (1970), "On the identification
of variances and adaptive Kalman filtering".
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from splitwire.kernels.residual_arguments import LARGEST

_FIRST = 0.0  # a at first
_STRONGEST = 0.3  # a stronger mean is left behind for good by a slow change
_PACE = 0.2  # of a, by correlation
_FADING = 0.5  # of a, where a block moves
_TINY = 1e-9

Steps = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Smoothing:
    """What is remembered of a map that was coded. It is never changed.

    Attributes:
        left: float32 (K, P), coefficients of the mean less what was decoded, in steps.
        surprise: float32 (K, P), d in steps, its largest ones made small.
        strength: float32 (B,), a of each block.
        step: the size of one.
    """

    left: Steps
    surprise: Steps
    strength: Steps
    step: float

    def after(self, q: NDArray[np.int16]) -> "Smoothing":
        """What is remembered once these indices are coded."""
        return replace(self, left=self.left - q)


def smoothed(
    z: Steps,
    still: NDArray[np.bool_],
    block: NDArray[np.intp],
    step: float,
    before: Smoothing | None,
) -> Smoothing:
    """The mean, less what is foretold: `left`, of which coding has to take away `after`.

    Args:
        z: float32 (K, P), those of the residual of a map, in steps.
        still: of each block, whether it is foretold from the last map and stays, (B,).
        block: that of each place, (P,).
        step: the size of one.
        before: of the map that the residual is of; None where that stood alone.
    """
    z = np.nan_to_num(z).clip(-LARGEST, LARGEST)
    if before is None:
        strength = np.full(len(still), _FIRST, np.float32)
        return Smoothing(z, np.zeros_like(z), strength, step)
    d = z - before.left * np.float32(before.step / step)
    squares = d * d
    surprise = d / (1 + squares * squares)
    surprise *= still[block]
    correlation = _correlation(surprise, before.surprise, block)
    strength = (before.strength - np.float32(_PACE) * correlation).clip(0, _STRONGEST)
    strength *= np.where(still, np.float32(1), np.float32(_FADING))
    return Smoothing(z - surprise * strength[block], surprise, strength, step)


def _correlation(one: Steps, other: Steps, block: NDArray[np.intp]) -> Steps:
    """Of two arrays (K, P), block by block; 0 where one is empty."""
    energy, energy_other, product = (
        np.bincount(block, (a * b).sum(0)) for a, b in ((one, one), (other, other), (one, other))
    )
    return np.asarray(product / np.sqrt(energy * energy_other + _TINY), np.float32)
