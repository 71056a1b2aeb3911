"""Where `factorised` and `hyperprior` begin: the KLT of blocks, in the metric of the output.

Convolutions that begin at random take long to find out what features are. So a linear branch runs
beside each network, which gives nothing at first, and training begins with what that branch does.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from splitwire.codecs.ftc.steps import step_of
from splitwire.codecs.ftc.transform import Floats, cosines, mixed, octaves
from splitwire.errors import TrainingError
from splitwire.train.architecture import Start, tensor


def linear_start(
    start: Start, before: Floats, latents: tuple[int, ...]
) -> tuple[nn.Sequential, nn.Sequential]:
    """A linear analysis to latents of that shape (M, h, w), and its synthesis.

    A latent is a principal component of the blocks that h×w of them divide a tensor into. An error
    of one costs about as much as that of a coefficient of `ftc` by one step of the middle quality.

    Args:
        start: what calibration found.
        before: from channels to what networks see, (C, C).
        latents: their shape.

    Raises:
        TrainingError: the latents are not a whole number of times smaller than the features.
    """
    (channels, height, width), (count, *small) = start.shape, latents
    side = -(-height // small[0])
    if [-(-height // side), -(-width // side)] != small:
        raise TrainingError(f"an analysis makes {latents} of {start.shape}: use whole strides")
    learnt = start.learnt
    which = octaves(*learnt.bands.shape)
    spectra = mixed(learnt.backward, learnt.spectra / learnt.weights[:, learnt.bands], which)
    seen = np.einsum("kc,nchw->nkhw", before, cosines(height).T @ spectra @ cosines(width))
    sizes = np.linalg.norm(learnt.forward[len(learnt.forward) // 2], axis=1)
    sizes = sizes / np.linalg.norm(before, axis=1)  # of the components, of which networks see units
    scale = np.exp(np.log(learnt.weights).mean(1)) * sizes / step_of(start.level)
    axes = _axes(scale[:, None, None] * seen, side)[:count].reshape(-1, channels, side, side)
    kernel = 2 * side - 1
    analysis = nn.Conv2d(channels + 1, count, kernel, stride=side, padding=side - 1)
    synthesis = nn.Conv2d(count + 1, channels * side**2, 1)
    blocks = tensor(axes * scale[:, None, None])
    back = tensor((axes / scale[:, None, None]).reshape(len(axes), -1).T)
    with torch.no_grad():
        for layer in (analysis, synthesis):
            layer.weight.zero_()
            layer.bias.zero_()  # type: ignore[union-attr]
        analysis.weight[: len(axes), :-1, side - 1 :, side - 1 :] = blocks
        synthesis.weight[:, : len(axes), 0, 0] = back
    return nn.Sequential(analysis), nn.Sequential(synthesis, nn.PixelShuffle(side))


def _axes(planes: Floats, side: int) -> NDArray[np.float64]:
    """The principal axes of blocks (C side²), the largest first, each a row."""
    count, channels, height, width = planes.shape
    more = [(0, 0), (0, 0), (0, -height % side), (0, -width % side)]
    padded = np.pad(planes, more)
    rows, columns = (n // side for n in padded.shape[2:])
    blocks = padded.reshape(count, channels, rows, side, columns, side)
    vectors = blocks.transpose(0, 2, 4, 1, 3, 5).reshape(-1, channels * side**2)
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    return np.asarray(axes[:, ::-1].T)
