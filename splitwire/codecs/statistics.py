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
_ROUNDS = 3
_ENOUGH = 600_000  # coefficients at each step size from which contexts learn
ETA = 1.0
TOP = 0.5
BASE = 0.0
TRADEOFF = 0.3  # squares of half a step that a bit is worth
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
Indices = NDArray[np.int16]
Prices = NDArray[np.float32]


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


def quantized(z: Floats, classes: NDArray[np.uint8], due: Words, rates: Prices) -> Indices:
    """The indices of coefficients (K, H, W) in steps: a search that weighs error against bits."""
    bounded = np.nan_to_num(z).clip(-32000, 32000)
    plain = np.rint(bounded).astype(np.int16)
    which = kernels.coefficient_contexts(plain, classes, due)
    return kernels.trellis_quantize((2 * bounded).astype(np.float32), which, rates, TRADEOFF)


def rates(states: Words) -> Prices:
    """The bits of each magnitude, sign included, by context and quantiser: (contexts, 2, 15)."""
    ones = states.astype(np.float64) / 65536
    sizes = np.zeros((*ones.shape[:-1], kernels.PLACES + 1))
    sizes[..., 1:] = 1 - np.log2(ones).cumsum(-1)
    sizes[..., :-1] -= np.log2(1 - ones)
    return sizes.reshape(-1, 2, kernels.PLACES + 1).astype(np.float32)


def contexts(
    learnt: Learnt, scale: NDArray[np.int16], middle: int
) -> dict[str, NDArray[np.generic]]:
    """What the context coder starts from, counted over step sizes about the middle one.

    How coefficients are quantised depends on what they cost, and that on how they are quantised: a
    few rounds settle it.
    """
    chosen = learnt.spectra[:: max(1, learnt.spectra.size // _ENOUGH)]
    steps = [middle + change for change in _SWEEP]
    kinds = [np.ascontiguousarray(classes(scale, at)[:, learnt.bands]) for at in steps]
    due = _expected(chosen, steps, kinds)
    prices = np.zeros((CLASSES * kernels.CONTEXTS, 2, kernels.PLACES + 1), np.float32)
    for _ in range(_ROUNDS):
        sizes = np.zeros((CLASSES * kernels.CONTEXTS, 2, kernels.PLACES + 1))
        A = np.zeros(CLASSES); B = A.copy(); D = A.copy()
        for at, kind in zip(steps, kinds, strict=True):
            for z in chosen:
                q = quantized(z / step_of(at), kind, due, prices)
                _count(sizes, q, kind, due)
                a = np.abs(z / step_of(at)).ravel(); j = np.abs(q - 0.5 * kernels.trellis_quantizers(q) * np.sign(q)).ravel()
                kk = kind.ravel()
                A += np.bincount(kk, a * a, CLASSES)
                B += np.bincount(kk, a * j, CLASSES)
                D += np.bincount(kk, a * (j > 0), CLASSES)
        states, seen = _states(sizes.reshape(CLASSES, kernels.CONTEXTS, 2, -1))
        prices = rates(states)
    lift = np.rint(128 * (BASE + ETA * ((A - B) / (D + 1e-9)).clip(-.25, TOP))).clip(-127, 127).astype(np.int8)
    return {"lift": lift, "expected": due, "states": states, "seen": seen}


def _expected(spectra: Floats, steps: list[int], kinds: list[NDArray[np.uint8]]) -> Words:
    """The mean magnitude of each class, in 1/64 steps."""
    sums, held = np.zeros(CLASSES), np.zeros(CLASSES)
    for at, kind in zip(steps, kinds, strict=True):
        sizes = np.abs(np.rint(spectra / step_of(at))).sum(0)
        sums += np.bincount(kind.ravel(), sizes.ravel(), CLASSES)
        held += len(spectra) * np.bincount(kind.ravel(), minlength=CLASSES)
    return np.rint(kernels.ONE * sums / np.maximum(held, 1)).clip(0, 65535).astype(np.uint16)


def _count(sizes: Floats, q: Indices, kind: NDArray[np.uint8], due: Words) -> None:
    """Add the magnitudes of one tensor to `sizes`, by context and quantiser."""
    which = kernels.coefficient_contexts(q, kind, due).astype(np.int64)
    second = kernels.trellis_quantizers(q)
    size = np.minimum(np.abs(q), kernels.PLACES)
    index = ((2 * which + second) * sizes.shape[-1] + size).ravel()
    sizes += np.bincount(index, minlength=sizes.size).reshape(sizes.shape)


def _states(sizes: Floats) -> tuple[Words, NDArray[np.uint8]]:
    """Initial states, and how firmly they stand, from counts (classes, liveliness, 2, size)."""
    reached = sizes[..., ::-1].cumsum(-1)[..., ::-1]  # of at least that size
    bins, ones = reached[..., :-1], reached[..., 1:]
    kind = (ones.sum(1) + 0.5) / (bins.sum(1) + 1)
    share = (ones + _PRIOR * kind[:, None]) / (bins + _PRIOR)
    states = np.rint(65536 * share).clip(1, 65535).astype(np.uint16)
    return states, np.minimum(bins, 63).astype(np.uint8)
