"""What `ftc` expects of coefficients: their class at each step size, and how its contexts start.

A coefficient's class is the mean magnitude that calibration found for its component and band, in
steps, in half octaves from 1/64 to 32. What a class leads to expect is the same at every step
size and nearly so for every component, so that a few thousand numbers hold all of it.
"""

from math import ldexp

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.sensitivity import Learnt, band_means
from splitwire.codecs.transform import Floats

CLASSES = 24
TARGET = 0.05  # nats at the middle quality
_LOWEST = -48  # where classes begin, in eighths of an octave from the step
_WIDTH = 4  # of a class
_SWEEP = range(-40, 33, 8)  # levels about the middle one from which contexts learn
_PRIOR = 4.0  # bins that a context is granted of what its class does
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

Words = NDArray[np.uint16]


def step_of(level: int) -> float:
    """The step size of a level: 2^(level / 8), the same float64 everywhere."""
    return ldexp(_EIGHTHS[level % 8], level // 8)


def classes(scales: NDArray[np.int16], level: int) -> NDArray[np.uint8]:
    """The class of each component and band at a step size: uint8 of the shape of `scales`."""
    places = (scales.astype(np.int64) - level - _LOWEST) // _WIDTH
    return places.clip(0, CLASSES - 1).astype(np.uint8)


def scales(learnt: Learnt) -> NDArray[np.int16]:
    """The mean magnitude of each component and band, in eighths of an octave."""
    means = band_means(np.abs(learnt.spectra), learnt.bands)
    floor = max(float(means.max()), 1e-30) * 1e-9
    return np.rint(8 * np.log2(np.maximum(means, floor))).astype(np.int16)


def level(spectra: Floats) -> int:
    """The step size that costs `TARGET` nats: half the squared error of weighted coefficients."""
    best = 0
    for bit in (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1):
        step = step_of(best - 1024 + bit)
        error = spectra - step * np.rint(spectra / step)
        if 0.5 * float((error**2).sum()) / len(spectra) < TARGET:
            best += bit
    return best - 1024


def contexts(
    learnt: Learnt, scale: NDArray[np.int16], middle: int
) -> dict[str, NDArray[np.generic]]:
    """What the context coder starts from, counted over step sizes about the middle one."""
    swept = []
    for level in (middle + change for change in _SWEEP):
        q = np.rint(learnt.spectra / step_of(level)).clip(-32767, 32767).astype(np.int16)
        swept.append((q, classes(scale, level)[:, learnt.bands]))
    sums, held = np.zeros(CLASSES), np.zeros(CLASSES)
    for q, kinds in swept:
        sums += np.bincount(kinds.ravel(), np.abs(q).sum(0, float).ravel(), CLASSES)
        held += len(q) * np.bincount(kinds.ravel(), minlength=CLASSES)
    due = np.rint(kernels.ONE * sums / np.maximum(held, 1)).clip(0, 65535).astype(np.uint16)
    sizes = np.zeros((CLASSES * kernels.LIVELY, kernels.PLACES + 1))
    for q, kinds in swept:
        for tensor in q:
            which = kernels.coefficient_contexts(tensor, kinds, due).astype(np.int64)
            size = np.minimum(np.abs(tensor), kernels.PLACES)
            index = (which * sizes.shape[1] + size).ravel()
            sizes += np.bincount(index, minlength=sizes.size).reshape(sizes.shape)
    states, seen = _states(sizes.reshape(CLASSES, kernels.LIVELY, -1))
    return {"expected": due, "states": states, "seen": seen}


def _states(sizes: Floats) -> tuple[Words, NDArray[np.uint8]]:
    """Initial states, and how firmly they stand, from counts (classes, liveliness, size)."""
    reached = sizes[..., ::-1].cumsum(-1)[..., ::-1]  # of at least that size
    bins, ones = reached[..., :-1], reached[..., 1:]
    kind = (ones.sum(1) + 0.5) / (bins.sum(1) + 1)
    share = (ones + _PRIOR * kind[:, None]) / (bins + _PRIOR)
    states = np.rint(65536 * share).clip(1, 65535).astype(np.uint16)
    return states, np.minimum(bins, 63).astype(np.uint8)
