"""The first attack: a network that turns decoded features into the picture.

    features ─▶ standardised ─┬─▶ linear decoder ─────────────────────────────────┬─▶ + ─▶ picture
                              ╰─▶ residual blocks ─▶ pixel shuffle ─▶ ... ─▶ pixels ─╯

The eavesdropper trains it on pictures of his own, which he sends through the same edge half and
codec (Z. He, T. Zhang, R. B. Lee, "Model Inversion Attacks against Collaborative Inference",
ACSAC 2019, but for the network).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from splitwire.attack.linear import Linear
from splitwire.attack.scores import ssim
from splitwire.calibrate.calibrator import Track, silent

BATCH = 8
PACE = 3e-3  # Adam's rate of learning at its highest
_WINDOW = 28  # positions along each side that training sees at a time
_BLOCK = 4  # pixels along each side that the last layer makes at a position
_MIDDLE, _SCALE = 127.5, 64.0  # pixels as networks like them


@dataclass(frozen=True, eq=False)
class Watched:
    """What the eavesdropper knows of pictures of his own, or sees of others.

    Attributes:
        features: float16 (N, C, H, W), as they were decoded.
        pictures: uint8 (N, channels, H, W).
    """

    features: NDArray[np.float16]
    pictures: NDArray[np.uint8]


class Decoder(nn.Module):
    """Decodes features (N, C, H, W) to pictures (N, channels, H, W), 0 to 255.

    Args:
        shape: (C, H, W) of the features.
        picture: (channels, H, W) of the pictures.
        seed: of the weights that it starts with.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: tuple[int, ...], picture: tuple[int, ...], seed: int = 0) -> None:
        super().__init__()
        self._size = picture[1:]
        self.side = _side(shape, picture)
        self.register_buffer("mean", torch.zeros(shape[0], 1, 1))
        self.register_buffer("deviation", torch.ones(shape[0], 1, 1))
        self.linear = Linear(shape[0], picture[0], self.side)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.rest = _layers(shape, picture[0], self.side)

    def forward(self, x: Tensor) -> Tensor:
        """The pictures; values beyond 0 to 255 are cut off."""
        blocks = self.blocks(x) * _SCALE + _MIDDLE
        return _scaled(blocks, self._size).clamp(0, 255)

    def blocks(self, x: Tensor) -> Tensor:
        """Pixels as training has them: about zero, in whole blocks."""
        x = ((x - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        pixels: Tensor = self.linear(x) + self.rest(x)
        return pixels

    @torch.no_grad()
    def fit(self, watched: Watched, seed: int) -> None:
        """Learn the scale of the features and the linear decoder, in closed form."""
        flat = watched.features.astype(np.float32)
        mean, deviation = flat.mean((0, 2, 3)), flat.std((0, 2, 3))
        self.mean.copy_(torch.from_numpy(mean)[:, None, None])
        self.deviation.copy_(torch.from_numpy(np.maximum(deviation, 1e-6))[:, None, None])
        random = torch.Generator().manual_seed(seed)
        every = torch.split(torch.arange(len(flat)), 2 * BATCH)
        pairs = (self.pair(watched, numbers) for numbers in every)
        scaled = (((x - self.mean) / self.deviation, pixels) for x, pixels in pairs)
        self.linear.fit(scaled, random)

    def pair(self, watched: Watched, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Features and pixels in whole blocks of pictures by their numbers."""
        x = torch.from_numpy(watched.features[numbers.numpy()]).float()
        pictures = torch.from_numpy(watched.pictures[numbers.numpy()]).float()
        pixels = _scaled(pictures, tuple(self.side * n for n in x.shape[2:]))
        return x, (pixels - _MIDDLE) / _SCALE


class Residual(nn.Sequential):
    """Two convolutions beside a skip; it begins as the skip alone."""

    def __init__(self, width: int) -> None:
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(second.weight)
        super().__init__(nn.ReLU(), first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of `x`."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + y


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
        alike = ssim(*(y * _SCALE + _MIDDLE for y in (pixels, seen)))
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
    high, wide = (min(side, _WINDOW) for side in x.shape[2:])
    free = x.shape[2] - high + 1, x.shape[3] - wide + 1
    top, left = (int(torch.randint(n, (), generator=random)) for n in free)
    blocks = x[:, :, top : top + high, left : left + wide]
    top, left, high, wide = (side * n for n in (top, left, high, wide))
    return blocks, pixels[:, :, top : top + high, left : left + wide]


def _scaled(pictures: Tensor, size: tuple[int, ...]) -> Tensor:
    if pictures.shape[2:] == size:
        return pictures
    return interpolate(pictures, size, mode="bicubic", antialias=True)


def _side(shape: tuple[int, ...], picture: tuple[int, ...]) -> int:
    """Pixels along each side of the block at a position: about as many as it has numbers.

    A power of two. A decoder that is finer than that draws blurs in many pixels, at a cost.
    """
    most = min(p / f for p, f in zip(picture[1:], shape[1:], strict=True))
    log = math.log2(min(most, math.sqrt(shape[0] / picture[0])))
    return 1 << max(0, round(log))


def _layers(shape: tuple[int, ...], colours: int, side: int) -> nn.Sequential:
    """From features to pixels; twice as fine at each pixel shuffle, down to blocks of 4."""
    positions = min(_WINDOW, max(shape[1:]))
    width = _width(positions)
    layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 1), Residual(width), Residual(width)]
    while side > _BLOCK:
        side, positions = side // 2, 2 * positions
        width, before = _width(positions), width
        layers += [nn.Conv2d(before, 4 * width, 1), nn.PixelShuffle(2), Residual(width)]
    last = nn.Conv2d(width, colours * side**2, 3, padding=1)
    nn.init.zeros_(last.weight)
    return nn.Sequential(*layers, nn.ReLU(), last, nn.PixelShuffle(side))


def _width(positions: int) -> int:
    """Channels of a map so many positions wide, for about the same work at each."""
    return 64 * _WINDOW // max(positions, _WINDOW // 4)
