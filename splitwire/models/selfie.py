"""MediaPipe's selfie segmentation, the general model: the people in a picture of 256×256.

Google's MediaPipe (github.com/google/mediapipe, solutions/selfie_segmentation): a MobileNetV3 (A.
Howard et al., arXiv:1905.02244) whose features at strides 8, 4 and 2 come back, weighted channel by
channel, as the mask grows again.
"""

import torch
from torch import nn

from splitwire.models.preprocess import Preprocess
from splitwire.models.same import SameConv2d, doubled

PREPROCESS = Preprocess(256, None, (0.0,) * 3, (255.0,) * 3, "bilinear")


class Weighting(nn.Sequential):
    """A weight of 0 to 1 for each channel, by the mean of all channels."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )


class Weighted(nn.Module):
    """A tensor times its channels' weights."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.weighting = Weighting(channels, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) in and out."""
        weighted: torch.Tensor = x * self.weighting(x)
        return weighted


class Block(nn.Module):
    """MobileNetV3's: more channels, a depthwise convolution, weights, fewer channels.

    Where input and output are of one shape they are added.
    """

    def __init__(
        self, channels: int, wide: int, made: int, size: int, stride: int, weighted: int = 0
    ) -> None:
        super().__init__()
        bend = nn.Hardswish if size == 5 else nn.ReLU
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 1),
            bend(),
            SameConv2d(wide, wide, size, stride, groups=wide),
            bend(),
            Weighted(wide, weighted) if weighted else nn.Identity(),
            nn.Conv2d(wide, made, 1),
        )
        self.added = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) to (N, made, H/stride, W/stride)."""
        y: torch.Tensor = self.layers(x)
        return y + x if self.added else y


class Context(nn.Module):
    """Features weighted by what the whole picture shows."""

    def __init__(self, channels: int, made: int) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(channels, made, 1), nn.ReLU())
        self.weighting = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, made, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) to (N, made, H, W)."""
        weighted: torch.Tensor = self.features(x) * self.weighting(x)
        return weighted


class Growth(nn.Module):
    """Twice the size, with the finer features that the encoder had there."""

    def __init__(self, channels: int, made: int) -> None:
        super().__init__()
        self.fewer = nn.Conv2d(channels, made, 1)
        self.weighting = Weighting(made, made)
        self.mixed = nn.Sequential(nn.Conv2d(made, made, 1), nn.ReLU())
        self.spread = nn.Sequential(SameConv2d(made, made, 3, groups=made), nn.ReLU())

    def forward(self, x: torch.Tensor, finer: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) and (N, made, 2·H, 2·W) to the latter's shape."""
        grown = self.fewer(doubled(x))
        mixed = self.mixed(finer * self.weighting(finer + grown) + grown)
        shaped: torch.Tensor = mixed + self.spread(mixed)
        return shaped


class Selfie(nn.Module):
    """The whole network.

    Attributes:
        classes: what the mask is of.
    """

    classes = ("person",)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 16, 3, 2), nn.Hardswish())
        self.stage1 = Block(16, 16, 16, 3, 2, weighted=8)
        self.stage2 = nn.Sequential(Block(16, 72, 24, 3, 2), Block(24, 88, 24, 3, 1))
        self.stage3 = nn.Sequential(
            Block(24, 96, 32, 5, 2, weighted=24),
            Block(32, 128, 32, 5, 1, weighted=32),
            Block(32, 128, 32, 5, 1, weighted=32),
            Block(32, 96, 32, 5, 1, weighted=24),
            Block(32, 96, 32, 5, 1, weighted=24),
        )
        self.context = Context(32, 128)
        self.growth1 = Growth(128, 24)
        self.growth2 = Growth(24, 16)
        self.growth3 = Growth(16, 16)
        self.mask = nn.ConvTranspose2d(16, 1, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logit of each pixel's being of a person, float32 (N, 1, 256, 256).

        `x` is float32 (N, 3, 256, 256), RGB from 0 to 1.
        """
        half = self.stem(x)
        quarter = self.stage1(half)
        eighth = self.stage2(quarter)
        grown = self.growth1(self.context(self.stage3(eighth)), eighth)
        mask: torch.Tensor = self.mask(self.growth3(self.growth2(grown, quarter), half))
        return mask
