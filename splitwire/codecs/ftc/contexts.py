"""The quantiser of `ftc`, and what its context coder starts from.

Indices are chosen by a search through a trellis that weighs squared error against bits, as VVC's
encoders do (_trellis_search.h). Left alone, such a search makes coefficients smaller: it saves
bits on what is uncertain. The network minds a loss of energy more than its squared error says, as
every unit that adds up a feature loses alike. So the decoder lifts what was coded, class by class,
until coefficients are as large as they were on average (E[y x] = E[x²]), within a bound. At large
steps, where most of what bits buy is energy, both do less.
"""

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.ftc.sensitivity import Learnt
from splitwire.codecs.ftc.steps import CLASSES, classes, step_of
from splitwire.codecs.ftc.transform import Floats
from splitwire.kernels.coefficient_arguments import CONTEXTS, ONE, PLACES

LIFT = 128  # parts of a step in which a class is lifted
PARTS = 8  # in which the search and the lift are weakened
TRADEOFF = 0.05  # squares of half a step that a bit is worth, at most
_HIGHEST = 0.08  # steps that a class is lifted at most
_SWEEP = range(-40, 33, 8)  # levels about the middle one from which contexts learn
_ROUNDS = 3  # of quantising at what the round before found bits to cost
_ENOUGH = 300_000  # coefficients at each step size
_LARGEST = 32000  # steps
_PRIOR = 4.0  # bins that a context is granted of what its class does

Words = NDArray[np.uint16]
Classes = NDArray[np.uint8]
Indices = NDArray[np.int16]
Prices = NDArray[np.float32]


def strength(change: int) -> int:
    """How much the search and the lift do, in eighths, at that many levels above the middle one."""
    return min(max(PARTS - change // 3, 2), PARTS)


def quantize(z: Floats, kinds: Classes, expected: Words, rates: Prices, parts: int) -> Indices:
    """The indices of coefficients (K, H, W) in steps. Encoders may choose others.

    kinds: the class of each. expected, rates: of the contexts. parts: of the strength.
    """
    near = np.rint(z).clip(-_LARGEST, _LARGEST).astype(np.int16)
    which = kernels.coefficient_contexts(near, kinds, expected)
    halves = (2 * z.clip(-_LARGEST, _LARGEST)).astype(np.float32)
    return kernels.trellis_quantize(halves, which, rates, TRADEOFF * parts / PARTS)


def dequantize(q: Indices, away: Floats | float) -> Floats:
    """The coefficients in steps that indices (K, H, W) stand for; exact in float64.

    away: how much larger than its place in the quantiser each is, in steps.
    """
    return np.asarray(q + np.sign(q) * (away - 0.5 * kernels.trellis_quantizers(q)))


def rates_of(states: Words) -> Prices:
    """The bits of each magnitude, sign included, by context and quantiser: (contexts, 2, 15)."""
    ones = states.astype(np.float64) / 65536
    sizes = np.zeros((*ones.shape[:-1], PLACES + 1))
    sizes[..., 1:] = 1 - np.log2(ones).cumsum(-1)
    sizes[..., :-1] -= np.log2(1 - ones)
    return sizes.reshape(-1, 2, PLACES + 1).astype(np.float32)


def learn_contexts(
    learnt: Learnt, scales: NDArray[np.int16], middle: int
) -> dict[str, NDArray[np.generic]]:
    """What the coder starts from, counted over step sizes about the middle one.

    What is chosen depends on what it costs, and that on what is chosen: a few rounds settle it.
    """
    some = learnt.spectra[:: max(1, learnt.spectra.size // _ENOUGH)]
    spectra = some.astype(np.float64)
    steps = [step_of(middle + change) for change in _SWEEP]
    kinds = [
        np.ascontiguousarray(classes(scales, middle + change)[:, learnt.bands]) for change in _SWEEP
    ]
    expected = _expected(spectra, steps, kinds)
    rates = np.zeros((CLASSES * CONTEXTS, 2, PLACES + 1), np.float32)
    for _ in range(_ROUNDS):
        count = _Count(expected)
        for change, step, kind in zip(_SWEEP, steps, kinds, strict=True):
            for z in spectra / step:
                count.add(z, kind, quantize(z, kind, expected, rates, strength(change)))
        states, seen = count.states()
        rates = rates_of(states)
    return {"expected": expected, "lift": count.lift(), "states": states, "seen": seen}


class _Count:
    """How often each context met each magnitude, and how large coefficients were and became."""

    def __init__(self, expected: Words) -> None:
        self.expected = expected
        self.sizes = np.zeros((CLASSES * CONTEXTS * 2, PLACES + 1))
        self.power, self.kept, self.coded = np.zeros((3, CLASSES))

    def add(self, z: Floats, kinds: Classes, q: Indices) -> None:
        """Coefficients of one tensor in steps, and the indices chosen."""
        which = kernels.coefficient_contexts(q, kinds, self.expected).astype(np.int64)
        places = (2 * which + kernels.trellis_quantizers(q)) * self.sizes.shape[1]
        places += np.minimum(np.abs(q), PLACES)
        counted = np.bincount(places.ravel(), minlength=self.sizes.size)
        self.sizes += counted.reshape(self.sizes.shape)
        y = dequantize(q, 0.0)
        flat = kinds.ravel()
        self.power += np.bincount(flat, (z * z).ravel(), CLASSES)
        self.kept += np.bincount(flat, (z * y).ravel(), CLASSES)
        self.coded += np.bincount(flat, (z * np.sign(y)).ravel(), CLASSES)

    def lift(self) -> NDArray[np.int8]:
        """What makes up for the energy lost: y = q + lift · sign q with E[y z] = E[z²]."""
        lost = (self.power - self.kept) / np.maximum(self.coded, 1e-9)
        return np.asarray(np.rint(LIFT * lost.clip(0, _HIGHEST)).astype(np.int8))

    def states(self) -> tuple[Words, NDArray[np.uint8]]:
        """Initial states, and how firmly they stand: (classes, liveliness, quantiser, place)."""
        sizes = self.sizes.reshape(CLASSES, CONTEXTS, 2, -1)
        reached = sizes[..., ::-1].cumsum(-1)[..., ::-1]  # of at least that size
        bins, ones = reached[..., :-1], reached[..., 1:]
        kind = (ones.sum(1) + 0.5) / (bins.sum(1) + 1)
        share = (ones + _PRIOR * kind[:, None]) / (bins + _PRIOR)
        states = np.rint(65536 * share).clip(1, 65535).astype(np.uint16)
        return states, np.minimum(bins, 63).astype(np.uint8)


def _expected(spectra: Floats, steps: list[float], kinds: list[Classes]) -> Words:
    """The mean magnitude of each class, in 1/64 steps."""
    sums, held = np.zeros(CLASSES), np.zeros(CLASSES)
    for step, kind in zip(steps, kinds, strict=True):
        sizes = np.abs(np.rint(spectra / step)).sum(0)
        sums += np.bincount(kind.ravel(), sizes.ravel(), CLASSES)
        held += len(spectra) * np.bincount(kind.ravel(), minlength=CLASSES)
    return np.rint(ONE * sums / np.maximum(held, 1)).clip(0, 65535).astype(np.uint16)
