"""Tensors of any rank as planes: channels first, each a map of two dimensions.

C×H×W            feature maps     → C planes of H×W
T×D              tokens           → D planes of 1×T: a channel is one of a token's D numbers
D                a vector         → D planes of 1×1
A×…×H×W          anything deeper  → A·… planes of H×W
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def planes_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) of the planes of a tensor of that shape."""
    if len(shape) == 1:
        return (shape[0], 1, 1)
    if len(shape) == 2:
        return (shape[1], 1, shape[0])
    return (math.prod(shape[:-2]), shape[-2], shape[-1])


def to_planes(x: NDArray[Scalar]) -> NDArray[Scalar]:
    """The planes of a tensor: (C, H, W), a view where possible."""
    return (x.T if x.ndim == 2 else x).reshape(planes_shape(x.shape))


def from_planes(planes: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """The tensor of that shape whose planes these are, C-contiguous."""
    if len(shape) == 2:
        return np.ascontiguousarray(planes.reshape(shape[::-1]).T)
    return planes.reshape(shape)
