"""The plain Python twin of rANS by bytes: the same streams, symbol after symbol, by division.

What each function takes, gives and raises is told by the docstring of its compiled twin; the
stream is explained in `_rans8.h`, its tree in `_rans8_tree.h`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments
from splitwire.kernels import entropy_arguments as checks
from splitwire.kernels.arguments import Codes
from splitwire.kernels.reference_rans import normalised

_LEVELS, _LANES, _LEAST = 256, 64, 1 << 16
_BIT, _NAT = 1 << 16, 94548


def rans8_suits(counts: npt.ArrayLike) -> bool:
    """Whether symbols that occur so often are best coded by `rans8_encode`."""
    checked: list[int] = checks.counts(counts).tolist()
    size = sum(checked)
    return len(checked) == _LEVELS and 8192 <= size <= 65536 and 4 * max(checked) <= size


def rans8_encode(symbols: npt.ArrayLike, counts: npt.ArrayLike) -> Codes:
    """Code symbols of 256 levels, with their table, by static rANS that takes bytes in."""
    flat = arguments.codes(symbols, "symbols").reshape(-1).tolist()
    leaves = list(_plant(checks.level_counts(counts).tolist()))
    head = max(len(flat) - 2 * _LANES, 0)
    of = [leaf for leaf in leaves for _ in range(1 << leaf.width)]
    bits = "".join(leaf.told for leaf in leaves)
    bits += "".join(_plain(s - of[s].first, of[s].width) for s in flat[:head])
    x = [_LEAST] * _LANES
    for i, symbol in enumerate(flat[head:]):
        x[i % _LANES] |= symbol << i // _LANES * 8
    out: list[int] = []
    for i in reversed(range(head)):
        leaf, lane = of[flat[i]], i % _LANES
        if not leaf.frequency:
            checks.refuse_symbols()
        if x[lane] >> 16 >= leaf.frequency:
            out.append(x[lane] & 255)
            x[lane] >>= 8
        whole, rest = divmod(x[lane], leaf.frequency)
        x[lane] = (whole << 8) + leaf.start + rest
    plain = int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")
    planes = bytes(lane >> shift & 255 for shift in (0, 8, 16) for lane in x)
    whole_stream = _length(len(plain)) + plain + planes + bytes(reversed(out))
    return np.frombuffer(whole_stream, np.uint8).copy()


def rans8_decode(buffer: Any, shape: Sequence[int]) -> Codes:
    """Decode symbols of that shape, which `rans8_encode` coded."""
    data = checks.stream(buffer).tobytes()
    shape = checks.symbol_shape(shape)
    try:
        symbols = _decode(data, int(np.prod(shape)))
    except IndexError:  # it ends too early
        checks.refuse_rans8_stream()
    return np.array(symbols, np.uint8).reshape(shape)


@dataclass(frozen=True)
class _Leaf:
    """Levels that are coded as one: the first, how many bits tell them apart, its slots."""

    first: int
    width: int
    start: int
    frequency: int

    @property
    def told(self) -> str:
        """The bits before it that are new, and its own."""
        ones = (self.frequency + 2).bit_length() - 2
        return (
            "1" * (_reach(self.first) - self.width)
            + ("0" if self.width else "")
            + "1" * ones
            + "0"
            + _plain(self.frequency + 2 - (2 << ones), ones + 1)
        )


def _reach(first: int) -> int:
    """Of how many levels, as a power of two, the largest node is that begins here and has a bit."""
    return min((first & -first).bit_length() - 1 if first else 8, 7)


def _plain(value: int, width: int) -> str:
    return f"{value:0{width}b}"[::-1] if width else ""


def _plant(counts: list[int]) -> Iterator[_Leaf]:
    """The tree of the least bits: a node is a leaf unless its halves cost less."""
    total = sum(counts)
    share, taken = (1 << 48) // total, total * _NAT >> 8

    def leaf_cost(n: int, width: int) -> int:
        if not n:
            return 2 * _BIT
        f = max((n * share + (1 << 39)) >> 40, 1)
        return n * ((width + 8) * _BIT - _log2(f)) + f * taken + 6 * _BIT

    def best(first: int, width: int) -> tuple[int, list[tuple[int, int, int]]]:
        n = sum(counts[first : first + (1 << width)])
        whole = leaf_cost(n, width), [(first, width, n)]
        if not width:
            return whole
        lower = best(first, width - 1)
        upper = best(first + (1 << width - 1), width - 1)
        halves = lower[0] + upper[0] + _BIT, lower[1] + upper[1]
        return halves if width == 8 or halves[0] - _BIT < whole[0] else whole

    leaves, start = best(0, 8)[1], 0
    frequencies = normalised([n for _, _, n in leaves], _LEVELS)
    for (first, width, _), frequency in zip(leaves, frequencies, strict=True):
        yield _Leaf(first, width, start, frequency)
        start += frequency


def _log2(n: int) -> int:
    """In 1/65536, by a cubic between powers of two."""
    exponent = n.bit_length() - 1
    rest = (n << 16 >> exponent) & 0xFFFF
    bend = 22654 + (4961 * (65536 - 2 * rest) >> 16)
    return (exponent << 16) + rest + ((rest * (65536 - rest) >> 16) * bend >> 16)


def _length(value: int) -> bytes:
    out = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(byte | 128 for byte in out[:-1]), out[-1]])


class _Bits:
    """Reads plain bits, the low ones of a byte first."""

    def __init__(self, data: bytes) -> None:
        self.left, self.count = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, width: int) -> int:
        if width > self.count:
            checks.refuse_rans8_stream()
        value = self.left & ((1 << width) - 1)
        self.left >>= width
        self.count -= width
        return value


def _read_tree(bits: _Bits) -> list[_Leaf]:
    """The leaf of each slot."""
    first, start, slots = 0, 0, list[_Leaf]()
    while first < _LEVELS:
        width, ones = _reach(first), 0
        while width and bits.read(1):
            width -= 1
        while ones < 8 and bits.read(1):
            ones += 1
        leaf = _Leaf(first, width, start, (2 << ones) + bits.read(ones + 1) - 2)
        if leaf.frequency >= _LEVELS:
            checks.refuse_rans8_stream()
        slots += [leaf] * leaf.frequency
        first, start = first + (1 << width), start + leaf.frequency
    if start != _LEVELS:
        checks.refuse_rans8_stream()
    return slots


def _decode(data: bytes, n: int) -> list[int]:
    length = at = 0
    while True:
        length |= (data[at] & 127) << 7 * at
        at += 1
        if data[at - 1] < 128:
            break
        if at == 5:
            checks.refuse_rans8_stream()
    if (at > 1 and not data[at - 1]) or len(data) - at - length < 3 * _LANES:
        checks.refuse_rans8_stream()
    bits = _Bits(data[at : at + length])
    slots, at = _read_tree(bits), at + length
    x = [sum(data[at + _LANES * k + lane] << 8 * k for k in range(3)) for lane in range(_LANES)]
    if min(x) < _LEAST:
        checks.refuse_rans8_stream()
    at, symbols, head = at + 3 * _LANES, [], max(n - 2 * _LANES, 0)
    for i in range(head):
        lane = i % _LANES
        leaf, slot = slots[x[lane] & 255], x[lane] & 255
        x[lane] = leaf.frequency * (x[lane] >> 8) + slot - leaf.start
        if x[lane] < _LEAST:
            x[lane] = x[lane] << 8 | data[at]
            at += 1
        symbols.append(leaf.first + bits.read(leaf.width))
    tail = [x[i % _LANES] >> i // _LANES * 8 & 255 for i in range(2 * _LANES)]
    unused = any(tail[n - head :]) or any(value >> 16 != 1 for value in x)
    if at != len(data) or bits.count > 7 or bits.left or unused:
        checks.refuse_rans8_stream()
    return symbols + tail[: n - head]
