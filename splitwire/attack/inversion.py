"""The first attack: a network that turns decoded features into the picture, trained to do so.

The eavesdropper trains it on pictures of their own, sent through the same edge half and
codec (Z. He, T. Zhang, R. B. Lee, "Model Inversion Attacks against Collaborative Inference",
ACSAC 2019, but for the network).
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.attack.decoder import MIDDLE, SCALE, WINDOW, Decoder, Watched
from splitwire.attack.scores import ssim
from splitwire.calibrate.calibrator import Track, silent

BATCH = 8
PACE = 3e-3  # Adam's rate of learning at its highest


def train(
    decoder: Decoder, watched: Watched, steps: int, seed: int, track: Track = silent, name: str = ""
) -> None:
    """Train what the linear decoder leaves, on batches of eight, from wherever the decoder stands.

    The loss is the absolute error and the structure that is missed.
    """
    optimiser = torch.optim.Adam(decoder.rest.parameters(), PACE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PACE, total_steps=max(steps, 2))
    batches = _batches(decoder, watched, steps, seed)
    for x, pixels in track(batches, total=steps, description=name):
        seen = decoder.blocks(x)
        alike = ssim(*(y * SCALE + MIDDLE for y in (pixels, seen)))
        loss = (pixels - seen).abs().mean() + 1 - alike.mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(decoder.rest.parameters(), 1.0)
        optimiser.step()
        schedule.step()


@torch.inference_mode()
def invert(decoder: Decoder, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture (channels, H, W) that the decoder sees in features (C, H, W)."""
    picture: NDArray[np.float32] = decoder(torch.from_numpy(features)[None])[0].numpy()
    return picture


def _batches(
    decoder: Decoder, watched: Watched, steps: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random windows of pictures, each of which has its turn before any has another."""
    random = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        if len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(watched.pictures), generator=random)])
        x, pixels = decoder.pair(watched, order[:BATCH])
        order = order[BATCH:]
        yield _window(x, pixels, decoder.side, random)


def _window(x: Tensor, pixels: Tensor, side: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same window of each picture, where features are so fine that a part will do."""
    high, wide = (min(n, WINDOW) for n in x.shape[2:])
    free = x.shape[2] - high + 1, x.shape[3] - wide + 1
    top, left = (int(torch.randint(n, (), generator=random)) for n in free)
    blocks = x[:, :, top : top + high, left : left + wide]
    top, left, high, wide = (side * n for n in (top, left, high, wide))
    return blocks, pixels[:, :, top : top + high, left : left + wide]
