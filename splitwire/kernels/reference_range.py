"""The plain Python twin of the range coder: the same streams, bin after bin, in exact integers.

What each function takes, gives and raises is told by the docstring of its compiled twin; the
arithmetic is explained in `_range.h`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import entropy_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.entropy_arguments import SEEN, States

_FAST, _SLOW = 4, 7
_LARGEST_BITS = 15  # of a number


def range_encode(
    bins: npt.ArrayLike, contexts: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0
) -> Codes:
    """Code binary decisions, each in its context, by an adaptive binary range coder."""
    flat, which, first, rests = arguments.bins(bins, contexts, states, seen)
    model, coder = start_contexts(first, rests), Encoder()
    for value, context in zip(flat.tolist(), which.tolist(), strict=True):
        coder.code(model[context], value)
    return coder.finish()


def range_decode(
    buffer: Any, contexts: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0
) -> Codes:
    """Decode what `range_encode` made of bins in these contexts."""
    shape = np.shape(contexts)
    data, which, first, rests = arguments.coded_bins(buffer, contexts, states, seen)
    model, coder = start_contexts(first, rests), Decoder(data.tobytes())
    bins = []
    for context in which.tolist():
        bins.append(coder.code(model[context]))
        if coder.ran_out():
            arguments.refuse_range_stream()
    if not coder.ends_well():
        arguments.refuse_range_stream()
    return np.array(bins, np.uint8).reshape(shape)


def unary_encode(symbols: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0) -> Codes:
    """Code symbols as truncated unary bins: v ones, then a zero unless v is the largest."""
    flat, first, rests = arguments.unary(symbols, states, seen)
    model, coder = start_contexts(first, rests), Encoder()
    for symbol in flat.tolist():
        for place in range(min(symbol + 1, len(model))):
            coder.code(model[place], int(place < symbol))
    return coder.finish()


def unary_decode(buffer: Any, size: int, states: States, seen: npt.ArrayLike = 0) -> Codes:
    """Decode `size` symbols that `unary_encode` coded."""
    data, size, first, rests = arguments.coded_unary(buffer, size, states, seen)
    model, coder = start_contexts(first, rests), Decoder(data.tobytes())
    symbols = np.empty(size, np.uint8)
    for i in range(size):
        symbols[i] = next(
            (place for place, context in enumerate(model) if not coder.code(context)), len(model)
        )
        if coder.ran_out():
            arguments.refuse_range_stream()
    if not coder.ends_well():
        arguments.refuse_range_stream()
    return symbols


@dataclass
class Context:
    """Two estimates of the probability of a one, of 65536, and how many bins they rest on."""

    fast: int
    slow: int
    seen: int

    @property
    def odds(self) -> int:
        """The probability of a one, of 65536."""
        return (self.fast + self.slow) >> 1

    def learn(self, value: int) -> None:
        """Move towards a bin: by 1/2, 1/4, 1/4, 1/8, ... of the error, down to 1/16 and 1/128."""
        shift = (self.seen + 1).bit_length()
        self.fast = _moved(self.fast, value, min(shift, _FAST))
        self.slow = _moved(self.slow, value, min(shift, _SLOW))
        self.seen = min(self.seen + 1, SEEN)


def start_contexts(states: npt.NDArray[np.uint16], seen: Codes) -> list[Context]:
    """Contexts at their initial states."""
    return [Context(p, p, n) for p, n in zip(states.tolist(), seen.tolist(), strict=True)]


class Encoder:
    """The whole fraction so far as one integer `low`, `words` words of 16 bits and 48 more."""

    def __init__(self) -> None:
        self.low, self.width, self.words = 0, 1 << 48, 0

    def code(self, context: Context, value: int) -> int:
        """Code one bin."""
        self.code_odds(context.odds, value)
        context.learn(value)
        return value

    def code_odds(self, p: int, value: int) -> int:
        """Code a bin that is one with probability p / 65536."""
        part = (self.width >> 16) * p
        self.low += 0 if value else part
        self.width = part if value else self.width - part
        self._move_out()
        return value

    def code_bits(self, bits: int, count: int) -> None:
        """Code `count` bits, 1 to 16, at their full price."""
        self.width >>= count
        self.low += self.width * bits
        self._move_out()

    def code_number(self, number: int) -> None:
        """Code a number from 1 on, Exp-Golomb, at its full price."""
        bits = number.bit_length() - 1
        for more in (*[1] * bits, 0):
            self.code_bits(more, 1)
        if bits:
            self.code_bits(number - (1 << bits), bits)

    def finish(self) -> Codes:
        """The fraction of the interval that ends in most zero bytes, without those."""
        last = self.low + self.width - 1
        kept = next(n for n in range(7) if last >> (48 - 8 * n) << (48 - 8 * n) >= self.low)
        settled = last >> (48 - 8 * kept)
        return np.frombuffer(settled.to_bytes(2 * self.words + kept, "big"), np.uint8).copy()

    def _move_out(self) -> None:
        if self.width < 1 << 32:
            self.low, self.width, self.words = self.low << 16, self.width << 16, self.words + 1


class Decoder:
    """How far the stream's fraction is above the low end of the interval, in 48 bits."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.width = data, 6, 1 << 48
        self.offset = int.from_bytes(data[:6].ljust(6, b"\0"), "big")

    def code(self, context: Context) -> int:
        """Decode one bin."""
        value = self.code_odds(context.odds)
        context.learn(value)
        return value

    def code_odds(self, p: int) -> int:
        """Decode a bin that is one with probability p / 65536."""
        part = (self.width >> 16) * p
        value = int(self.offset < part)
        self.offset -= 0 if value else part
        self.width = part if value else self.width - part
        self._move_in()
        return value

    def code_bits(self, count: int) -> int:
        """Decode `count` bits; above the last part, where no encoder goes, all of them are set."""
        self.width >>= count
        bits = min(self.offset // self.width, (1 << count) - 1)
        self.offset -= bits * self.width
        self._move_in()
        return bits

    def code_number(self) -> int:
        """Decode such a number, or one beyond 32767, where no encoder goes."""
        bits = 0
        while self.code_bits(1):
            bits += 1
            if bits == _LARGEST_BITS:
                return 1 << 16
        return (1 << bits) + (self.code_bits(bits) if bits else 0)

    def ran_out(self) -> bool:
        """Whether more words moved in than the stream has: what follows is zeros without end."""
        return self.at - 6 > len(self.data)

    def ends_well(self) -> bool:
        """Whether the stream is the words that moved in, and at most six bytes that end well."""
        tail = len(self.data) - (self.at - 6)
        return tail == 0 or (0 < tail <= 6 and self.data[-1] != 0)

    def _move_in(self) -> None:
        if self.width < 1 << 32:
            word = self.data[self.at : self.at + 2].ljust(2, b"\0")
            self.offset = self.offset << 16 | int.from_bytes(word, "big")
            self.width, self.at = self.width << 16, self.at + 2


def _moved(p: int, value: int, shift: int) -> int:
    aim = 65535 if value else (1 << shift) - 1
    return p + ((aim - p) >> shift)
