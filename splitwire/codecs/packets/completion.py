"""Tensor completion by low rank.

J. Liu, P. Musialski, P. Wonka, J. Ye, "Tensor completion for estimating missing values in visual
data", IEEE TPAMI 35(1), 2013.

Both look for the tensor that has what arrived and whose unfoldings along its three axes have small
nuclear norms. They are slow: three singular value decompositions a round.
"""

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]
Known = NDArray[np.bool_]
Floats = NDArray[np.float64]

ROUNDS = 50
# The thresholds, parts of the largest singular value, that were best on calibration crops.
_SHRINK = 0.05  # of SiLRTC
_FIRST = 0.5  # of HaLRTC, whose threshold falls
_GROWTH = 1.1  # of HaLRTC's penalty, a round


def silrtc(planes: Planes, known: Known) -> Planes:
    """Simple low-rank tensor completion: the mean of the unfoldings, each shrunk."""
    x = planes.astype(np.float64)
    threshold = _SHRINK * _largest(x)
    for _ in range(ROUNDS):
        parts = [
            _folded(_shrunk(_unfolded(x, axis), threshold), axis, x.shape) for axis in range(3)
        ]
        x = np.where(known, planes, sum(parts) / 3)
    return np.asarray(x, np.float32)


def halrtc(planes: Planes, known: Known) -> Planes:
    """High-accuracy low-rank tensor completion: the same by alternating directions."""
    x = planes.astype(np.float64)
    duals = np.zeros((3, *x.shape))
    penalty = 1 / (3 * _FIRST * _largest(x))
    for _ in range(ROUNDS):
        parts = [
            _folded(_shrunk(_unfolded(x + y / penalty, axis), 1 / (3 * penalty)), axis, x.shape)
            for axis, y in enumerate(duals)
        ]
        together = sum(part - y / penalty for part, y in zip(parts, duals, strict=True)) / 3
        x = np.where(known, planes, together)
        duals -= penalty * (np.stack(parts) - x)
        penalty *= _GROWTH
    return np.asarray(x, np.float32)


def _largest(x: Floats) -> float:
    """The largest singular value of any unfolding."""
    return max(float(np.linalg.norm(_unfolded(x, axis), 2)) for axis in range(3)) or 1.0


def _unfolded(x: Floats, axis: int) -> Floats:
    return np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)


def _folded(matrix: Floats, axis: int, shape: tuple[int, ...]) -> Floats:
    moved = (shape[axis], *(n for at, n in enumerate(shape) if at != axis))
    return np.moveaxis(matrix.reshape(moved), 0, axis)


def _shrunk(matrix: Floats, threshold: float) -> Floats:
    """Singular values less a threshold; by the smaller of the two Gram matrices."""
    if matrix.shape[0] > matrix.shape[1]:
        return _shrunk(matrix.T, threshold).T
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    sizes = np.sqrt(np.maximum(values, 1e-30))
    kept = np.maximum(sizes - threshold, 0) / sizes
    return np.asarray((vectors * kept) @ (vectors.T @ matrix))
