"""Latents in steps through static rANS, with a table for each row of them.

Symbols run from -REACH to REACH. What is rarer than one in 8192 at the ends of a table has no
symbol: an encoder clips to what has, instead of paying for 250 symbols that hardly come.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.ftc.steps import MIDDLE, step_of
from splitwire.codecs.ftc.transform import Floats

Tables = NDArray[np.uint16]

REACH = 127
GRID = 16  # edges in a step of the middle quality
_FRACTION = 20  # bits of a place between two edges
_RARE = 13  # and of what is too rare for a symbol


def table_of(weights: NDArray[np.int64]) -> Tables:
    """The frequencies of symbols, given weights (2 REACH + 1,) of a sum below 2**40."""
    common = np.flatnonzero(weights >= max(int(weights.sum()) >> _RARE, 1))
    kept = np.zeros_like(weights)
    inside = slice(common[0], common[-1] + 1) if common.size else slice(REACH, REACH + 1)
    kept[inside] = np.maximum(weights[inside], 1)
    return kernels.rans_frequencies(kept)


def bin_tables(cumulative: NDArray[np.integer[Any]], quality: int) -> Tables:
    """The tables of channels whose cumulative counts stand on a grid about zero, at a quality.

    cumulative: uint16 or int32 (M, 2 N + 1), not falling; column N is at zero, GRID columns are a
    step of the middle quality. Between two columns counts rise evenly. Returns uint16
    (M, 2 REACH + 1).
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
    return np.stack([table_of(row) for row in np.diff(at) >> _RARE])


def encode_steps(steps: Floats, tables: Tables, rows: NDArray[np.int64]) -> bytes:
    """The stream of latents in steps, rounded; rows: the table of each, by their leading axes."""
    low, high = (tables > 0).argmax(1), 2 * REACH - (tables[:, ::-1] > 0).argmax(1)
    apart = (...,) + (None,) * (steps.ndim - rows.ndim)
    bounds = low[rows][apart], high[rows][apart]
    symbols = np.clip(np.rint(steps) + REACH, *bounds).astype(np.uint8)
    return kernels.rans_encode(symbols, tables, rows).tobytes()


def decode_steps(
    stream: memoryview, tables: Tables, rows: NDArray[np.int64], shape: tuple[int, ...]
) -> Floats:
    """The latents again, in steps; ValueError where the bytes are no such stream."""
    return kernels.rans_decode(stream, tables, shape, rows).astype(np.float64) - REACH
