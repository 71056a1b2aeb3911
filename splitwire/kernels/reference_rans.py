"""The plain Python twin of rANS: the same streams, symbol after symbol, by division.

What each function takes, gives and raises is told by the docstring of its compiled twin; the
arithmetic is explained in `_rans.h`, the streams in `_rans_stream.h`, the packed tables in
`_rans_table.h`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import entropy_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.entropy_arguments import RansPlan, Words
from splitwire.kernels.reference_range import Context, Decoder, Encoder

_LEAST = 1 << 15


def rans_frequencies(counts: npt.ArrayLike) -> Words:
    """Make frequencies of counts: what `rans_encode` takes, at close to the least cost."""
    checked: list[int] = arguments.counts(counts).tolist()
    return np.array(normalised(checked, 1 << arguments.precision(len(checked))), np.uint16)


def normalised(counts: list[int], total: int) -> list[int]:
    """Frequencies of that sum."""
    size, used = sum(counts), [s for s, count in enumerate(counts) if count]
    frequencies = [0] * len(counts)
    if len(used) == 1:
        frequencies[used[0]], frequencies[used[0] - 1 if used[0] else 1] = total - 1, 1
        return frequencies
    for s in used:
        frequencies[s] = max((2 * counts[s] * total + size) // (2 * size), 1)
    while (left := total - sum(frequencies)) > 0:
        frequencies[_best(used, counts, frequencies, 1)] += 1
    while left < 0:
        larger = [s for s in used if frequencies[s] > 1]
        frequencies[_best(larger, counts, frequencies, -1)] -= 1
        left += 1
    return frequencies


def pack_frequencies(counts: npt.ArrayLike) -> Codes:
    """Pack counts, coarsely and in few bytes; code with what `unpack_frequencies` makes of them."""
    frequencies = rans_frequencies(counts)
    levels, coder = _Levels(arguments.precision(len(frequencies))), Encoder()
    for f in frequencies.tolist():
        levels.code(coder.code, _level(f))
    return coder.finish()


def unpack_frequencies(buffer: Any, symbols: int) -> Words:
    """Unpack the frequencies of an alphabet of `symbols` symbols."""
    size = arguments.alphabet(symbols)
    coder = Decoder(arguments.stream(buffer).tobytes())
    levels = _Levels(arguments.precision(size))
    weights = [_weight(levels.code(lambda context, _: coder.code(context), 0)) for _ in range(size)]
    if not (any(weights) and coder.ends_well()):
        arguments.refuse_frequencies()
    return rans_frequencies(np.array(weights))


def rans_encode(
    symbols: npt.ArrayLike, frequencies: npt.ArrayLike, tables: npt.ArrayLike | None = None
) -> Codes:
    """Code symbols by interleaved static rANS."""
    return _encode(symbols, frequencies, tables, False)[0]


def rans_encode_streams(
    symbols: npt.ArrayLike, frequencies: npt.ArrayLike, tables: npt.ArrayLike | None = None
) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Code each symbols[i] as a stream that decodes by itself."""
    return _encode(symbols, frequencies, tables, True)


def rans_decode(
    buffer: Any,
    frequencies: npt.ArrayLike,
    shape: Sequence[int],
    tables: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """Decode symbols of that shape, which `rans_encode` coded with these frequencies and tables."""
    data = arguments.stream(buffer)
    return _decode(data, np.array([data.size]), frequencies, shape, tables, False)


def rans_decode_streams(
    buffer: Any,
    lengths: npt.ArrayLike,
    frequencies: npt.ArrayLike,
    shape: Sequence[int],
    tables: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """Decode symbols of that shape, which `rans_encode_streams` coded."""
    data = arguments.stream(buffer)
    return _decode(data, lengths, frequencies, shape, tables, True)


def _encode(
    symbols: npt.ArrayLike, frequencies: npt.ArrayLike, tables: npt.ArrayLike | None, many: bool
) -> tuple[Codes, npt.NDArray[np.int64]]:
    plan = arguments.rans_plan(frequencies, np.shape(symbols), tables, many)
    flat = arguments.symbols(symbols, plan)
    starts = _starts(plan)
    streams = [
        _encode_one(plan, starts, of_row.tolist(), part.tolist())
        for of_row, part in zip(
            plan.of_row.reshape(plan.streams, -1), flat.reshape(plan.streams, -1), strict=True
        )
    ]
    lengths = np.array([len(data) for data in streams], np.int64)
    return np.frombuffer(b"".join(streams), np.uint8).copy(), lengths


def _encode_one(
    plan: RansPlan, starts: npt.NDArray[np.int64], of_row: list[int], symbols: list[int]
) -> bytes:
    lanes, bits, head = _layout(plan)
    x = [_LEAST] * lanes
    for i, symbol in enumerate(symbols[head:]):
        x[i % lanes] |= symbol << (i // lanes * bits)
    words: list[int] = []
    for i in reversed(range(head)):
        table, lane = of_row[i // plan.row_length], i % lanes
        f = int(plan.frequencies[table, symbols[i]])
        if not f:
            arguments.refuse_symbols()
        if x[lane] >= f << (31 - plan.precision):
            words.append(x[lane] & 0xFFFF)
            x[lane] >>= 16
        whole, rest = divmod(x[lane], f)
        x[lane] = (whole << plan.precision) + int(starts[table, symbols[i]]) + rest
    return np.array(x, "<u4").tobytes() + np.array(words[::-1], "<u2").tobytes()


def _decode(
    data: Codes,
    lengths: npt.ArrayLike,
    frequencies: npt.ArrayLike,
    shape: Sequence[int],
    tables: npt.ArrayLike | None,
    many: bool,
) -> npt.NDArray[Any]:
    shape = arguments.symbol_shape(shape)
    plan = arguments.rans_plan(frequencies, shape, tables, many)
    ends = np.cumsum(arguments.stream_lengths(lengths, plan.streams, data.size)).tolist()
    starts = _starts(plan)
    of_row = plan.of_row.reshape(plan.streams, -1)
    symbols = [
        _decode_one(plan, starts, of_row[i].tolist(), data[begin:end].tobytes())
        for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]
    return np.array(symbols, plan.dtype).reshape(shape)


def _decode_one(
    plan: RansPlan, starts: npt.NDArray[np.int64], of_row: list[int], data: bytes
) -> list[int]:
    lanes, bits, head = _layout(plan)
    if len(data) < 4 * lanes:
        arguments.refuse_rans_stream()
    x = np.frombuffer(data[: 4 * lanes], "<u4").tolist()
    if not all(_LEAST <= value < 1 << 31 for value in x):
        arguments.refuse_rans_stream()
    at, symbols = 4 * lanes, []
    for i in range(head):
        table, lane = of_row[i // plan.row_length], i % lanes
        whole, slot = divmod(x[lane], 1 << plan.precision)
        symbol = int(np.searchsorted(starts[table], slot, "right")) - 1
        symbols.append(symbol)
        x[lane] = int(plan.frequencies[table, symbol]) * whole + slot - int(starts[table, symbol])
        if x[lane] < _LEAST and at + 2 <= len(data):
            x[lane] = x[lane] << 16 | int.from_bytes(data[at : at + 2], "little")
            at += 2
        if x[lane] < _LEAST:
            arguments.refuse_rans_stream()
    if at != len(data) or any(value >> 15 != 1 for value in x):
        arguments.refuse_rans_stream()
    x = [value - _LEAST for value in x]
    for i in range(plan.size - head):
        x[i % lanes], symbol = divmod(x[i % lanes], 1 << bits)
        if symbol >= plan.frequencies.shape[1]:
            arguments.refuse_rans_stream()
        symbols.append(symbol)
    if any(x):
        arguments.refuse_rans_stream()
    return symbols


def _starts(plan: RansPlan) -> npt.NDArray[np.int64]:
    """The first slot of each symbol of each table."""
    total = 1 << plan.precision
    for table, frequencies in enumerate(plan.frequencies):
        if frequencies.sum() != total or frequencies.max() >= total:
            arguments.refuse_table(plan.frequencies, table)
    ends = np.cumsum(plan.frequencies, axis=1, dtype=np.int64)
    return ends - plan.frequencies


def _layout(plan: RansPlan) -> tuple[int, int, int]:
    """Lanes, bits of a symbol that is not coded, and how many are."""
    bits = (plan.frequencies.shape[1] - 1).bit_length()
    lanes = 32 if plan.size >= 32768 // min(bits, 4) else 4
    return lanes, bits, max(plan.size - 15 // bits * lanes, 0)


def _best(among: list[int], counts: list[int], frequencies: list[int], step: int) -> int:
    """Where a step up gains most, or one down costs least, by count / (2 f + step)."""
    best = among[0]
    for s in among[1:]:
        here = counts[s] * (2 * frequencies[best] + step)
        there = counts[best] * (2 * frequencies[s] + step)
        if (here > there) if step > 0 else (here < there):
            best = s
    return best


def _level(f: int) -> int:
    exponent = max(f.bit_length() - 3, 0)
    return f if f < 8 else 4 * exponent + ((f + (1 << exponent >> 1)) >> exponent)


def _weight(level: int) -> int:
    return level if level < 8 else (4 + level % 4) << (level // 4 - 1)


class _Levels:
    """Levels as steps from the one before, through either coder."""

    def __init__(self, precision: int) -> None:
        self.top, self.level, self.way = 4 * precision - 4, 0, 0
        self.same, self.down = _fresh(6), _fresh(3)
        self.size = _fresh(8), _fresh(8)

    def code(self, coder: Callable[[Context, int], int], level: int) -> int:
        start = self.level
        if coder(self.same[self.way + 3 * (start == 0)], int(level == start)):
            return start
        down = start == self.top
        if 0 < start < self.top:
            down = bool(coder(self.down[self.way], int(level < start)))
        size = 1
        while size < (start if down else self.top - start):
            context = self.size[down][min(size - 1, 7)]
            if not coder(context, int((start - level if down else level - start) > size)):
                break
            size += 1
        self.level, self.way = start + (-size if down else size), 1 + down
        return self.level


def _fresh(count: int) -> list[Context]:
    return [Context(1 << 15, 1 << 15, 0) for _ in range(count)]
