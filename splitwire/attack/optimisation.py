"""The second attack: move the pixels of a picture until its features are those that were decoded.

    x ─▶ edge ─▶ f(x) beside what was decoded; and how rough x is

It needs the edge half with its weights, and no training. What it finds is the most likely picture,
where decoded features have Gaussian noise and differences of neighbouring pixels a Laplace
distribution (total variation: L. Rudin, S. Osher, E. Fatemi, 1992), both of the scale that was
measured on the eavesdropper's own pictures. A. Mahendran and A. Vedaldi (arXiv:1412.0035) invert
features likewise, with weights chosen by hand.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.models.split import Split

PACE = 2.0  # grey levels of a step of Adam's at first
_LEAST = 1e-12  # variance of noise that counts as some


def roughness(pictures: NDArray[np.uint8]) -> float:
    """The mean absolute difference of neighbouring pixels of pictures (N, channels, H, W)."""
    down, right = (np.abs(np.diff(pictures.astype(np.int16), axis=a)).mean() for a in (2, 3))
    return float(down + right) / 2


def optimise(
    cut: Split, decoded: Tensor, variance: Tensor, scale: float, start: Tensor, steps: int
) -> Tensor:
    """The picture that explains decoded features best, near one to start from.

    Args:
        cut: the network in its halves; one map C×H×W crosses.
        decoded: (C, H, W).
        variance: (C,), of the noise.
        scale: `roughness` of pictures.
        start: (channels, H, W), 0 to 255.
        steps: of Adam's.

    Returns:
        Of the shape of `start`, 0 to 255.
    """
    wanted = torch.from_numpy(decoded)[None]
    weight = 1 / (2 * torch.from_numpy(variance).clamp(min=_LEAST))[None, :, None, None]
    with torch.enable_grad():
        pixels = torch.from_numpy(start.copy())[None].requires_grad_(True)
        optimiser = torch.optim.Adam([pixels], PACE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
        for _ in range(steps):
            (features,) = cut.edge(pixels)
            apart = (weight * (features - wanted) ** 2).sum()
            rough = sum(pixels.diff(dim=dim).abs().sum() for dim in (2, 3))
            optimiser.zero_grad()
            (apart + rough / scale).backward()
            optimiser.step()
            schedule.step()
    found: Tensor = pixels.detach()[0].clamp(0, 255).numpy()
    return found
