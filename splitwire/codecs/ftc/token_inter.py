"""Prediction over time of tokens: each part of them from its own past, as inter.py says.

grid ─▶ residual, or all of the tensor stands alone
first token ─▶ residual, or alone where that is shorter ─▶ 2 length + whether it is one │ bytes
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.ftc.inter import Inter, Past, inter_of
from splitwire.codecs.ftc.tokens import TokenProfile, joined, opened
from splitwire.codecs.ftc.transform import Floats
from splitwire.codecs.profile import Profile
from splitwire.kernels.residual_arguments import Integers


@dataclass(frozen=True, eq=False)
class TokenPast:
    """What the next residual builds on: the past of each first token, then the grid's."""

    parts: tuple[Past, ...]

    @property
    def last(self) -> Integers:
        """int32 (D, 1, T), the tokens as decoded."""
        return joined([past.last for past in self.parts])


@dataclass(frozen=True, eq=False)
class TokenInter:
    """The blocks of a profile of tokens, ready for use."""

    table: TokenProfile

    @cached_property
    def parts(self) -> tuple[Inter, ...]:
        """Those of each first token, then the grid's."""
        return tuple(Inter(table) for table in self.table.tables)

    def start(self, numbers: Floats) -> TokenPast:
        """The past of tokens that stood alone, given their integers (D, 1, T)."""
        pairs = zip(self.parts, self.table.parted(numbers), strict=True)
        return TokenPast(tuple(inter.start(part) for inter, part in pairs))

    def encode(
        self, numbers: Floats, quality: int, past: TokenPast
    ) -> tuple[bytes, TokenPast] | None:
        """The bytes of a residual, and the next past; None if all is better off alone."""
        *first, (inter, part, before) = zip(
            self.parts, self.table.parted(numbers), past.parts, strict=True
        )
        grid = inter.encode(part, quality, before)
        if grid is None:
            return None
        coded = [_token(*each, quality) for each in first] + [grid]
        return b"".join(stream for stream, _ in coded), TokenPast(
            tuple(after for _, after in coded)
        )

    def decode(self, payload: memoryview, quality: int, past: TokenPast) -> TokenPast:
        """The next past; ValueError where the bytes are damaged."""
        *first, (grid, grid_before) = zip(self.parts, past.parts, strict=True)
        pasts, at = [], 0
        for inter, before in first:
            head, at = read_varint(payload, at)
            size = head // 2
            if size > len(payload) - at:
                raise ValueError("the bytes end within a token")
            stream, at = payload[at : at + size], at + size
            if head % 2:
                pasts.append(inter.decode(stream, quality, before))
            else:
                pasts.append(inter.start(inter.table.decoded(stream, quality)))
        return TokenPast((*pasts, grid.decode(payload[at:], quality, grid_before)))


def _token(inter: Inter, numbers: Floats, past: Past, quality: int) -> tuple[bytes, Past]:
    """A first token, of which a residual need not be the shorter way."""
    coded = inter.encode(numbers, quality, past)
    if coded is not None:
        stream, after = coded
        return write_varint(2 * len(stream) + 1) + stream, after
    stream = inter.table.encoded(numbers, quality)
    after = inter.start(inter.table.decoded(memoryview(stream), quality))
    return write_varint(2 * len(stream)) + stream, after


class Prediction(Protocol):
    """What predicts a tensor from a past of its own kind; see `Inter`."""

    def start(self, numbers: Floats) -> Any:
        """The past of a tensor that stood alone."""

    def encode(self, numbers: Floats, quality: int, past: Any) -> tuple[bytes, Any] | None:
        """The bytes of a residual, and the next past; None if it is better off alone."""

    def decode(self, payload: memoryview, quality: int, past: Any) -> Any:
        """The next past; ValueError where the bytes are damaged."""


@lru_cache(maxsize=16)
def prediction_of(profile: Profile) -> Prediction | None:
    """How a profile of `ftc` predicts; None if it was made for tensors that stand alone."""
    table = opened(profile)
    if not isinstance(table, TokenProfile):
        return inter_of(profile)
    return TokenInter(table) if "block_basis" in table.tables[-1].arrays else None
