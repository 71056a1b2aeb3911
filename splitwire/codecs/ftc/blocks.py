"""The transform of what prediction over time leaves: a DCT of blocks, then a KLT over channels.

What differs from the frame before is local, so its DCT is of small blocks. A frequency of a block
takes in several of the map, and is as sensitive as they are together: with M_f the metric at each
frequency f of the map, and r(f) how much of f is in it, its metric is Σ r(f) M_f.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.ftc.transform import (
    FINE,
    Floats,
    cosines,
    frequency_bands,
    octaves,
)
from splitwire.kernels.residual_arguments import NEAR

_SIDE = 4  # of a block, or a bit less or more
_WHOLE = 8  # a side up to which a map is one block
_RIDGE = 1e-3
_EVEN = 0.5  # how far a component's own weights are drawn to those of all
_DEVIATION = 1.4  # of coefficients with a mean magnitude of 1, between Gauss and Laplace


def sides(size: int) -> tuple[int, ...]:
    """How long the blocks along an axis are, the longer ones at its ends."""
    count = 1 if size <= _WHOLE else round(size / _SIDE)
    lengths = [size // count] * count
    outward = sorted(range(count), key=lambda block: -abs(2 * block - count + 1))
    for block in outward[: size % count]:
        lengths[block] += 1
    return tuple(lengths)


@dataclass(frozen=True)
class Axis:
    """An axis of a map cut into blocks; positions are those of coefficients, block by block."""

    lengths: tuple[int, ...]

    @cached_property
    def edges(self) -> NDArray[np.int32]:
        """Where blocks begin, and the end."""
        return np.cumsum((0, *self.lengths), dtype=np.int32)

    @cached_property
    def rates(self) -> NDArray[np.intp]:
        """The frequency, in its block, of each position."""
        return np.concatenate([np.arange(length) for length in self.lengths])

    @cached_property
    def blocks(self) -> NDArray[np.intp]:
        """The block of each position."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def basis(self) -> Floats:
        """The DCT-II of each block, along the diagonal: float64 (size, size)."""
        made = np.zeros((sum(self.lengths),) * 2)
        for start, length in zip(self.edges, self.lengths, strict=False):
            made[start : start + length, start : start + length] = cosines(length)
        return made

    def shares(self) -> Floats:
        """How much of each frequency of the map is in each of a block: (longest, size)."""
        size = sum(self.lengths)
        power = (self.basis @ cosines(size).T) ** 2
        rates = self.rates
        return np.stack([power[rates == rate].mean(0) for rate in range(max(self.lengths))])


@dataclass(frozen=True)
class Blocks:
    """The blocks of a map (H, W).

    A *frequency* of blocks is a pair of rates, numbered row by row. Coefficients are coded by
    frequency, low ones first, each over all blocks that have it.
    """

    rows: Axis
    columns: Axis

    @property
    def grid(self) -> tuple[int, int]:
        """How many blocks there are down and across."""
        return len(self.rows.lengths), len(self.columns.lengths)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Rates of each frequency."""
        down, across = max(self.rows.lengths), max(self.columns.lengths)
        return [(u, v) for u in range(down) for v in range(across)]

    @property
    def octaves(self) -> NDArray[np.intp]:
        """Of each frequency: 0 for the mean, 1 for rates up to 1, 2 for the others."""
        return np.array([min(max(pair), 2) for pair in self.pairs])

    @cached_property
    def frequencies(self) -> NDArray[np.intp]:
        """The frequency of each position, (H, W)."""
        return np.asarray(self.rows.rates[:, None] * max(self.columns.lengths) + self.columns.rates)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Positions in the flat map as they are coded, (P,)."""
        u, v = np.broadcast_arrays(self.rows.rates[:, None], self.columns.rates)
        block = self.rows.blocks[:, None] * self.grid[1] + self.columns.blocks
        return np.lexsort((block.ravel(), u.ravel(), (u + v).ravel()))

    @cached_property
    def block(self) -> NDArray[np.intp]:
        """That of each place in coding order, (P,)."""
        down, across = self._in_order(self.rows.blocks, self.columns.blocks)
        return np.asarray(down * self.grid[1] + across)

    @cached_property
    def exact_rows(self) -> Floats:
        """The DCT down, in integers: as `exact_columns`."""
        return np.asarray(np.rint(self.rows.basis * 2**FINE))

    @cached_property
    def exact_columns(self) -> Floats:
        """The DCT across, orthonormal, in 1/16384."""
        return np.asarray(np.rint(self.columns.basis * 2**FINE))

    @cached_property
    def places(self) -> NDArray[np.int32]:
        """What lies near each coefficient in coding order; see kernels.residuals_encode."""
        count = self.order.size
        u, v = self._in_order(self.rows.rates, self.columns.rates)
        i, j = self._in_order(self.rows.blocks, self.columns.blocks)
        at = {key: p for p, key in enumerate(zip(u, v, i, j, strict=True))}

        def near(p: int, du: int, dv: int, di: int, dj: int) -> int:
            return at.get((u[p] + du, v[p] + dv, i[p] + di, j[p] + dj), count)

        spatial = [(0, 0, 0, -1), (0, 0, -1, 0), (0, 0, -1, -1), (0, 0, -1, 1), (0, 0, 0, 1)]
        spatial.append((0, 0, 1, 0))
        lower = [(-1, 0, 0, 0), (0, -1, 0, 0), (-1, -1, 0, 0), (-2, 0, 0, 0), (0, -2, 0, 0)]
        octave = self.octaves[self.frequencies.ravel()[self.order]]
        rows = [[octave[p], *(near(p, *way) for way in spatial + lower)] for p in range(count)]
        table = np.array(rows, np.int32)
        assert table.shape == (count, NEAR)
        return table

    def _in_order(
        self, down: NDArray[np.intp], across: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """What rows and what columns have, at each position in coding order."""
        shape = len(down), len(across)
        whole = np.broadcast_to(down[:, None], shape), np.broadcast_to(across, shape)
        return whole[0].ravel()[self.order], whole[1].ravel()[self.order]


@lru_cache(maxsize=64)
def blocks_of(height: int, width: int) -> Blocks:
    """The blocks of a map of that size."""
    return Blocks(Axis(sides(height)), Axis(sides(width)))


def block_arrays(profile: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.generic]]:
    """What predicting over time adds to the arrays of a profile: `block_…`, see bitstream.md.

    All of it follows from what was learnt of stills.
    """
    _, height, width = (int(n) for n in profile["shape"])
    blocks = blocks_of(height, width)
    shares = _shares(blocks)
    metrics, powers = _of_bands(profile)
    which = blocks.octaves
    basis, gain = [], np.empty((len(metrics[0]), len(which)))
    sizes = np.empty_like(gain)
    metric, power = np.tensordot(shares, metrics, 1), np.tensordot(shares, powers, 1)
    for octave in range(which.max() + 1):
        inside = np.flatnonzero(which == octave)
        forward, backward = _klt(metric[inside].mean(0), power[inside].mean(0))
        peaks = np.abs(backward).max(0) * (2**15 / (2**15 - 1))
        basis.append(np.rint(backward / peaks * 2**15).astype(np.int16))
        for place in inside:
            own = np.einsum("ck,cd,dk->k", backward, metric[place], backward, optimize=True)
            weights = np.sqrt((1 - _EVEN) * own + _EVEN * own.mean())
            gain[:, place] = peaks / weights
            spread = np.einsum("kc,cd,kd->k", forward, power[place], forward, optimize=True)
            sizes[:, place] = np.sqrt(np.maximum(spread, 0)) * weights / _DEVIATION
    scales = np.rint(8 * np.log2(np.maximum(sizes, max(sizes.max(), 1e-30) * 1e-9)))
    return {
        "block_basis": np.stack(basis),
        "block_gain": np.ldexp(gain, -int(profile["unit"][0])).astype(np.float32),
        "block_scales": scales.astype(np.int16),
    }


def _shares(blocks: Blocks) -> Floats:
    """How much of each band is in each frequency of blocks: (frequencies, bands)."""
    down, across = blocks.rows.shares(), blocks.columns.shares()
    bands = frequency_bands(down.shape[1], across.shape[1]).ravel()
    return np.stack(
        [np.bincount(bands, np.outer(down[u], across[v]).ravel()) for u, v in blocks.pairs]
    )


def _of_bands(profile: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
    """The metric and the covariance of channels in each band, (bands, C, C) both."""
    _, height, width = (int(n) for n in profile["shape"])
    bands, which = frequency_bands(height, width), octaves(height, width)
    octave = np.zeros(int(bands.max()) + 1, np.intp)
    octave[bands] = which
    backward = profile["basis"] / 2.0**15
    forward = np.linalg.inv(backward)
    gain = np.ldexp(profile["gain"].astype(np.float64), int(profile["unit"][0]))
    deviation = _DEVIATION * 2.0 ** (profile["scales"] / 8)
    metrics, powers = [], []
    for band, inside in enumerate(octave):
        to = forward[inside] / gain[:, band, None]
        back = backward[inside] * (gain[:, band] * deviation[:, band])
        metrics.append(to.T @ to)
        powers.append(back @ back.T)
    return np.stack(metrics), np.stack(powers)


def _klt(metric: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """From channels to components and back, in a metric of the channels."""
    count = len(metric)
    metric = metric + _RIDGE * np.trace(metric) / count * np.eye(count)
    values, vectors = np.linalg.eigh(metric)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    _, axes = np.linalg.eigh(root @ covariance @ root)
    axes = axes[:, ::-1]
    return axes.T @ root, inverse @ axes
