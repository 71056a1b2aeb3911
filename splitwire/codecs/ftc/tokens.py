"""Tokens of a vision transformer: a square grid of patches, and a few tokens before it.

The first tokens (of the class, of a teacher, registers) are like neither the patches nor each
other. So each has a table of its own, as a vector has, and the grid has one as a map has:

    D×1×T ─▶ T − n² first tokens, D×1×1 each ─▶ length │ bytes of each ─╮
         ╰─▶ grid, D×n×n ─────────────────────▶ bytes ──────────────────┴▶ payload

All were learnt in the metric of one output and share one step.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.ftc import profile as plain
from splitwire.codecs.ftc.profile import FtcProfile
from splitwire.codecs.ftc.transform import Floats
from splitwire.codecs.profile import Profile
from splitwire.errors import ProfileError

MOST_FIRST = 8  # tokens before the grid
_FIRST = "first"  # the array that says how many there are, and what the names of theirs begin with

Scalar = TypeVar("Scalar", bound=np.generic)


def first_of(shape: tuple[int, ...]) -> int | None:
    """How many tokens of a tensor T×D stand before a square grid; None where there is no grid.

    T = first + n² with the largest n, 2 or more: 197 is 1 + 14², 201 is 5 + 14².
    """
    side = math.isqrt(shape[0])
    first = shape[0] - side**2
    return first if len(shape) == 2 and side >= 2 and first <= MOST_FIRST else None


def parted(planes: NDArray[Scalar], first: int) -> list[NDArray[Scalar]]:
    """Planes (D, 1, T) of tokens as those of each first one (D, 1, 1), then of the grid."""
    apart = [planes[:, :, i : i + 1] for i in range(first)]
    side = math.isqrt(planes.shape[2] - first)
    return [*apart, planes[:, :, first:].reshape(-1, side, side)]


def joined(parts: Sequence[NDArray[Scalar]]) -> NDArray[Scalar]:
    """The inverse of `parted`."""
    return np.concatenate([part.reshape(len(part), 1, -1) for part in parts], axis=2)


@dataclass(frozen=True, eq=False)
class TokenProfile:
    """The tables of first tokens and of the grid, to be used as one.

    What stands for `FtcProfile`'s integers is those of all tables, as planes (D, 1, T).

    Attributes:
        tables: one for each first token, then that of the grid.
    """

    tables: tuple[FtcProfile, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(D, 1, T) of the planes that it codes."""
        channels, side, _ = self.tables[-1].shape
        return (channels, 1, len(self.tables) - 1 + side**2)

    def parted(self, planes: NDArray[Scalar]) -> list[NDArray[Scalar]]:
        """What each table codes of planes (D, 1, T)."""
        return parted(planes, len(self.tables) - 1)

    def encode(self, planes: Tensor, quality: int) -> bytes:
        """The bytes of planes (D, 1, T) at a quality."""
        pairs = zip(self.tables, self.parted(planes), strict=True)
        *first, grid = (table.encode(part, quality) for table, part in pairs)
        return b"".join(write_varint(len(stream)) + stream for stream in first) + grid

    def decode(self, payload: memoryview, quality: int) -> Tensor:
        """The planes again, the same bits everywhere; ValueError where the bytes are damaged."""
        return self.planes(self.decoded(payload, quality))

    def decoded(self, payload: memoryview, quality: int) -> Floats:
        """The integers that `planes` takes; ValueError likewise."""
        numbers, at = [], 0
        for table in self.tables[:-1]:
            size, at = read_varint(payload, at)
            if size > len(payload) - at:
                raise ValueError("the bytes end within a token")
            numbers.append(table.decoded(payload[at : at + size], quality))
            at += size
        return joined([*numbers, self.tables[-1].decoded(payload[at:], quality)])

    def integers(self, planes: Tensor) -> Floats:
        """Planes (D, 1, T) in the units of the inverse transforms, not rounded."""
        pairs = zip(self.tables, self.parted(planes), strict=True)
        return joined([table.integers(part) for table, part in pairs])

    def planes(self, numbers: NDArray[Any]) -> Tensor:
        """The planes of integers."""
        pairs = zip(self.tables, self.parted(numbers), strict=True)
        return joined([table.planes(part) for table, part in pairs])


def arrays_of(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The arrays of a profile of tokens: those of the grid, and of first tokens by other names."""
    *first, grid = parts
    arrays: dict[str, NDArray[Any]] = {_FIRST: np.array([len(first)], np.int32), **grid}
    for i, part in enumerate(first):
        arrays |= {f"{_FIRST}{i}_{name}": array for name, array in part.items()}
    return arrays


@lru_cache(maxsize=16)
def opened(profile: Profile) -> FtcProfile | TokenProfile:
    """A profile of `ftc` ready for use, whatever tensors it is for.

    Raises:
        ProfileError: its arrays are not those of `ftc`.
    """
    if _FIRST not in profile.arrays:
        return plain.opened(profile)
    arrays = dict(profile.arrays)
    said = arrays.pop(_FIRST)
    count = int(said[0]) if said.shape == (1,) and said.dtype == np.int32 else -1
    if not 0 <= count <= MOST_FIRST:
        raise ProfileError(f"the profile {profile.digest} does not say how many tokens come first")
    parts = [_begin_with(f"{_FIRST}{i}_", arrays) for i in range(count)]
    parts.append({name: array for name, array in arrays.items() if not name.startswith(_FIRST)})
    tables = tuple(plain.checked(part, profile.digest) for part in parts)
    channels, *grid = tables[-1].shape
    sound = grid[0] == grid[1] and all(t.shape == (channels, 1, 1) for t in tables[:-1])
    sound = sound and all(part.keys() == parts[-1].keys() for part in parts)
    if not sound or sum(map(len, parts)) != len(arrays):
        raise ProfileError(f"the profile {profile.digest} holds tokens that do not fit together")
    return TokenProfile(tables)


def _begin_with(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Those whose names do, by the rest of their names."""
    found = ((name, array) for name, array in arrays.items() if name.startswith(prefix))
    return {name.removeprefix(prefix): array for name, array in found}
