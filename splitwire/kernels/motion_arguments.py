"""What the functions of motion take: the checks that the compiled ones and their twins share."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.residual_arguments import FARTHEST, Coefficients, Integers, checked_moves

LANES = 8
Maps = npt.NDArray[np.float32]


def maps(*given: npt.ArrayLike) -> Iterator[Maps]:
    """Leading components of maps of one shape."""
    arrays = [np.asarray(array) for array in given]
    shape = arrays[0].shape
    for array in arrays:
        if array.dtype != np.float32 or array.shape != shape:
            raise ValueError(f"a map is {array.dtype} of shape {array.shape}; expected float32")
    if len(shape) != 3 or not arrays[0].size or shape[2] % LANES:
        raise ValueError(f"maps have shape {shape}; expected (H, W, D), D a multiple of {LANES}")
    return map(np.ascontiguousarray, arrays)


def integers(*given: npt.ArrayLike) -> Iterator[Integers]:
    """Maps of integers, of one shape."""
    arrays = [np.asarray(array) for array in given]
    for array in arrays:
        if array.dtype != np.int32 or array.ndim != 3 or array.shape != arrays[0].shape:
            raise ValueError(
                f"a map is {array.dtype} of shape {array.shape}; expected int32 (C, H, W)"
            )
    if not arrays[0].size:
        raise ValueError("maps are empty")
    return map(np.ascontiguousarray, arrays)


def edges(given: npt.ArrayLike, size: int) -> Integers:
    """Where blocks begin on an axis of that size, and its end."""
    array = np.ascontiguousarray(given, np.int32)
    if array.ndim != 1 or array.size < 2 or array[0] != 0 or array[-1] != size:
        raise ValueError(f"blocks begin at {array.tolist()}; expected 0, …, {size}")
    if np.any(np.diff(array) < 1):
        raise ValueError(f"blocks begin at {array.tolist()}; expected to rise")
    return array


def farthest(reach: int, shape: tuple[int, int]) -> tuple[int, int]:
    """How far a vector goes down and across, in quarters: beyond a map all is like its edge."""
    steps = arguments.integer(reach, "reach")
    if not 0 <= steps <= FARTHEST // 4:
        raise ValueError(f"reach is {steps}; expected 0 to {FARTHEST // 4}")
    return 4 * min(steps, shape[0] - 1), 4 * min(steps, shape[1] - 1)


def moves(
    vectors: npt.ArrayLike, sources: npt.ArrayLike, grid: tuple[int, int]
) -> tuple[Coefficients, Codes]:
    """A vector and a source for each block."""
    return checked_moves(vectors, sources, grid)
