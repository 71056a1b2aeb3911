"""What the coder of residuals takes: the checks that the compiled functions and twins share."""

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments
from splitwire.kernels.arguments import Codes

Coefficients = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint16]

CLASSES = 24
LEVELS = 9  # in which a sum of magnitudes is told
OCTAVES = 3
SIZES = (  # of the contexts of each input
    CLASSES * OCTAVES,
    *[LEVELS * LEVELS * OCTAVES] * 4,
    LEVELS * LEVELS * CLASSES // 2,
)
PLACES = 14  # bins of a magnitude that are mixed; beyond is Exp-Golomb
STAGES = 3  # the first bin, the second, and all others
MOVES = 23  # contexts of vectors and sources
NEAR = 12  # columns of `places`
LARGEST = 32000  # steps
FARTHEST = 255  # quarter positions
SETTLED = 48  # bins after which a context follows at an even pace
HEAVIEST = 1 << 20  # weight
LAST, LONG, BLANK = 0, 1, 2  # sources of a block's prediction


@dataclass(frozen=True, eq=False)
class Model:
    """What a coder of residuals has seen. It is never changed: coding gives a new one.

    Attributes:
        contexts: uint16 (3, 2016, 2), probability in 1/65536 and bins behind it, by stage.
        weights: int32 (9, 6) of the inputs, in 1/65536, by stage and octave.
        moves: uint16 (23, 2), as contexts, for vectors and sources.
        before: uint8 (K, P), magnitudes of the residual before, to 255.
        lately: uint16 (K, P), the running mean of their squares up to 16, in 1/256.
    """

    contexts: Words
    weights: Integers
    moves: Words
    before: Codes
    lately: Words

    def copy(self) -> "Model":
        """One that can be changed."""
        return Model(*(array.copy() for array in vars(self).values()))


def checked_model(model: Model, components: int, places: int) -> Model:
    """A copy of a model for that many components and places; ValueError if it is none of those."""
    shapes = {
        "contexts": ((STAGES, sum(SIZES), 2), np.uint16),
        "weights": ((STAGES * OCTAVES, len(SIZES)), np.int32),
        "moves": ((MOVES, 2), np.uint16),
        "before": ((components, places), np.uint8),
        "lately": ((components, places), np.uint16),
    }
    for name, (shape, dtype) in shapes.items():
        array = getattr(model, name)
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f"model.{name} is {array.dtype} of shape {array.shape}; "
                f"expected {np.dtype(dtype)} of {shape}"
            )
    seen = max(model.contexts[..., 1].max(), model.moves[:, 1].max())
    weights = model.weights.astype(np.int64)
    if seen > SETTLED or not model.moves[:, 0].all() or np.abs(weights).max() > HEAVIEST:
        raise ValueError("model holds numbers that no coder leaves in one")
    return model.copy()


def checked_grid(grid: tuple[int, int]) -> tuple[int, int]:
    """How many blocks there are down and across."""
    rows, columns = grid
    if min(rows, columns) < 1:
        raise ValueError(f"grid is {rows, columns}; expected at least one block")
    return rows, columns


def checked_places(places: npt.ArrayLike) -> Integers:
    """For each place, in coding order, its octave and 11 places near it, or their count."""
    table = np.ascontiguousarray(places, np.int32)
    if table.ndim != 2 or table.shape[1] != NEAR or not len(table):
        raise ValueError(f"places has shape {table.shape}; expected (P, {NEAR}), not empty")
    if table.min() < 0 or table[:, 0].max() >= OCTAVES or table[:, 1:].max() > len(table):
        raise ValueError("places holds an octave above 2, or a place that there is not")
    return table


def checked_kinds(kinds: npt.ArrayLike, places: Integers) -> Codes:
    """The class of each coefficient, (K, P)."""
    array = arguments.codes(kinds, "kinds")
    if array.ndim != 2 or array.shape[1] != len(places) or not 0 < len(array) < 1 << 16:
        raise ValueError(
            f"kinds has shape {array.shape}; expected (K, {len(places)}), K from 1 to 65535"
        )
    if array.max() >= CLASSES:
        raise ValueError(f"kinds holds {array.max()}; there are {CLASSES} classes")
    return np.ascontiguousarray(array)


def checked_residual(z: npt.ArrayLike, kinds: Codes) -> npt.NDArray[np.float32]:
    """Coefficients in steps, (K, P)."""
    array = np.asarray(z)
    if array.dtype != np.float32 or array.shape != kinds.shape:
        raise ValueError(
            f"z is {array.dtype} of shape {array.shape}; expected float32 of {kinds.shape}"
        )
    return np.ascontiguousarray(np.nan_to_num(array).clip(-LARGEST, LARGEST))


def checked_moves(
    vectors: npt.ArrayLike, sources: npt.ArrayLike, grid: tuple[int, int]
) -> tuple[Coefficients, Codes]:
    """A vector and a source for each block of a grid."""
    rows, columns = checked_grid(grid)
    count = rows * columns
    which, ways = np.asarray(vectors), arguments.codes(sources, "sources")
    if which.dtype != np.int16 or which.shape != (count, 2) or ways.shape != (count,):
        raise ValueError(
            f"vectors is {which.dtype} of shape {which.shape}, sources of {ways.shape}; expected "
            f"int16 ({count}, 2) and uint8 ({count},)"
        )
    if np.abs(which.astype(int)).max() > FARTHEST or ways.max() > BLANK:
        raise ValueError(f"vectors go beyond {FARTHEST}, or a source beyond {BLANK}")
    known = np.where(ways[:, None] == BLANK, 0, which).astype(np.int16)
    return known, np.ascontiguousarray(ways)


def most_calls(z: npt.NDArray[np.float32], blocks: int) -> int:
    """How often the range coder is called, at most."""
    sizes = np.floor(np.abs(z) + np.float32(0.5))
    escapes = int(np.count_nonzero(sizes >= PLACES)) * 34
    return int(np.minimum(sizes, PLACES).sum()) + 2 * sizes.size + escapes + 64 * blocks + 64


def refuse() -> NoReturn:
    """Say that bytes are no stream of residuals."""
    raise ValueError("buffer is no stream of residuals of these classes")


def bytes_of(buffer: Any) -> Codes:
    """A stream's bytes."""
    return arguments.packed_array(buffer)
