"""Prediction of `ftc` over time: from the maps as decoded, and only what differs is coded.

    planes ─▶ integers ──▶ − ──▶ DCT of blocks ─▶ KLT ─▶ one step ─▶ mixed contexts ─▶ bytes
                           ▲                                │
          past maps ─▶ moved, block by block                ▼
                           ╰────────────────────────▶ + ─▶ the next past

A decoder's map feeds on itself for ever, so everything that makes it is exact: integers, moved and
transformed with products and sums that float64 holds.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.ftc import steps
from splitwire.codecs.ftc.blocks import Blocks, blocks_of
from splitwire.codecs.ftc.profile import FtcProfile, opened
from splitwire.codecs.ftc.smoothing import Smoothing, smoothed
from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.ftc.transform import LARGEST, Floats, mixed, restored
from splitwire.codecs.profile import Profile
from splitwire.kernels.motion_arguments import LANES
from splitwire.kernels.residual_arguments import (
    CLASSES,
    FARTHEST,
    LAST,
    MOVES,
    OCTAVES,
    SIZES,
    STAGES,
    Integers,
    Model,
)

_TRADEOFF = 0.12  # squares of a step that a bit is worth in a still scene
_LIVELY = 0.1  # by how much less, where a residual takes the bits of a map alone
_FEW = 16  # blocks of a map, the most for which it is worth so much; else a quarter
_LEADING = 24  # components by which motion is found
_REACH = 1 / 7  # of a map's longer side, that motion is looked for
_RENEWED = 32  # every so many residuals the map of long ago is the last one
_WEIGHT = 23000  # of each input at first, in 1/65536
_RARE, _OFTEN = 3277, 19661  # a first bin's odds at first, and others', in 1/65536
_LESS = 0.5  # residuals are about so much smaller than what calibration saw
_TRUST = 6  # bins that a class's odds rest on at first

_ALONE = 0.95  # of the bits that a map alone would take, about: from here on it is coded alone
# Residuals in a row where steps are coarse. So little is coded there that errors stay until a map
# is coded alone, and add up; docs/video.md has what that costs.
_COARSE, _MOST = MIDDLE, 120


@dataclass(frozen=True, eq=False)
class Past:
    """What the next residual builds on. It is never changed.

    Attributes:
        last: int32 (C, H, W), the map as decoded.
        before: one of long ago, likewise.
        age: residuals since a map stood alone.
        model: what the coder has seen.
        smoothing: an encoder's alone, of the last map; none where that stood alone.
    """

    last: Integers
    before: Integers
    age: int
    model: Model
    smoothing: Smoothing | None = None


@dataclass(frozen=True, eq=False)
class Inter:
    """The blocks of a profile, ready for use."""

    table: FtcProfile

    @cached_property
    def blocks(self) -> Blocks:
        """How the map is cut."""
        return blocks_of(*self.table.shape[1:])

    @cached_property
    def worth(self) -> float:
        """Of a bit, over that in a small map: what a large one loses costs the output more."""
        return 1.0 if math.prod(self.blocks.grid) <= _FEW else 0.25

    @cached_property
    def octaves(self) -> NDArray[np.intp]:
        """That of each position, (H, W)."""
        return np.asarray(self.blocks.octaves[self.blocks.frequencies])

    @cached_property
    def gain(self) -> Floats:
        """From steps to the integers of the inverse transform, (C, H, W)."""
        return self._get("block_gain").astype(np.float64)[:, self.blocks.frequencies]

    @cached_property
    def forward(self) -> Floats:
        """From channels to components in the unit of `gain`, (octaves, C, C)."""
        return np.asarray(np.linalg.inv(self._get("block_basis") / 2.0**15))

    @cached_property
    def leading(self) -> NDArray[np.float32]:
        """From channels to a few components, (D, C), for a step of 1; D a multiple of 8."""
        octave = min(1, len(self.forward) - 1)
        rows = self.forward[octave][:_LEADING]
        frequency = int(np.flatnonzero(self.blocks.octaves == octave)[0])
        rows = rows / self._get("block_gain")[: len(rows), frequency, None]
        made = np.zeros((-(-len(rows) // LANES) * LANES, rows.shape[1]), np.float32)
        made[: len(rows)] = rows
        return made

    @lru_cache(maxsize=128)  # noqa: B019 (one a profile, and profiles are few)
    def kinds(self, quality: int) -> NDArray[np.uint8]:
        """The class of each coefficient in coding order, (C, P)."""
        classes = steps.classes(self._get("block_scales"), self.table.level(quality))
        return np.ascontiguousarray(classes[:, self.blocks.frequencies.ravel()[self.blocks.order]])

    def start(self, numbers: Floats) -> Past:
        """The past of a map that stood alone, given its integers (C, H, W)."""
        last = numbers.astype(np.int32)
        return Past(last, last, 0, self._untaught())

    def encode(self, numbers: Floats, quality: int, past: Past) -> tuple[bytes, Past] | None:
        """The bytes of a map's residual, and the next past; None if it is better off alone.

        numbers: float64 (C, H, W), in the unit of the profile's integers.
        """
        if quality < _COARSE and past.age >= _MOST:
            return None
        step = step_of(self.table.level(quality))
        vectors, sources = self._moves(numbers, past, step)
        foretold = self._foretold(past, vectors, sources)
        z = self._coefficients(numbers - foretold) / step
        share = _bits(z) / max(_bits(self.table.weighted(numbers) / step), 1.0)
        if share > _ALONE:
            return None
        blocks = self.blocks
        in_order = z.reshape(len(z), -1)[:, blocks.order].astype(np.float32)
        still = (sources == LAST) & ~vectors.any(1)
        target = smoothed(in_order, still, blocks.block, step, past.smoothing)
        stream, q, model = kernels.residuals_encode(
            target.left,
            vectors,
            sources,
            blocks.grid,
            self.kinds(quality),
            blocks.places,
            past.model,
            self.worth * (_TRADEOFF - _LIVELY * share),
        )
        after = self._after(past, foretold, q, step, model)
        return stream.tobytes(), replace(after, smoothing=target.after(q))

    def decode(self, payload: memoryview, quality: int, past: Past) -> Past:
        """The next past; ValueError where the bytes are damaged."""
        blocks = self.blocks
        q, vectors, sources, model = kernels.residuals_decode(
            payload, blocks.grid, self.kinds(quality), blocks.places, past.model
        )
        step = step_of(self.table.level(quality))
        return self._after(past, self._foretold(past, vectors, sources), q, step, model)

    def _moves(
        self, numbers: Floats, past: Past, step: float
    ) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
        """Vectors and sources of blocks."""
        now, last, before = (self._led(array, step) for array in (numbers, past.last, past.before))
        reach = min(max(1, round(_REACH * max(numbers.shape[1:]))), FARTHEST // 4)
        edges = self.blocks.rows.edges, self.blocks.columns.edges
        return kernels.motion_search(now, last, before, *edges, reach)

    def _led(self, numbers: NDArray[Any], step: float) -> NDArray[np.float32]:
        """Leading components of a map in steps, (H, W, D)."""
        channels, height, width = numbers.shape
        scaled = self.leading * np.float32(1 / step)
        with np.errstate(over="ignore", invalid="ignore"):  # far from calibration nothing matches
            flat = numbers.reshape(channels, -1).astype(np.float32)
            led: NDArray[np.float32] = np.ascontiguousarray((scaled @ flat).T)
        return led.reshape(height, width, -1)

    def _foretold(self, past: Past, vectors: NDArray[Any], sources: NDArray[Any]) -> Integers:
        return kernels.motion_move(
            past.last,
            past.before,
            vectors,
            sources,
            self.blocks.rows.edges,
            self.blocks.columns.edges,
        )

    def _coefficients(self, numbers: Floats) -> Floats:
        """Of the blocks of a map, in the unit of the step, (C, H, W)."""
        rows, columns = self.blocks.rows.basis, self.blocks.columns.basis
        return np.asarray(mixed(self.forward, rows @ numbers @ columns.T, self.octaves) / self.gain)

    def _after(
        self, past: Past, foretold: Integers, q: NDArray[np.int16], step: float, model: Model
    ) -> Past:
        z = np.zeros((len(q), foretold[0].size))
        z[:, self.blocks.order] = q * step
        residual = restored(
            z.reshape(foretold.shape) * self.gain,
            self._get("block_basis"),
            self.octaves,
            self.blocks.exact_rows,
            self.blocks.exact_columns,
        )
        last = (foretold + residual).clip(-LARGEST, LARGEST).astype(np.int32)
        age = past.age + 1
        return Past(last, past.before if age % _RENEWED else last, age, model)

    def _untaught(self) -> Model:
        """What a coder begins with: how often each class was other than zero in calibration."""
        contexts = np.zeros((STAGES, sum(SIZES), 2), np.uint16)
        contexts[0, :, 0], contexts[1:, :, 0] = _RARE, _OFTEN
        size = _LESS * self._get("expected").astype(np.float64) / 64
        odds = np.rint(65536 * size / (1 + size)).clip(32, 58982)
        contexts[0, : SIZES[0], 0] = np.repeat(odds, OCTAVES)
        contexts[0, : SIZES[0], 1] = _TRUST
        weights = np.full((STAGES * OCTAVES, len(SIZES)), _WEIGHT, np.int32)
        moves = np.zeros((MOVES, 2), np.uint16)
        moves[:, 0] = 1 << 15
        shape = (self.table.shape[0], self.blocks.order.size)
        before, lately = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
        assert SIZES[0] == CLASSES * OCTAVES
        return Model(contexts, weights, moves, before, lately)

    def _get(self, name: str) -> NDArray[Any]:
        return self.table.arrays[name]


def _bits(z: Floats) -> float:
    """About those of coefficients in steps; one that is rounded to nothing has none."""
    beyond = np.maximum(np.abs(z) - 0.5, 0)
    return float(np.log2(1 + 4 * beyond).sum())


@lru_cache(maxsize=16)
def inter_of(profile: Profile) -> Inter | None:
    """The blocks of a profile; None if it was made for maps that stand alone."""
    table = opened(profile)
    return Inter(table) if "block_basis" in table.arrays else None
