"""A bound that needs no attack: what Fisher information says of any unbiased estimator.

Let what is decoded be the features with Gaussian noise, z = f(x) + n, n ~ N(0, Σ) with Σ diagonal.
The Fisher information of z about the pixels is I = Jᵀ Σ⁻¹ J, J the derivative of f. By the
Cramér–Rao inequality an estimator of x that is unbiased errs by no less than

    E ‖x̂ − x‖² / d  ≥  tr(I⁻¹) / d  ≥  d / tr(I),

the mean squared error a pixel (K. Maeng, C. Guo, S. Kariyappa, G. E. Suh, arXiv:2305.04146, whose
measure tr(I) / d is; R. Deng, Z. Lu, Q. Duan, arXiv:2504.10016, who take Σ of what was seen). The
trace is the mean of ‖Jᵀ Σ^−½ v‖² over random signs v (M. Hutchinson, 1990): a backward pass each.

An attacker who knows what pictures look like is biased towards them, and may err by less. And a
codec's error is neither Gaussian nor independent of the picture. So it is a figure to compare cuts
and rates by, and no promise.
"""

import torch

from splitwire.codecs.base import Tensor
from splitwire.models.split import Split

PROBES = 8
_LEAST = 1e-12  # variance of noise that counts as some


def least_error(
    cut: Split, picture: Tensor, variance: Tensor, seed: int = 0, probes: int = PROBES
) -> float:
    """The bound for one picture: mean squared error a pixel, of pixels 0 to 255.

    Args:
        cut: the network in its halves; one map C×H×W crosses.
        picture: (channels, H, W), 0 to 255.
        variance: (C,), of the noise.
        seed: of the random signs.
        probes: how many draws of them.

    Returns:
        0 where there is no noise; infinity where no pixel changes anything.
    """
    if not variance.any():
        return 0.0
    random = torch.Generator().manual_seed(seed)
    scale = torch.from_numpy(variance).clamp(min=_LEAST).rsqrt()[None, :, None, None]
    pixels = torch.from_numpy(picture)[None].requires_grad_(True)
    with torch.enable_grad():
        (features,) = cut.edge(pixels)
    trace = 0.0
    for _ in range(probes):
        signs = 2 * torch.randint(2, features.shape, generator=random) - 1
        (slopes,) = torch.autograd.grad(features, pixels, signs * scale, retain_graph=True)
        trace += float(slopes.double().square().sum()) / probes
    return picture.size / trace if trace > 0 else float("inf")
