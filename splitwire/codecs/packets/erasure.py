"""An erasure code: of `count` shares any `needed` give the data back.

Reed and Solomon's code (1960) over GF(256), with a Cauchy matrix so that the first shares are the
data itself (J. Blömer et al., "An XOR-based erasure-resilient coding scheme", 1995): share `needed`
+ i is Σ data[j] / (x_i + y_j), where all x and y differ. Any square part of that matrix can
be inverted. With `needed` = 1 every share is a copy, but for a factor.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MOST = 256  # shares: elements of the field
_POLYNOMIAL = 0x11D  # x⁸ + x⁴ + x³ + x² + 1, of which x is a generator


def _tables() -> tuple[Bytes, NDArray[np.intp]]:
    """Powers of the generator, twice over, and logarithms; that of 0 leads to zeros."""
    powers, logarithms = np.zeros(1024, np.uint8), np.full(256, 511, np.intp)
    value = 1
    for power in range(255):
        powers[power] = powers[power + 255] = value
        logarithms[value] = power
        value = value << 1 ^ (_POLYNOMIAL if value & 128 else 0)
    powers[510:] = 0
    return powers, logarithms


_POWERS, _LOGARITHMS = _tables()


def _times(a: Bytes, b: Bytes) -> Bytes:
    """Products in the field, elementwise with broadcasting."""
    return np.asarray(_POWERS[_LOGARITHMS[a] + _LOGARITHMS[b]])


def _over(a: Bytes, b: Bytes) -> Bytes:
    """Quotients, b not zero."""
    return _times(a, _POWERS[(255 - _LOGARITHMS[b]) % 255])


def _product(matrix: Bytes, rows: Bytes) -> Bytes:
    """A matrix (n, k) times rows (k, size)."""
    made = np.zeros((len(matrix), rows.shape[1]), np.uint8)
    for column, row in zip(matrix.T, rows, strict=True):
        made ^= _times(column[:, None], row)
    return made


@lru_cache(maxsize=256)
def _cauchy(needed: int, count: int) -> Bytes:
    """What makes the shares beside the data, (count - needed, needed)."""
    sums = np.arange(needed, count)[:, None] ^ np.arange(needed)
    return _over(np.ones(1, np.uint8), sums.astype(np.uint8))


def shares(data: Bytes, count: int) -> Bytes:
    """All shares (count, size) of data (needed, size), the data first.

    Raises:
        ValueError: fewer than needed, or more than 256.
    """
    if not 0 < len(data) <= count <= MOST:
        raise ValueError(f"{count} shares of {len(data)} rows: at least those, at most {MOST}")
    return np.concatenate((data, _product(_cauchy(len(data), count), data)))


def recovered(found: Mapping[int, Bytes], needed: int, count: int) -> Bytes:
    """The data (needed, size) from at least `needed` shares of equal size, by their number.

    Raises:
        ValueError: there are fewer.
    """
    if len(found) < needed:
        raise ValueError(f"{len(found)} shares of {needed} that are needed")
    have = [at for at in range(needed) if at in found]
    lack = [at for at in range(needed) if at not in found]
    others = sorted(at for at in found if at >= needed)[: len(lack)]
    data = np.zeros((needed, len(next(iter(found.values())))), np.uint8)
    for at in have:
        data[at] = found[at]
    if lack:
        matrix = _cauchy(needed, count)[np.array(others) - needed]
        rest = np.stack([found[at] for at in others]) ^ _product(matrix[:, have], data[have])
        data[lack] = _solved(matrix[:, lack], rest)
    return data


def _solved(matrix: Bytes, right: Bytes) -> Bytes:
    """The x (n, size) with matrix · x = right; no pivot of a Cauchy matrix vanishes."""
    whole = np.concatenate((matrix, right), axis=1)
    for at in range(len(matrix)):
        whole[at] = _over(whole[at], whole[at, at])
        factors = whole[:, at].copy()
        factors[at] = 0
        whole ^= _times(factors[:, None], whole[at])
    return np.asarray(whole[:, len(matrix) :])
