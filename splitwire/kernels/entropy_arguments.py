"""What the entropy coders take: the checks that compiled functions and NumPy twins share.

As in `arguments.py`, each turns what a caller passed into what a body relies on, or raises
TypeError or ValueError with one line that says what was wrong.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments
from splitwire.kernels.arguments import UINT8, Codes

Words = npt.NDArray[np.uint16]
States = npt.ArrayLike
Seen = int | npt.ArrayLike

UINT16 = np.dtype(np.uint16)
SEEN = 63
PRECISION = 12
WIDE_PRECISION = 14
MOST_SYMBOLS = 4096
MOST_COUNTS = 1 << 40
LEVELS = 256

_ONE_TABLE = np.zeros(1, np.int32)


def bins(
    values: npt.ArrayLike, contexts: npt.ArrayLike, states: States, seen: Seen
) -> tuple[Codes, Words, Words, Codes]:
    """Flat bins, the context of each, the states and what they rest on."""
    flat = arguments.codes(values, "bins")
    if flat.max() > 1:
        raise ValueError(f"bins holds {flat.max()}; expected 0 and 1")
    if np.shape(contexts) != flat.shape:
        raise ValueError(f"contexts has shape {np.shape(contexts)}; bins has {flat.shape}")
    return flat.reshape(-1), *_contexts(contexts, states, seen)


def coded_bins(
    buffer: Any, contexts: npt.ArrayLike, states: States, seen: Seen
) -> tuple[Codes, Words, Words, Codes]:
    """A stream's bytes, the context of each bin, the states and what they rest on."""
    return arguments.packed_array(buffer), *_contexts(contexts, states, seen)


def unary(symbols: npt.ArrayLike, states: States, seen: Seen) -> tuple[Codes, Words, Codes]:
    """Flat symbols, the states and what they rest on."""
    checked = _unary_states(states, seen)
    flat = arguments.codes(symbols, "symbols").reshape(-1)
    if flat.max() > len(checked[0]):
        raise ValueError(f"symbols holds {flat.max()}; the largest is {len(checked[0])}")
    return flat, *checked


def unary_bins(symbols: Codes, largest: int) -> int:
    """How many bins the symbols are."""
    total = int(symbols.sum(dtype=np.int64)) + symbols.size
    return total - int(np.count_nonzero(symbols == largest))


def coded_unary(
    buffer: Any, size: int, states: States, seen: Seen
) -> tuple[Codes, int, Words, Codes]:
    """A stream's bytes, how many symbols it holds, the states and what they rest on."""
    size = arguments.integer(size, "size")
    if size < 1:
        raise ValueError(f"size is {size}; expected at least 1")
    return arguments.packed_array(buffer), size, *_unary_states(states, seen)


def refuse_range_stream() -> NoReturn:
    """Say that a stream has a length that an encoder would not give it."""
    raise ValueError("buffer is no range-coded stream of these bins: it ends elsewhere")


def _contexts(contexts: npt.ArrayLike, states: States, seen: Seen) -> tuple[Words, Words, Codes]:
    which = words(contexts, "contexts").reshape(-1)
    checked = checked_states(states, seen)
    if not which.size:
        raise ValueError("contexts has no element; expected at least one")
    if which.max() >= len(checked[0]):
        raise ValueError(f"contexts holds {which.max()}; there are {len(checked[0])} states")
    return which, *checked


def _unary_states(states: States, seen: Seen) -> tuple[Words, Codes]:
    checked = checked_states(states, seen)
    if len(checked[0]) > 255:
        raise ValueError(f"states has length {len(checked[0])}; expected at most 255")
    return checked


def checked_states(states: States, seen: Seen) -> tuple[Words, Codes]:
    """Initial states of contexts, and how many bins each rests on, as arrays of one length."""
    array = words(states, "states")
    if array.ndim != 1 or not array.size:
        raise ValueError(f"states has shape {array.shape}; expected one dimension, not empty")
    if not array.all():
        raise ValueError("states holds 0; expected 1 to 65535")
    if isinstance(seen, int) and not isinstance(seen, bool) and 0 <= seen <= SEEN:
        return array, np.full(len(array), seen, np.uint8)
    counts = np.asarray(seen)
    if counts.dtype.kind not in "iu":
        raise TypeError(f"seen has dtype {counts.dtype}; expected integers")
    if counts.shape not in ((), array.shape):
        raise ValueError(f"seen has shape {counts.shape}; expected one number or {array.shape}")
    if counts.min() < 0 or counts.max() > SEEN:
        raise ValueError(f"seen holds {counts.min()} to {counts.max()}; expected 0 to {SEEN}")
    full = np.empty(array.shape, np.uint8)
    full[...] = counts
    return array, full


def words(values: npt.ArrayLike, name: str) -> Words:
    """A uint16 array of any shape, C-contiguous and aligned; TypeError for another dtype."""
    array = np.asarray(values)
    if array.dtype != UINT16:
        raise TypeError(f"{name} has dtype {array.dtype}; expected uint16")
    if (flags := array.flags).c_contiguous and flags.aligned:
        return array
    return array.copy(order="C")


@dataclass(slots=True)
class RansPlan:
    """Symbols as rows of one table each, in streams of as many rows.

    Attributes:
        frequencies: uint16, (T, A).
        of_row: int32, (streams * rows,): the table of each row.
        streams: how many streams there are.
        rows: rows of a stream.
        row_length: symbols of a row.
        size: symbols of a stream.
        precision: binary logarithm of what the frequencies of a table sum to.
        dtype: of the symbols.
    """

    frequencies: Words
    of_row: npt.NDArray[np.int32]
    streams: int
    rows: int
    row_length: int
    size: int
    precision: int
    dtype: np.dtype[Any]


def rans_plan(
    frequencies: npt.ArrayLike, shape: Sequence[int], tables: npt.ArrayLike | None, many: bool
) -> RansPlan:
    """How symbols of that shape are coded; the sums of the tables are left to be checked."""
    array = words(frequencies, "frequencies")
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(f"frequencies has shape {array.shape}; expected (A,) or (T, A), not empty")
    array = array.reshape(-1, array.shape[-1])
    alphabet(array.shape[1])
    shape = tuple(shape)
    if not shape or 0 in shape:
        raise ValueError(f"symbols has shape {shape}; expected at least one axis and one element")
    streams = shape[0] if many else 1
    if tables is None:
        which = _ONE_TABLE if streams == 1 else _ONE_TABLE.repeat(streams)
    else:
        which = _of_rows(tables, shape, many, array)
    size, rows, places = (
        math.prod(shape) // streams,
        len(which) // streams,
        precision(array.shape[1]),
    )
    dtype = UINT8 if places == PRECISION else UINT16
    return RansPlan(array, which, streams, rows, size // rows, size, places, dtype)


def _of_rows(
    tables: npt.ArrayLike, shape: tuple[int, ...], many: bool, frequencies: Words
) -> npt.NDArray[np.int32]:
    which = np.asarray(tables)
    if which.dtype.kind not in "iu":
        raise TypeError(f"tables has dtype {which.dtype}; expected integers")
    if which.shape != shape[: which.ndim] or which.ndim < many:
        raise ValueError(f"tables has shape {which.shape}; symbols has {shape}")
    if which.min() < 0 or which.max() >= len(frequencies):
        raise ValueError(
            f"tables holds {which.min()} to {which.max()}; there are {len(frequencies)} tables"
        )
    return np.ascontiguousarray(which, np.int32).reshape(-1)


def symbols(values: npt.ArrayLike, plan: RansPlan) -> npt.NDArray[Any]:
    """Flat symbols of the alphabet."""
    array = np.asarray(values)
    if array.dtype != plan.dtype:
        raise TypeError(f"symbols has dtype {array.dtype}; expected {plan.dtype}")
    flat = np.ascontiguousarray(array).reshape(-1)
    size = plan.frequencies.shape[1]
    if size != 256 and flat.max() >= size:  # any byte is in an alphabet of 256
        raise ValueError(f"symbols holds {flat.max()}; the alphabet has {size}")
    return flat


def symbol_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """`shape` as positive integers."""
    try:
        sizes = tuple(map(operator.index, shape))
    except TypeError:
        raise TypeError(f"shape is {shape!r}; expected integers") from None
    if not sizes or min(sizes) < 1:
        raise ValueError(f"shape is {sizes}; expected at least one axis, each at least 1")
    return sizes


def stream(buffer: Any) -> Codes:
    """The bytes of `buffer`."""
    return arguments.packed_array(buffer)


def stream_lengths(lengths: npt.ArrayLike, streams: int, size: int) -> npt.NDArray[np.int64]:
    """The length of each stream, if they add up to `size` bytes."""
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"lengths has dtype {array.dtype}; expected integers")
    if array.shape != (streams,):
        raise ValueError(f"lengths has shape {array.shape}; expected {(streams,)}")
    if array.min() < 0 or array.max() > size or int(array.sum(dtype=np.int64)) != size:
        raise ValueError(f"lengths adds up to {array.sum()} bytes; buffer has {size}")
    return np.ascontiguousarray(array, np.int64)


def alphabet(size: int) -> int:
    """`size`, if an alphabet may have it."""
    if not 2 <= (checked := arguments.integer(size, "symbols")) <= MOST_SYMBOLS:
        raise ValueError(f"the alphabet has {checked} symbols; expected 2 to {MOST_SYMBOLS}")
    return checked


def precision(size: int) -> int:
    """Binary logarithm of what the frequencies of an alphabet of that size sum to."""
    return PRECISION if size <= 256 else WIDE_PRECISION


def counts(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How often each symbol occurs."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise TypeError(f"counts has dtype {array.dtype}; expected integers")
    if array.ndim != 1:
        raise ValueError(f"counts has shape {array.shape}; expected one dimension")
    alphabet(len(array))
    if array.min() < 0 or array.max() > MOST_COUNTS:
        raise ValueError(f"counts holds {array.min()} to {array.max()}; expected 0 to 2**40")
    exact = np.ascontiguousarray(array, np.int64)
    if not 1 <= exact.sum() <= MOST_COUNTS:
        raise ValueError(f"counts sums to {exact.sum()}; expected 1 to 2**40")
    return exact


def level_counts(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How often each of 256 levels occurs."""
    exact = counts(values)
    if len(exact) != LEVELS:
        raise ValueError(f"counts has shape {exact.shape}; expected ({LEVELS},)")
    return exact


def refuse_table(frequencies: Words, table: int) -> NoReturn:
    """Say what is wrong with a table."""
    total = 1 << precision(frequencies.shape[1])
    raise ValueError(
        f"table {table} of frequencies sums to {frequencies[table].sum()}, its largest is "
        f"{frequencies[table].max()}; expected a sum of {total} and each less"
    )


def refuse_symbols() -> NoReturn:
    """Say that a symbol cannot be coded."""
    raise ValueError("symbols holds one that has frequency 0 in its table")


def refuse_frequencies() -> NoReturn:
    """Say that bytes are no packed table."""
    raise ValueError("buffer is no packed table of frequencies of this many symbols")


def refuse_rans_stream() -> NoReturn:
    """Say that bytes are no stream of these symbols."""
    raise ValueError("buffer is no rANS stream of this many symbols of these tables")


def refuse_rans8_stream() -> NoReturn:
    """Say that bytes are no stream of so many symbols of 256 levels."""
    raise ValueError("buffer is no rANS stream by bytes of this many symbols")
