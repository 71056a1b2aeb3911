"""The plain Python twin of the coder of residuals: the same streams, in exact integers.

What each function takes, gives and raises is told by the docstring of its compiled twin; what a
context is, by `_residuals.pyx`.
"""

from bisect import bisect_right
from itertools import accumulate
from math import log2
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import residual_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.reference_mix import Bin, Context
from splitwire.kernels.reference_moves import decode_moves, encode_moves
from splitwire.kernels.reference_range import Decoder, Encoder
from splitwire.kernels.residual_arguments import (
    CLASSES,
    LEVELS,
    OCTAVES,
    PLACES,
    SIZES,
    Coefficients,
    Integers,
    Model,
)

_ONE = 64  # unit of what fades
_FADE = 3
_POWER = 16
_LEAST = 0.75
_THRESHOLDS = (16, 48, 96, 160, 256, 448, 768, 1536)
_BEGINS = (0, *accumulate(SIZES))  # of each input's contexts
_PRICES = [float(np.float32(-log2((p + 0.5) / 4096))) for p in range(4096)]


def residuals_encode(
    z: npt.ArrayLike,
    vectors: npt.ArrayLike,
    sources: npt.ArrayLike,
    grid: tuple[int, int],
    kinds: npt.ArrayLike,
    places: npt.ArrayLike,
    model: Model,
    tradeoff: float,
) -> tuple[Codes, Coefficients, Model]:
    """Choose the magnitudes that cost least and code them."""
    table = arguments.checked_places(places)
    kinds = arguments.checked_kinds(kinds, table)
    z = arguments.checked_residual(z, kinds)
    ways, origins = arguments.checked_moves(vectors, sources, grid)
    scan = _Scan(arguments.checked_model(model, *kinds.shape), kinds, table)
    q, coder = np.zeros(z.shape, np.int16), Encoder()
    encode_moves(coder, scan.moves, ways.tolist(), origins.tolist(), grid[1])
    live = np.flatnonzero((np.abs(z) >= _LEAST).any(1))
    reached = int(live[-1]) + 1 if live.size else 0
    coder.code_bits(reached, len(z).bit_length())
    for k in range(reached):
        scan.begin()
        for p in range(len(table)):
            which = scan.which(k, p)
            size = _choose(scan, which, p, abs(float(z[k, p])), tradeoff)
            q[k, p] = -size if z[k, p] < 0 else size
            _encode(coder, scan, which, p, int(q[k, p]))
            scan.keep(k, p, size)
    scan.rest(reached)
    return coder.finish(), q, scan.model()


def residuals_decode(
    buffer: Any, grid: tuple[int, int], kinds: npt.ArrayLike, places: npt.ArrayLike, model: Model
) -> tuple[Coefficients, Coefficients, Codes, Model]:
    """Decode what `residuals_encode` made with this grid, these kinds and places, and model."""
    table = arguments.checked_places(places)
    kinds = arguments.checked_kinds(kinds, table)
    rows, columns = arguments.checked_grid(grid)
    scan = _Scan(arguments.checked_model(model, *kinds.shape), kinds, table)
    coder, q = Decoder(arguments.bytes_of(buffer).tobytes()), np.zeros(kinds.shape, np.int16)
    vectors, sources = decode_moves(coder, scan.moves, rows * columns, columns)
    reached = coder.code_bits(len(kinds).bit_length())
    if reached > len(kinds):
        arguments.refuse()
    for k in range(reached):
        scan.begin()
        for p in range(len(table)):
            value = _decode(coder, scan, scan.which(k, p), p)
            if abs(value) > 32767 or coder.ran_out():
                arguments.refuse()
            q[k, p] = value
            scan.keep(k, p, abs(value))
    scan.rest(reached)
    if not coder.ends_well():
        arguments.refuse()
    ways = np.array(vectors, np.int16).reshape(-1, 2)
    return q, ways, np.array(sources, np.uint8), scan.model()


class _Scan:
    """A model as it learns, and the component at hand; place P is the one that is always empty."""

    def __init__(self, model: Model, kinds: Codes, places: Integers) -> None:
        self.contexts: list[list[Context]] = model.contexts.tolist()
        self.weights: list[list[int]] = model.weights.tolist()
        self.moves: list[Context] = model.moves.tolist()
        self.before: list[list[int]] = np.pad(model.before, ((0, 0), (0, 1))).tolist()
        self.lately: list[list[int]] = model.lately.tolist()
        self.kinds: list[list[int]] = kinds.tolist()
        self.places: list[list[int]] = places.tolist()
        self.fading = [0] * (len(places) + 1)
        self.begin()

    def begin(self) -> None:
        """At the next component."""
        self.now = [0] * len(self.fading)

    def which(self, k: int, p: int) -> list[int]:
        """The six contexts of a coefficient, without their stage."""
        octave, left, above, *diagonal, right, below = self.places[p][:7]
        lower, kind = self.places[p][7:], self.kinds[k][p]
        around = 2 * (self.now[left] + self.now[above]) + sum(self.now[at] for at in diagonal)
        # On the left and above, `before` is of this residual already.
        past = sum(self.before[k][at] for at in (p, p, left, above, right, below))
        space, others = _level(_ONE // 2 * around), _level(4 * self.fading[p])
        then, lately = _level(_ONE * past), _level(2 * self.lately[k][p])
        met = _level(_ONE * sum(self.now[at] for at in lower))
        active = _level(2 * sum(self.fading[at] for at in lower))
        pairs = (space, others), (met, active), (others, then), (then, lately)
        found = [
            kind * OCTAVES + octave,
            *((one * LEVELS + other) * OCTAVES + octave for one, other in pairs),
            (lately * (CLASSES // 2) + kind // 2) * LEVELS + space,
        ]
        return [begin + at for begin, at in zip(_BEGINS, found, strict=False)]

    def bin(self, which: list[int], p: int, place: int) -> Bin:
        """What the contexts make of a bin of a magnitude."""
        stage = min(place, 2)
        contexts = [self.contexts[stage][at] for at in which]
        return Bin(contexts, self.weights[stage * OCTAVES + self.places[p][0]])

    def keep(self, k: int, p: int, size: int) -> None:
        """Remember a magnitude."""
        met = min(size, 255)
        self.now[p] = self.before[k][p] = met
        self.fading[p] += (met * _ONE - self.fading[p]) >> _FADE
        self.lately[k][p] += ((min(size * size, _POWER) << 8) - self.lately[k][p]) * 51 >> 8

    def rest(self, reached: int) -> None:
        """Components from there on are zero throughout."""
        for k in range(reached, len(self.before)):
            self.before[k] = [0] * len(self.before[k])
            self.lately[k] = [mean + (-mean * 51 >> 8) for mean in self.lately[k]]

    def model(self) -> Model:
        """What it has learnt."""
        return Model(
            np.array(self.contexts, np.uint16),
            np.array(self.weights, np.int32),
            np.array(self.moves, np.uint16),
            np.array(self.before, np.uint8)[:, :-1].copy(),
            np.array(self.lately, np.uint16),
        )


def _level(total: int) -> int:
    return bisect_right(_THRESHOLDS, total)


def _choose(scan: _Scan, which: list[int], p: int, x: float, tradeoff: float) -> int:
    """The magnitude that costs least."""
    top = int(x + 0.5)
    if top == 0 or top >= PLACES:
        return top
    odds = [scan.bin(which, p, place).p for place in range(min(top + 1, PLACES))]
    best, told = 0, 0.0
    cheapest = x * x + tradeoff * _PRICES[(65536 - odds[0]) >> 4]
    for size in range(1, top + 1):
        told += _PRICES[odds[size - 1] >> 4]
        bits = told + 1
        if size < PLACES:
            bits += _PRICES[(65536 - odds[size]) >> 4]
        cost = (x - size) * (x - size) + tradeoff * bits
        if size >= top - 2 and cost < cheapest:
            cheapest, best = cost, size
    return best


def _encode(coder: Encoder, scan: _Scan, which: list[int], p: int, value: int) -> None:
    size = abs(value)
    for place in range(min(size + 1, PLACES)):
        mixed = scan.bin(which, p, place)
        mixed.learn(coder.code_odds(mixed.p, int(size > place)))
    if size:
        coder.code_bits(int(value < 0), 1)
    if size >= PLACES:
        coder.code_number(size - PLACES + 1)


def _decode(coder: Decoder, scan: _Scan, which: list[int], p: int) -> int:
    size, more = 0, 1
    while more and size < PLACES:
        mixed = scan.bin(which, p, size)
        more = coder.code_odds(mixed.p)
        mixed.learn(more)
        size += more
    if not size:
        return 0
    negative = coder.code_bits(1)
    if size == PLACES:
        size += coder.code_number() - 1
    return -size if negative else size
