"""How near a reconstruction is to the picture: in pixels, and in structure."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

PEAK = 255.0
WINDOW = 7  # pixels along each side


def psnr(picture: NDArray[np.float32], seen: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio in decibels of two pictures of one shape, 0 to 255."""
    return decibels(float(np.mean((picture.astype(np.float64) - seen) ** 2)))


def decibels(error: float) -> float:
    """The same of a mean squared error; 100 at most, so that there is a mean over pictures."""
    return 10 * math.log10(PEAK**2 / max(error, PEAK**2 * 1e-10))


def ssim(pictures: Tensor, seen: Tensor) -> Tensor:
    """The mean structural similarity of each pair of pictures (Z. Wang et al., 2004).

    Over windows of 7×7 pixels (fewer in a smaller picture) that lie inside the picture, each
    weighing alike, with the unbiased covariance: what `skimage.metrics.structural_similarity`
    does unless told otherwise. It can be differentiated.

    Args:
        pictures: (N, channels, H, W), values 0 to 255.
        seen: of the same shape.

    Returns:
        (N,): 1 where both are equal.
    """
    window = min(WINDOW, *pictures.shape[2:])
    unbiased = window**2 / max(window**2 - 1, 1)
    moments = torch.cat([pictures, seen, pictures**2, seen**2, pictures * seen], 1)
    means = avg_pool2d(moments, window, stride=1).chunk(5, 1)
    x, y = means[:2]
    xx, yy = unbiased * (means[2] - x**2), unbiased * (means[3] - y**2)
    xy = unbiased * (means[4] - x * y)
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    alike = ((2 * x * y + c1) * (2 * xy + c2)) / ((x**2 + y**2 + c1) * (xx + yy + c2))
    found: Tensor = alike.mean((1, 2, 3))
    return found
