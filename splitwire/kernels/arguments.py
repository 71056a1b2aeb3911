"""What the kernels take: the checks that the compiled functions and their NumPy twins share.

Each function turns what a caller passed into what a kernel's body relies on (a contiguous,
aligned, non-empty array of the right dtype; an output that fits) or raises TypeError or ValueError
with one line that says what was wrong and what was expected. The ranges of a quantiser have a
file of their own, `ranges.py`.
"""

import operator
from collections.abc import Sequence
from math import isqrt
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Shape = tuple[int, ...]
Sample = TypeVar("Sample", np.float32, np.uint8)

FLOAT32 = np.dtype(np.float32)
UINT8 = np.dtype(np.uint8)


def features(x: npt.ArrayLike) -> Features:
    """`x` as a C-contiguous float32 array of rank one or more; copied only if it has to be."""
    array = np.asarray(x)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"x has shape {array.shape}; expected at least one axis and one element")
    if array.dtype == FLOAT32 and (flags := array.flags).c_contiguous and flags.aligned:
        return array
    if array.dtype.kind not in "fiu":
        raise TypeError(f"x has dtype {array.dtype}; expected real numbers, best float32")
    with np.errstate(all="ignore"):  # a float64 beyond float32 becomes an infinity, as it should
        return array.astype(FLOAT32, order="C")


def codes(q: npt.ArrayLike, name: str = "q") -> Codes:
    """`q` as a C-contiguous uint8 array that is not empty; copied only if it has to be."""
    array = uint8_array(q, name)
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; expected at least one element")
    return array if array.flags.c_contiguous else array.copy(order="C")


def uint8_array(q: npt.ArrayLike, name: str) -> Codes:
    """`q` as an array whose dtype was uint8 already: rounding is the caller's to choose."""
    array = np.asarray(q)
    if array.dtype != UINT8:
        raise TypeError(f"{name} has dtype {array.dtype}; expected uint8")
    return array


def integer(value: Any, name: str) -> int:
    """`value` as an int, if it is one (NumPy's integers are)."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected an integer") from None


def top_code(bits: int) -> int:
    """The largest code of `bits` bits."""
    if not 1 <= (width := integer(bits, "bits")) <= 8:
        raise ValueError(f"bits is {width}; expected 1 to 8")
    return (1 << width) - 1


def refuse_codes(q: Codes, top: int) -> NoReturn:
    """Say which code stands above `top`."""
    raise ValueError(f"q holds the code {q.max()}; the largest of {top.bit_length()} bits is {top}")


def output(
    out: Any, shape: Shape, dtype: "np.dtype[Sample]", source: npt.NDArray[Any]
) -> npt.NDArray[Sample]:
    """The array to write to: a new one, or `out` if it fits and lies apart from `source`."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is of type {type(out).__name__}; expected a NumPy array")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out is {out.dtype} of shape {out.shape}; expected {dtype} of {shape}")
    if not out.flags.carray:
        raise ValueError("out is not writable, C-contiguous and aligned; expected all three")
    if np.may_share_memory(out, source):
        raise ValueError("out shares memory with the input; expected an array apart from it")
    return out


def channel_maps(array: npt.NDArray[Sample], name: str) -> npt.NDArray[Sample]:
    """`array`, if its shape is (C, H, W)."""
    if array.ndim != 3:
        raise ValueError(f"{name} has shape {array.shape}; expected (C, H, W)")
    return array


def map_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """`shape` as (C, H, W), each at least one."""
    try:
        sizes = tuple(map(operator.index, shape))
    except TypeError:
        raise TypeError(f"shape is {shape!r}; expected three integers (C, H, W)") from None
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"shape is {sizes}; expected (C, H, W), each at least 1")
    return sizes


def grid(channels: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the mosaic of C maps of H x W; channel c is at divmod(c, columns).

    The frame is about square: isqrt(C) rows where maps are, and no row is empty.
    """
    rows = min(max(isqrt(channels * width // height), 1), channels)
    columns = -(-channels // rows)
    return -(-channels // columns), columns


def frame_shape(shape: Sequence[int], block: int = 1) -> tuple[int, int]:
    """Height and width in samples of the mosaic of a (C, H, W) tensor, padded to `block`.

    Raises ValueError for a shape that is not (C, H, W) or a block below one; TypeError for what is
    no integer.
    """
    channels, height, width = map_shape(shape)
    block = integer(block, "block")
    if block < 1:
        raise ValueError(f"block is {block}; expected at least 1")
    rows, columns = grid(channels, height, width)
    return -(-rows * height // block) * block, -(-columns * width // block) * block


def mosaic_frame(frame: npt.ArrayLike, shape: Sequence[int]) -> tuple[Codes, tuple[int, int, int]]:
    """`frame` with contiguous rows, one after the other, and the shape of the maps it holds."""
    array = uint8_array(frame, "frame")
    sizes = map_shape(shape)
    rows, columns = grid(*sizes)
    height, width = rows * sizes[1], columns * sizes[2]
    if array.ndim != 2 or array.shape[0] < height or array.shape[1] < width:
        raise ValueError(
            f"frame has shape {array.shape}; the mosaic of {sizes} takes {(height, width)}"
        )
    plain = array.strides[1] == 1 and array.strides[0] >= array.shape[1]
    return (array if plain else array.copy(order="C")), sizes


def packed_bytes(buffer: Any, bits: int, size: int) -> Codes:
    """The bytes of `buffer`, if they are exactly `size` codes of `bits` bits and zero padding."""
    top = top_code(bits)
    size = integer(size, "size")
    if size < 1:
        raise ValueError(f"size is {size}; expected at least 1")
    data = packed_array(buffer)
    length = -(-size * top.bit_length() // 8)
    if data.size != length:
        raise ValueError(
            f"buffer has {data.size} bytes; {size} codes of {top.bit_length()} bits take {length}"
        )
    padding = 8 * length - size * top.bit_length()
    if data[-1] & ((1 << padding) - 1):
        raise ValueError(f"the last {padding} bits of buffer are not zero; expected padding there")
    return data


def packed_array(buffer: Any) -> Codes:
    """`buffer`, bytes-like or a uint8 array, as a flat contiguous array."""
    if isinstance(buffer, np.ndarray):
        return np.ascontiguousarray(uint8_array(buffer, "buffer")).reshape(-1)
    try:
        view = memoryview(buffer)
    except TypeError:
        raise TypeError(
            f"buffer is of type {type(buffer).__name__}; expected bytes or a uint8 array"
        ) from None
    if not view.nbytes:
        return np.empty(0, UINT8)
    return np.frombuffer(view if view.c_contiguous else view.tobytes(), UINT8)


def refuse_non_finite() -> NoReturn:
    """Say that there is nothing to take moments of."""
    raise ValueError("x holds no finite value; expected at least one")
