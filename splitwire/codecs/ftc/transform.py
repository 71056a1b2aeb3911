"""The transform of `ftc`: a DCT over the map, and for each octave a KLT over channels.

Its inverse is exact, made of integers that float64 holds: products and sums of them below 2**53
round nowhere, so that BLAS may add them in any order, on any number of threads and with any
instruction set, and a stream decodes to the same bits everywhere.
"""

from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

FINE = 14  # bits of a cosine
_BITS = 27  # of what enters a product
LARGEST = 2**_BITS  # of an integer
_OCTAVES = (1, 2, 4, 8)  # where each begins, after that of frequency 0
_EXACT = 53 - 15  # bits that float64 leaves to it and to the number of terms, beside the basis


@lru_cache(maxsize=64)
def cosines(size: int) -> Floats:
    """The orthonormal DCT-II of that size: row u is the frequency u; float64 (size, size)."""
    places, rates = np.arange(size), np.arange(size)[:, None]
    basis: Floats = np.cos(np.pi * (2 * places + 1) * rates / (2 * size)) * np.sqrt(2 / size)
    basis[0] = np.sqrt(1 / size)
    basis.flags.writeable = False
    return basis


@lru_cache(maxsize=64)
def _integer_cosines(size: int) -> Floats:
    basis: Floats = np.rint(cosines(size) * 2**FINE)
    basis.flags.writeable = False
    return basis


def spectrum(planes: Floats) -> Floats:
    """The DCT of each map of (..., H, W), over the whole of it."""
    height, width = planes.shape[-2:]
    return cosines(height) @ planes @ cosines(width).T


@lru_cache(maxsize=64)
def octaves(height: int, width: int) -> NDArray[np.uint8]:
    """The octave of each frequency, (H, W), by the larger of two: 0, 1, 2-3, 4-7, 8 and more."""
    largest = np.maximum(np.arange(height)[:, None], np.arange(width))
    numbers = np.digitize(largest, _OCTAVES).astype(np.uint8)
    numbers.flags.writeable = False
    return numbers


def frequency_bands(height: int, width: int) -> NDArray[np.uint16]:
    """The band of each frequency (H, W): those of about the same height and width share one.

    A side of 56 has 10 classes: 0, 1, 2, 3, 4-5, 6-7, 8-11, 12-15, 16-23, 24-31, ...: half octaves.
    """
    rows, columns = _classes(height), _classes(width)
    bands = rows[:, None] * (columns.max() + 1) + columns
    return np.asarray(bands.astype(np.uint16))


def _classes(size: int) -> NDArray[np.int64]:
    rates = np.arange(size)
    octave = np.log2(np.maximum(rates, 1)).astype(np.int64)
    half = rates * 2 >= 3 * 2**octave
    return np.where(rates < 2, rates, 2 * octave + half)


def mixed(
    matrices: NDArray[Real], spectra: NDArray[Real], which: NDArray[np.integer[Any]]
) -> NDArray[Real]:
    """Spectra (..., C, H, W), the channels of each octave multiplied by its matrix of (O, K, C).

    which: the octave of each frequency, (H, W); or (H W,), of maps that are flat.
    """
    shape = (*spectra.shape[: -1 - which.ndim], matrices.shape[1], *which.shape)
    made: NDArray[Real] = np.empty(shape, spectra.dtype)
    for octave, matrix in enumerate(matrices):
        inside = which == octave
        made[..., inside] = matrix @ spectra[..., inside]
    return made


def rebuild(numbers: Floats, basis: NDArray[np.int16]) -> Floats:
    """Planes of components' spectra, in integers: the inverse KLT, then the inverse DCT.

    numbers: float64 (K, H, W), in the unit in which the result is wanted; rounded and clipped to
    27 bits, or fewer where there are more than 2048 terms to a sum. basis: int16 (O, C, K), for
    each octave, in 1/32768. Returns float64 (C, H, W) that holds integers.
    """
    height, width = numbers.shape[1:]
    cosines = _integer_cosines(height), _integer_cosines(width)
    return restored(numbers, basis, octaves(height, width), *cosines)


def restored(
    numbers: Floats,
    basis: NDArray[np.int16],
    which: NDArray[np.integer[Any]],
    rows: Floats,
    columns: Floats,
) -> Floats:
    """As `rebuild`, with a DCT of one's own.

    which: the octave of each frequency, (H, W). rows, columns: float64 (H, H) and (W, W), integers
    of at most 14 bits, a basis that is orthonormal in 1/16384.
    """
    bits = min(_BITS, _EXACT - (max(numbers.shape) - 1).bit_length())
    spectra = mixed(basis.astype(np.float64), _settled(numbers, 0, bits), which)
    maps = _settled(spectra, 15, bits)
    down = _settled(rows.T @ maps, FINE, bits)
    return _settled(down @ columns, FINE, bits)


def _settled(sums: Floats, less: int, bits: int) -> Floats:
    """Integers of the next stage: `less` bits less, rounded, and of that many bits at most."""
    scaled = np.multiply(sums, 2.0**-less)
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -(2.0**bits), 2.0**bits, out=scaled)
