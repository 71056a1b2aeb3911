"""The NumPy twin of block motion: the same maps, and the same search up to the rounding of costs.

What each function takes, gives and raises is told by the docstring of its compiled twin.
"""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

from splitwire.kernels import motion_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.motion_arguments import Maps
from splitwire.kernels.reference_moves import Vectors, foreseen
from splitwire.kernels.residual_arguments import BLANK, LAST, LONG, Coefficients, Integers

_STRANGE = 3.0  # bits of another source than the last map
_CLIP = 255.0

Block = tuple[slice, slice]
Move = tuple[int, int]


def motion_search(
    now: npt.ArrayLike,
    last: npt.ArrayLike,
    before: npt.ArrayLike,
    rows: npt.ArrayLike,
    columns: npt.ArrayLike,
    reach: int,
) -> tuple[Coefficients, Codes]:
    """For each block, from where and how far moved it is foretold best."""
    here, newest, old = arguments.maps(now, last, before)
    tops, lefts = arguments.edges(rows, here.shape[0]), arguments.edges(columns, here.shape[1])
    farthest = arguments.farthest(reach, here.shape[:2])
    across = len(lefts) - 1
    vectors: Vectors = []
    sources: list[int] = []
    for at, block in enumerate(_blocks(tops, lefts)):
        vectors.append([0, 0])
        due = foreseen(vectors, at, across, 0), foreseen(vectors, at, across, 1)
        search = _Search(here, newest, block, due, farthest)
        cost, move = search.found()
        source = LAST
        still = _STRANGE + motion_cost(here, old, block, (0, 0)) + 2
        if still < cost:
            cost, move, source = still, (0, 0), LONG
        if _STRANGE + motion_cost(here, None, block, (0, 0)) < cost:
            move, source = (0, 0), BLANK
        vectors[-1] = list(move)
        sources.append(source)
    return np.array(vectors, np.int16), np.array(sources, np.uint8)


def motion_move(
    last: npt.ArrayLike,
    before: npt.ArrayLike,
    vectors: npt.ArrayLike,
    sources: npt.ArrayLike,
    rows: npt.ArrayLike,
    columns: npt.ArrayLike,
) -> Integers:
    """A map foretold block by block."""
    newest, old = arguments.integers(last, before)
    _, height, width = newest.shape
    tops, lefts = arguments.edges(rows, height), arguments.edges(columns, width)
    ways, origins = arguments.moves(vectors, sources, (len(tops) - 1, len(lefts) - 1))
    out = np.zeros_like(newest)
    for block, way, origin in zip(_blocks(tops, lefts), ways.tolist(), origins, strict=True):
        if origin == BLANK:
            continue
        wide = (newest if origin == LAST else old).astype(np.int64)
        total = sum(weight * wide[:, y, x] for weight, y, x in _corners(wide.shape[1:], block, way))
        out[:, *block] = (total + 8) >> 4
    return out


def motion_cost(now: Maps, before: Maps | None, block: Block, move: Move) -> float:
    """Bits, roughly, of a block's residual; None foretells zero."""
    residual = now[block].astype(np.float64)
    if before is not None:
        for weight, y, x in _corners(before.shape[:2], block, move):
            residual = residual - weight / 16 * before[y, x]
    return float(np.log2(1 + np.fmin(np.abs(residual), _CLIP)).sum())


def _blocks(tops: Integers, lefts: Integers) -> list[Block]:
    """Rows and columns of each."""
    down, across = (
        [slice(*pair) for pair in zip(edges.tolist(), edges.tolist()[1:], strict=False)]
        for edges in (tops, lefts)
    )
    return list(product(down, across))


def _corners(
    shape: tuple[int, ...], block: Block, move: Move
) -> list[tuple[int, Integers, Integers]]:
    """The four positions between which each of a moved block lies, with weights in 1/16."""
    found = []
    (down, below), (across, right) = divmod(move[0], 4), divmod(move[1], 4)
    for i, j in np.ndindex(2, 2):
        y = np.arange(block[0].start, block[0].stop, dtype=np.int32) + down + i
        x = np.arange(block[1].start, block[1].stop, dtype=np.int32) + across + j
        weight = (below if i else 4 - below) * (right if j else 4 - right)
        y, x = y.clip(0, shape[0] - 1), x.clip(0, shape[1] - 1)
        found.append((weight, y[:, None], x))
    return found


@dataclass
class _Search:
    """What is found for a block: whole positions first, then halves and quarters about the best."""

    now: Maps
    last: Maps
    block: Block
    due: Move
    farthest: Move
    best: tuple[float, Move] = field(default=(1e300, (0, 0)))

    def found(self) -> tuple[float, Move]:
        """The cost and the vector."""
        self._attempt(self.due)
        rows, columns = (range(-most, most + 1, 4) for most in self.farthest)
        for move in product(rows, columns):
            self._attempt(move)
        for step in (2, 1):
            down, across = self.best[1]
            for i, j in product((-step, 0, step), repeat=2):
                self._attempt((down + i, across + j))
        return self.best

    def _attempt(self, move: Move) -> None:
        if abs(move[0]) > self.farthest[0] or abs(move[1]) > self.farthest[1]:
            return
        bits = sum(_bits(way - due) for way, due in zip(move, self.due, strict=True))
        if bits < self.best[0]:
            cost = bits + motion_cost(self.now, self.last, self.block, move)
            self.best = min(self.best, (cost, move), key=lambda pair: pair[0])


def _bits(off: int) -> float:
    """About those of a vector's component."""
    return 2 * (abs(off).bit_length() - 1) + 3 if off else 1
