"""Cores of `learned` that code latents by tables: a factorised prior, and a hyperprior.

The tables are integers, made of integers. Those of a factorised prior come from each channel's
distribution on a grid, taken at the edges of the bins that a quality's step makes. Those of a
hyperprior (both: J. Ballé et al., ICLR 2018) stand on a ladder of widths, eight to the octave: as
eight qualities halve the step, a quality moves every index by as much as itself.

    latents / step ─▶ round ─▶ rANS ◀── tables of the channels
                                    ◀── ladder[index] ◀── hyper-synthesis ◀── side latents
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.ftc.transform import Floats
from splitwire.codecs.learned.integer_network import IntegerNetwork, network_of
from splitwire.codecs.learned.latent_tables import (
    REACH,
    Tables,
    bin_tables,
    decode_steps,
    encode_steps,
)


@dataclass(frozen=True, eq=False)
class FactorisedCore:
    """Latents of independent channels.

    Attributes:
        shape: (M, H, W) of the latents.
        cumulative: as `bin_tables` takes it.
    """

    shape: tuple[int, ...]
    cumulative: NDArray[np.integer[Any]]
    _made: dict[int, Tables] = field(default_factory=dict)

    def encode(self, latents: Floats, quality: int) -> bytes:
        """The bytes of latents (M, H, W)."""
        steps = latents / step_of(MIDDLE - quality)
        return encode_steps(steps, self._tables(quality), np.arange(self.shape[0]))

    def decode(self, payload: memoryview, quality: int) -> Floats:
        """The latents again."""
        rows = np.arange(self.shape[0])
        steps = decode_steps(payload, self._tables(quality), rows, self.shape)
        return steps * step_of(MIDDLE - quality)

    def _tables(self, quality: int) -> Tables:
        if quality not in self._made:  # a hundred at most
            self._made[quality] = bin_tables(self.cumulative, quality)
        return self._made[quality]


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
        side = self.side.encode(self.analysis(latents, quality, self.side.shape), MIDDLE)
        told = self.side.decode(memoryview(side), MIDDLE)
        steps = latents / step_of(MIDDLE - quality)
        stream = encode_steps(steps[..., None], self.ladder, self._rungs(told, quality))
        return write_varint(len(side)) + side + stream

    def decode(self, payload: memoryview, quality: int) -> Floats:
        """The latents again."""
        length, at = read_varint(payload, 0)
        told = self.side.decode(payload[at : at + length], MIDDLE)
        rungs = self._rungs(told, quality)
        steps = decode_steps(payload[at + length :], self.ladder, rungs, (*self.shape, 1))
        return steps[..., 0] * step_of(MIDDLE - quality)

    def _rungs(self, told: Floats, quality: int) -> NDArray[np.int64]:
        """The table of each latent, all in integers."""
        rungs = np.rint(self.synthesis(told, MIDDLE, self.shape)).astype(np.int64)
        return (rungs + self.middle + quality - MIDDLE).clip(0, len(self.ladder) - 1)


def core_of(arrays: Mapping[str, NDArray[Any]]) -> FactorisedCore | HyperpriorCore:
    """The core whose arrays these are.

    Raises:
        ValueError: they do not fit together.
        KeyError: one is missing.
    """
    latents = size_of(arrays, "latents")
    told = "ladder" in arrays
    shape = size_of(arrays, "side") if told else latents
    cumulative = arrays["cumulative"]
    sound = cumulative.dtype in (np.uint16, np.int32) and cumulative.ndim == 2
    sound = sound and len(cumulative) == shape[0] and cumulative.shape[1] % 2 == 1
    if not sound or cumulative.min() < 0 or (cumulative[:, 1:] < cumulative[:, :-1]).any():
        raise ValueError("cumulative holds no distributions of its channels")
    core = FactorisedCore(shape, cumulative)
    if not told:
        return core
    tables, middle = arrays["ladder"], arrays["middle"]
    if tables.dtype != np.uint16 or tables.ndim != 2 or tables.shape[1] != 2 * REACH + 1:
        raise ValueError("ladder holds no tables")
    if middle.dtype != np.int32 or middle.shape != (1,) or abs(int(middle[0])) > len(tables):
        raise ValueError("middle is no rung")
    networks = (network_of(arrays, f"hyper_{name}") for name in ("analysis", "synthesis"))
    full = HyperpriorCore(latents, core, tables, int(middle[0]), *networks)
    full.decode(memoryview(full.encode(np.zeros(latents), MIDDLE)), MIDDLE)  # fails here, or never
    return full


def size_of(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[int, ...]:
    """Three sizes that an array holds.

    Raises:
        ValueError: it holds something else.
    """
    array = arrays[name]
    if array.dtype != np.int32 or array.shape != (3,) or array.min() < 1:
        raise ValueError(f"{name} holds no size")
    return tuple(int(n) for n in array)
