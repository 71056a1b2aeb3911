"""A second decoder of residuals of `ftc`, written from docs/bitstream.md alone and in its order.

Plain Python, and NumPy for matrices; it takes nothing from the package but what a profile holds.
"""

from dataclasses import dataclass, field
from math import exp
from typing import Any

import numpy as np

Pair = tuple[int, int]
Arrays = dict[str, np.ndarray]


class DamageError(Exception):
    """The bytes are none of an encoder's."""


# Blocks


def lengths(n: int) -> list[int]:
    """Of the blocks along a side."""
    r = 1 if n <= 8 else round(n / 4)
    made = [n // r] * r
    turns = [i // 2 if i % 2 == 0 else r - 1 - i // 2 for i in range(r)]
    for block in turns[: n % r]:
        made[block] += 1
    return made


@dataclass
class Grid:
    down: list[int]
    across: list[int]

    def __post_init__(self) -> None:
        self.blocks = [(i, j) for i in range(len(self.down)) for j in range(len(self.across))]
        self.order = sorted(
            ((u, v, i, j) for i, j in self.blocks for u in range(self.down[i])
             for v in range(self.across[j])),
            key=lambda at: (at[0] + at[1], at[0], at[2], at[3]),
        )  # fmt: skip

    def frequency(self, u: int, v: int) -> int:
        return u * max(self.across) + v

    def begin(self, i: int, j: int) -> Pair:
        return sum(self.down[:i]), sum(self.across[:j])


def octave(u: int, v: int) -> int:
    return min(max(u, v), 2)


# The range coder, odds and mixing


class Decoder:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.range = data, 6, 2**48
        self.code = int.from_bytes(data[:6].ljust(6, b"\0"), "big")

    def bin(self, p: int) -> int:
        part = self.range // 65536 * p
        one = self.code < part
        if one:
            self.range = part
        else:
            self.range, self.code = self.range - part, self.code - part
        self._refill()
        return int(one)

    def bits(self, n: int) -> int:
        self.range //= 2**n
        value = min(self.code // self.range, 2**n - 1)
        self.code -= value * self.range
        self._refill()
        return value

    def number(self) -> int:
        """As many ones as it has bits below its first, a zero, and those bits."""
        n = 0
        while self.bits(1):
            n += 1
            if n == 15:
                raise DamageError
        return 2**n + (self.bits(n) if n else 0)

    def _refill(self) -> None:
        if self.range < 2**32:
            word = self.data[self.at : self.at + 2].ljust(2, b"\0")
            self.range, self.at = self.range * 65536, self.at + 2
            self.code = self.code * 65536 + int.from_bytes(word, "big")

    def check_end(self) -> None:
        more = len(self.data) - (self.at - 6)
        if not 0 <= more <= 6 or (more and self.data[-1] == 0):
            raise DamageError


@dataclass
class Context:
    p: int
    seen: int = 0

    def learn(self, one: int) -> None:
        aim = 65519 if one else 16
        self.p += (aim - self.p) * (655360 // (10 * self.seen + 16)) // 65536
        self.seen = min(self.seen + 1, 48)


T = [min(round(65536 / (1 + exp(-i / 8))), 65512) for i in range(97)]


def odds(logit: int) -> int:
    a, b = divmod(abs(logit), 32)
    p = (T[a] * (32 - b) + T[a + 1] * b) // 32
    return 65536 - p if logit < 0 else p


LOGITS: list[int] = []
for _reached in range(4096):
    _logit = LOGITS[-1] if LOGITS else -3071
    while _logit < 3071 and odds(_logit) < 16 * _reached + 8:
        _logit += 1
    LOGITS.append(_logit)


def mixed_bin(coder: Decoder, contexts: list[Context], weights: list[int]) -> int:
    logits = [LOGITS[context.p // 16] for context in contexts]
    total = sum(w * logit for w, logit in zip(weights, logits, strict=True)) // 65536
    p = odds(max(-3071, min(total, 3071)))
    one = coder.bin(p)
    e = 65536 * one - p
    for i, logit in enumerate(logits):
        weights[i] = max(-(2**20), min(weights[i] + (logit * e + 16384) // 32768, 2**20))
        contexts[i].learn(one)
    return one


# The model, moves and indices


@dataclass
class Model:
    expected: np.ndarray
    contexts: list[list[Context]] = field(default_factory=list)
    before: dict[Any, int] = field(default_factory=dict)  # by component and place
    lately: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.contexts = [[Context(p) for _ in range(2016)] for p in (3277, 19661, 19661)]
        for k in range(24):
            x = float(self.expected[k]) / 128
            p = max(32, min(round(65536 * x / (1 + x)), 58982))
            self.contexts[0][3 * k : 3 * k + 3] = [Context(p, 6) for _ in range(3)]
        self.weights = [[23000] * 6 for _ in range(9)]
        self.moves = [Context(32768) for _ in range(23)]


def moves(coder: Decoder, contexts: list[Context], grid: Grid) -> dict[Pair, tuple[int, Pair]]:
    """Source and vector of each block."""

    def bin_in(number: int) -> int:
        one = coder.bin(contexts[number].p)
        contexts[number].learn(one)
        return one

    found = dict.fromkeys(grid.blocks, (0, (0, 0)))
    if not bin_in(0):
        return found
    for i, j in grid.blocks:
        strange = sum(found.get(at, (0,))[0] > 0 for at in ((i, j - 1), (i - 1, j)))
        source = bin_in(1 + strange)
        source += bin_in(4) if source else 0
        vector = [0, 0]
        for axis in range(2 if source < 2 else 0):
            size = 0
            while size < 8 and bin_in(5 + 9 * axis + size):
                size += 1
            negative = size and coder.bits(1)
            size = 7 + coder.number() if size == 8 else size
            near = [
                found[at][1][axis] if at in found else 0
                for at in ((i, j - 1), (i - 1, j), (i - 1, j + 1))
            ]
            due = near[0] if i == 0 else sorted(near)[1]
            vector[axis] = due + (-size if negative else size)
            if abs(vector[axis]) > 255:
                raise DamageError
        found[i, j] = source, (vector[0], vector[1])
    return found


def level_of(x: int) -> int:
    return sum(x >= limit for limit in (16, 48, 96, 160, 256, 448, 768, 1536))


def indices(coder: Decoder, model: Model, grid: Grid, kinds: list[dict[Pair, int]]) -> list[Any]:
    """Of each component, by place (u, v, i, j)."""
    coded = coder.bits(len(kinds).bit_length())
    if coded > len(kinds):
        raise DamageError
    m = dict.fromkeys(grid.order, 0)
    found = []
    for c, of_class in enumerate(kinds):
        now: dict[Any, int] = {}
        values = dict.fromkeys(grid.order, 0)
        for at in grid.order if c < coded else ():
            contexts = contexts_of(c, at, of_class[at[:2]], now, m, model)
            values[at] = index(coder, contexts, model, octave(*at[:2]))
            now[at] = min(abs(values[at]), 255)
            m[at] += (64 * now[at] - m[at]) // 8
        for at, q in values.items():
            model.before[c, at] = min(abs(q), 255)
            lately = model.lately.get((c, at), 0)
            model.lately[c, at] = lately + (256 * min(q * q, 16) - lately) * 51 // 256
        found.append(values)
    return found


def contexts_of(
    c: int, at: Any, k: int, now: dict[Any, int], m: dict[Any, int], model: Model
) -> list[int]:
    u, v, i, j = at
    left, above, right, below = (
        (u, v, i + down, j + across) for down, across in ((0, -1), (-1, 0), (0, 1), (1, 0))
    )
    diagonal = now.get((u, v, i - 1, j - 1), 0) + now.get((u, v, i - 1, j + 1), 0)
    lower = [(u - 1, v), (u, v - 1), (u - 1, v - 1), (u - 2, v), (u, v - 2)]
    then = sum(model.before.get((c, place), 0) for place in (at, at, right, below))
    then += now.get(left, 0) + now.get(above, 0)
    s = level_of(32 * (2 * now.get(left, 0) + 2 * now.get(above, 0) + diagonal))
    f = level_of(64 * sum(now.get((*pair, i, j), 0) for pair in lower))
    a = level_of(2 * sum(m.get((*pair, i, j), 0) for pair in lower))
    e, b = level_of(4 * m[at]), level_of(64 * then)
    late, o = level_of(2 * model.lately.get((c, at), 0)), octave(u, v)
    return [
        3 * k + o,
        72 + 3 * (9 * s + e) + o,
        315 + 3 * (9 * f + a) + o,
        558 + 3 * (9 * e + b) + o,
        801 + 3 * (9 * b + late) + o,
        1044 + 9 * (12 * late + k // 2) + s,
    ]


def index(coder: Decoder, contexts: list[int], model: Model, o: int) -> int:
    size, one = 0, 1
    while one and size < 14:
        stage = min(size, 2)
        these = [model.contexts[stage][number] for number in contexts]
        one = mixed_bin(coder, these, model.weights[3 * stage + o])
        size += one
    negative = size and coder.bits(1)
    size = 13 + coder.number() if size == 14 else size
    if size > 32767:
        raise DamageError
    return -size if negative else size


# Reconstruction


@dataclass
class Residuals:
    """A sequence, from the integers of a stream that stands alone on."""

    arrays: Arrays
    last: np.ndarray

    def __post_init__(self) -> None:
        _, height, width = self.last.shape
        self.long_ago, self.age = self.last, 0
        self.grid = Grid(lengths(height), lengths(width))
        self.model = Model(self.arrays["expected"])

    def decode(self, payload: bytes) -> np.ndarray:
        """The integers of the next map."""
        scales = self.arrays["block_scales"]
        level = int(self.arrays["level"][0]) + 50 - payload[0]
        pairs = sorted({at[:2] for at in self.grid.order})
        kinds = [
            {
                pair: max(0, min((int(row[self.grid.frequency(*pair)]) - level + 48) // 4, 23))
                for pair in pairs
            }
            for row in scales
        ]
        coder = Decoder(payload[1:])
        found = moves(coder, self.model.moves, self.grid)
        q = indices(coder, self.model, self.grid, kinds)
        coder.check_end()
        self.last = (self.foretold(found) + self.residual(q, level)).clip(-(2**27), 2**27)
        self.age += 1
        if self.age == 32:
            self.long_ago, self.age = self.last, 0
        return self.last

    def foretold(self, found: dict[Pair, tuple[int, Pair]]) -> np.ndarray:
        made = np.zeros_like(self.last)
        _, height, width = made.shape
        for (i, j), (source, vector) in found.items():
            top, begin = self.grid.begin(i, j)
            for y in range(top, top + self.grid.down[i]) if source < 2 else ():
                for x in range(begin, begin + self.grid.across[j]):
                    total = np.zeros(len(made), np.int64)
                    for below in (0, 1):
                        for right in (0, 1):
                            weight = abs(1 - below - vector[0] % 4 / 4) * 4
                            weight *= abs(1 - right - vector[1] % 4 / 4) * 4
                            row = max(0, min(y + vector[0] // 4 + below, height - 1))
                            column = max(0, min(x + vector[1] // 4 + right, width - 1))
                            map_ = (self.last, self.long_ago)[source]
                            total += int(weight) * map_[:, row, column]
                    made[:, y, x] = (total + 8) // 16
        return made

    def residual(self, q: list[Any], level: int) -> np.ndarray:
        basis, gain = self.arrays["block_basis"], self.arrays["block_gain"]
        step = eighth(level % 8) * 2.0 ** (level // 8)
        made = np.zeros(self.last.shape)
        largest = max(made.shape)
        bits = 27 if largest <= 2048 else 38 - (largest - 1).bit_length()
        for u, v, i, j in self.grid.order:
            top, begin = self.grid.begin(i, j)
            known = [
                q[c][u, v, i, j] * step * float(gain[c, self.grid.frequency(u, v)])
                for c in range(len(q))
            ]
            column = basis[octave(u, v)].astype(np.int64) @ settled(np.array(known), 0, bits)
            made[:, top + u, begin + v] = settled(column, 15, bits)
        made = made.astype(np.int64)
        down, across = (transform(sizes) for sizes in (self.grid.down, self.grid.across))
        maps = settled(np.einsum("uy,cuv->cyv", down, made), 14, bits)
        return settled(np.einsum("cyv,vx->cyx", maps, across), 14, bits)


def eighth(part: int) -> float:
    """2 to the power of eighths, to the digits that the codec's table has."""
    return float(np.exp2(part / 8))


def settled(numbers: np.ndarray, less: int, bits: int) -> np.ndarray:
    """Divided by a power of two, rounded half to even, clipped."""
    return np.rint(numbers / 2.0**less).clip(-(2.0**bits), 2.0**bits).astype(np.int64)


def transform(sizes: list[int]) -> np.ndarray:
    """The DCT-II of each block along the diagonal, times 2**14."""
    made, begin = np.zeros((sum(sizes), sum(sizes)), np.int64), 0
    for n in sizes:
        u, x = np.arange(n)[:, None], np.arange(n)
        cosines = np.cos(np.pi * (2 * x + 1) * u / (2 * n)) * np.sqrt(np.where(u, 2, 1) / n)
        made[begin : begin + n, begin : begin + n] = np.rint(cosines * 2**14)
        begin += n
    return made
