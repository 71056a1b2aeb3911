"""The step sizes of `ftc`, and how large it expects each coefficient to be.

A coefficient's class is the mean magnitude that calibration found for its component and band, in
steps, in half octaves from 1/64 to 32. What a class leads to expect is the same at every step
size and nearly so for every component, so that some ten thousand numbers hold all of it.
"""

from math import ldexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.sensitivity import Learnt, band_means

CLASSES = 24
MIDDLE = 50  # the quality whose step calibration chooses
TARGET = 0.05  # nats at that quality
_LOWEST = -48  # where classes begin, in eighths of an octave from the step
_WIDTH = 4  # of a class
_EIGHTHS = (
    1.0,
    1.0905077326652577,
    1.189207115002721,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079407,
    1.681792830507429,
    1.8340080864093424,
)


def step_of(level: int) -> float:
    """The step size of a level: 2^(level / 8), the same float64 everywhere."""
    return ldexp(_EIGHTHS[level % 8], level // 8)


def classes(scales: NDArray[np.int16], level: int) -> NDArray[np.uint8]:
    """The class of each component and band at a step size: uint8 of the shape of `scales`."""
    places = (scales.astype(np.int64) - level - _LOWEST) // _WIDTH
    return places.clip(0, CLASSES - 1).astype(np.uint8)


def scales(learnt: Learnt) -> NDArray[np.int16]:
    """The mean magnitude of each component and band, in eighths of an octave."""
    sizes = np.zeros(learnt.spectra.shape[1:])
    for z in learnt.spectra:  # one at a time: they may be a gigabyte
        sizes += np.abs(z)
    means = band_means(sizes / len(learnt.spectra), learnt.bands)
    floor = max(float(means.max()), 1e-30) * 1e-9
    return np.asarray(np.rint(8 * np.log2(np.maximum(means, floor))).astype(np.int16))


def level(*spectra: NDArray[np.floating[Any]]) -> int:
    """The step size that costs `TARGET` nats: half the squared error of weighted coefficients.

    spectra: (N, C, H, W), of each part of a tensor that has statistics of its own.
    """
    best = 0
    for bit in (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1):
        step = step_of(best - 1024 + bit)
        if sum(_cost(part, step) for part in spectra) < TARGET:
            best += bit
    return best - 1024


def _cost(spectra: NDArray[np.floating[Any]], step: float) -> float:
    """Half the squared error of coefficients (N, C, H, W), rounded to a step: the mean over N."""
    total = 0.0
    for z in spectra:
        wide = z.astype(np.float64)
        total += float(((wide - step * np.rint(wide / step)) ** 2).sum())
    return 0.5 * total / len(spectra)
