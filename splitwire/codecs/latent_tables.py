"""Latents through static rANS, with a table for each: a factorised prior, or one of a hyperprior.

The tables are integers, made of integers: those of a factorised prior (J. Ballé et al., ICLR 2018)
of each channel's distribution on a grid, at the edges of the bins that a quality's step makes; those
of a hyperprior are one of a ladder of widths, eight to the octave, so that a quality, of which
eight halve the step, moves every index by as much as itself.

    latents / step ─▶ round ─▶ rANS ◀── tables of the channels
                                    ◀── ladder[index] ◀── hyper-synthesis ◀── side latents
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.integer_network import MIDDLE, IntegerNetwork
from splitwire.codecs.statistics import step_of
from splitwire.codecs.transform import Floats

Tables = NDArray[np.uint16]

REACH = 127  # symbols on each side of zero: what is beyond is clipped
GRID = 16  # edges in a step of the middle quality
_FRACTION = 20  # bits of a place between two edges


def bin_tables(cumulative: NDArray[np.int32], quality: int) -> Tables:
    """The tables of channels whose cumulative counts stand on a grid about zero, at a quality.

    cumulative: int32 (M, 2 N + 1), not falling; column N is at zero, GRID columns are a step of the
    middle quality. Returns uint16 (M, 2 REACH + 1), the frequencies of -REACH to REACH.
    """
    last = cumulative.shape[1] - 1
    edges = 2 * np.arange(-REACH, REACH + 2, dtype=np.int64) - 1  # in halves of a step
    half = int(step_of(MIDDLE - quality) * GRID * 2 ** (_FRACTION - 1))
    places = np.clip(edges * half + ((last // 2) << _FRACTION), 0, last << _FRACTION)
    places[0], places[-1] = 0, last << _FRACTION  # the tails belong to the outermost
    left = np.minimum(places >> _FRACTION, last - 1)
    counts = cumulative.astype(np.int64)
    rise = (counts[:, left + 1] - counts[:, left]) * (places - (left << _FRACTION))
    at = (counts[:, left] << _FRACTION) + rise
    shares = (np.diff(at) >> (_FRACTION - 8)) + 1
    return np.stack([kernels.rans_frequencies(row) for row in shares])


@dataclass(frozen=True, eq=False)
class FactorisedCore:
    """Latents of independent channels.

    Attributes:
        shape: (M, H, W) of the latents.
        cumulative: as `bin_tables` takes it.
    """

    shape: tuple[int, ...]
    cumulative: NDArray[np.int32]

    def encode(self, latents: Floats, quality: int) -> bytes:
        """The bytes of latents (M, H, W)."""
        symbols = _symbols(latents / step_of(MIDDLE - quality))
        return kernels.rans_encode(symbols, self._tables(quality), self._channels()).tobytes()

    def decode(self, payload: memoryview, quality: int) -> Floats:
        """The latents again."""
        symbols = kernels.rans_decode(payload, self._tables(quality), self.shape, self._channels())
        return _numbers(symbols) * step_of(MIDDLE - quality)

    def _channels(self) -> NDArray[np.int64]:
        return np.arange(self.shape[0])

    @lru_cache(maxsize=8)  # noqa: B019
    def _tables(self, quality: int) -> Tables:
        return bin_tables(self.cumulative, quality)


@dataclass(frozen=True, eq=False)
class HyperpriorCore:
    """Latents whose widths side latents tell.

    Attributes:
        shape: (M, H, W) of the latents.
        side: codes the side latents, at the middle quality.
        ladder: uint16 (T, 2 REACH + 1), tables of widths eight to the octave.
        middle: the rung of a latent whose width is a step of the middle quality.
        analysis: from latents to side latents.
        synthesis: from side latents to the latents' rungs, from the middle one.
    """

    shape: tuple[int, ...]
    side: FactorisedCore
    ladder: Tables
    middle: int
    analysis: IntegerNetwork
    synthesis: IntegerNetwork

    def encode(self, latents: Floats, quality: int) -> bytes:
        """The bytes of latents (M, H, W)."""
        side = self.side.encode(
            self.analysis(latents, quality, self.side.shape[1:]), MIDDLE
        )
        told = self.side.decode(memoryview(side), MIDDLE)
        symbols = _symbols(latents / step_of(MIDDLE - quality))
        stream = kernels.rans_encode(symbols, self.ladder, self._rungs(told, quality))
        return write_varint(len(side)) + side + stream.tobytes()

    def decode(self, payload: memoryview, quality: int) -> Floats:
        """The latents again."""
        length, at = read_varint(payload, 0)
        told = self.side.decode(payload[at : at + length], MIDDLE)
        rungs = self._rungs(told, quality)
        symbols = kernels.rans_decode(payload[at + length :], self.ladder, self.shape, rungs)
        return _numbers(symbols) * step_of(MIDDLE - quality)

    def _rungs(self, told: Floats, quality: int) -> NDArray[np.int64]:
        """The table of each latent, all in integers."""
        rungs = np.rint(self.synthesis(told, MIDDLE, self.shape[1:])).astype(np.int64)
        return (rungs + self.middle + quality - MIDDLE).clip(0, len(self.ladder) - 1)


def _symbols(steps: Floats) -> Tables:
    return (np.rint(steps).clip(-REACH, REACH) + REACH).astype(np.uint16)


def _numbers(symbols: NDArray[Any]) -> Floats:
    return symbols.astype(np.float64) - REACH
