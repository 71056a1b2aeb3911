"""The network that turns decoded features into pictures.

    features ─▶ standardised ─┬─▶ linear decoder ─────────────────────────────────┬─▶ + ─▶ picture
                              ╰─▶ residual blocks ─▶ pixel shuffle ─▶ ... ─▶ pixels ─╯

It draws no more pixels than the features have numbers, and scales what it drew to the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from splitwire.attack.linear import Linear

MIDDLE, SCALE = 127.5, 64.0
"""Pixels as networks like them: less the first, in units of the second."""

WINDOW = 28
"""Positions along each side that training sees at a time."""

_BLOCK = 4  # pixels along each side that the last layer makes at a position
_FITTED = 16  # pictures of a batch of the linear decoder's


@dataclass(frozen=True, eq=False)
class Watched:
    """What the eavesdropper knows of pictures of their own, or sees of others.

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
        blocks = self.blocks(x) * SCALE + MIDDLE
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
        every = torch.split(torch.arange(len(flat)), _FITTED)
        pairs = (self.pair(watched, numbers) for numbers in every)
        scaled = (((x - self.mean) / self.deviation, pixels) for x, pixels in pairs)
        self.linear.fit(scaled, random)

    def pair(self, watched: Watched, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Features and pixels in whole blocks of pictures by their numbers."""
        x = torch.from_numpy(watched.features[numbers.numpy()]).float()
        pictures = torch.from_numpy(watched.pictures[numbers.numpy()]).float()
        pixels = _scaled(pictures, tuple(self.side * n for n in x.shape[2:]))
        return x, (pixels - MIDDLE) / SCALE


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
    positions = min(WINDOW, max(shape[1:]))
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
    return 64 * WINDOW // max(positions, WINDOW // 4)
