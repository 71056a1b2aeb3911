"""RGB as luma and colour difference at 8 bits, for video codecs: JFIF's full-range BT.601.

    Y = 0.299 R + 0.587 G + 0.114 B      Cb = 128 + (B − Y) / 1.772      Cr = 128 + (R − Y) / 1.402

4:2:0 keeps of each two by two colour differences their mean, and the decoder draws straight lines
between those. Every number is rounded once; neither the matrix nor the range is left to a library,
whose defaults (limited range) lose more.
"""

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_CB, _CR = 2 * (1 - _BLUE), 2 * (1 - _RED)


def to_yuv(x: Tensor, halved: bool) -> Planes:
    """Luma and both colour differences of a picture.

    Args:
        x: (3, H, W), 0 to 255; H and W even.
        halved: whether colour is 4:2:0, at half the height and width.
    """
    red, green, blue = x
    luma = _RED * red + _GREEN * green + _BLUE * blue
    both = [128 + (blue - luma) / _CB, 128 + (red - luma) / _CR]
    if halved:
        height, width = luma.shape
        quarters = (height // 2, 2, width // 2, 2)
        both = [plane.reshape(quarters).mean((1, 3)) for plane in both]
    rounded = (np.rint(plane).clip(0, 255).astype(np.uint8) for plane in (luma, *both))
    y, cb, cr = rounded
    return y, cb, cr


def from_yuv(planes: Planes) -> Tensor:
    """The picture of such planes: float32 (3, H, W), whole numbers 0 to 255."""
    luma, *rest = (plane.astype(np.float32) for plane in planes)
    cb, cr = (p - 128 if p.shape == luma.shape else _doubled(p - 128) for p in rest)
    red, blue = luma + _CR * cr, luma + _CB * cb
    green = (luma - _RED * red - _BLUE * blue) / _GREEN
    picture: Tensor = np.rint(np.stack((red, green, blue)).clip(0, 255))
    return picture


def _doubled(plane: Tensor) -> Tensor:
    """Twice as high and wide; each new sample lies a quarter of a step from an old one."""
    for _ in range(2):  # down, then across
        ends = np.concatenate((plane[:1], plane, plane[-1:]))
        pairs = (3 * plane + ends[:-2]) / 4, (3 * plane + ends[2:]) / 4
        plane = np.stack(pairs, 1).reshape(-1, plane.shape[1]).T.astype(np.float32)
    return plane
