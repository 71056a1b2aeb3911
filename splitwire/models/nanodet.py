"""NanoDet-g: boxes of COCO's 80 classes in a picture of 416×416.

R. Lyu, NanoDet (github.com/RangiLyu/nanodet). A cross-stage partial network (C.-Y. Wang et al.,
arXiv:1911.11929), a path aggregation network (S. Liu et al., arXiv:1803.01534) and a head that
gives each side of a box as a distribution (X. Li et al., arXiv:2006.04388). It has no depthwise
convolution. Its batch normalisations are folded into its convolutions, as it was published for
deployment.
"""

import torch
from torch import nn
from torch.nn import functional as F

from splitwire.models.coco import CLASSES
from splitwire.models.preprocess import Preprocess

SIDE = 416
STRIDES = (8, 16, 32)
BINS = 11  # of the distribution of a side's distance from the cell's centre: 0 to 10 strides

# Of RGB; the authors' network takes BGR, and its first kernels were reversed when converted.
PREPROCESS = Preprocess(SIDE, None, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "bilinear")

_NECK = 128  # channels of each level

Levels = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _conv(channels: int, made: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, made, 3, stride, 1), nn.LeakyReLU(0.1))


class Residual(nn.Module):
    """Two convolutions, and both of their outputs side by side: as many channels as come in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels // 2)
        self.second = _conv(channels // 2, channels // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) in and out."""
        kept = self.first(x)
        return torch.cat((self.second(kept), kept), 1)


class Stage(nn.Module):
    """A cross-stage partial block: half of its output skips the residuals."""

    def __init__(self, channels: int, residuals: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels, stride)
        self.residuals = nn.Sequential(*(Residual(channels) for _ in range(residuals)))
        self.last = _conv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) to (N, 2·channels, H/stride, W/stride)."""
        kept = self.first(x)
        return torch.cat((self.last(self.residuals(kept)), kept), 1)


class Backbone(nn.Module):
    """The features of a picture at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 32, 2), nn.MaxPool2d(3, 2, 1))
        self.stage1 = Stage(32, 1, 1)
        self.stage2 = Stage(64, 2, 2)
        self.stage3 = Stage(128, 2, 2)
        self.stage4 = Stage(256, 3, 2)

    def forward(self, x: torch.Tensor) -> Levels:
        """(N, 3, H, W) to 128, 256 and 512 channels."""
        fine = self.stage2(self.stage1(self.stem(x)))
        middle = self.stage3(fine)
        return fine, middle, self.stage4(middle)


class Neck(nn.Module):
    """Sums of the levels, from the coarse to the fine and back, by resizing alone."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, _NECK, 1) for channels in (128, 256, 512))

    def forward(self, levels: Levels) -> Levels:
        """Three levels of 128, 256 and 512 channels to three of 128."""
        fine, middle, coarse = (
            lateral(level) for lateral, level in zip(self.lateral, levels, strict=True)
        )
        middle = middle + _resized(coarse, middle)
        fine = fine + _resized(middle, fine)
        middle = middle + _resized(fine, middle)
        return fine, middle, coarse + _resized(middle, coarse)


class Head(nn.Module):
    """What one level says of each of its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv(_NECK, _NECK)
        self.out = nn.Conv2d(_NECK, len(CLASSES) + 4 * BINS, 1)

    def forward(self, level: torch.Tensor) -> torch.Tensor:
        """(N, 128, H, W) to (N, H·W, 80 + 44)."""
        said: torch.Tensor = self.out(self.conv(level))
        return said.flatten(2).transpose(1, 2)


class NanoDet(nn.Module):
    """The whole network.

    Attributes:
        classes: what the class logits are of, in order.
    """

    classes = CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.heads = nn.ModuleList(Head() for _ in STRIDES)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class and box logits of each cell, float32 (N, 3549, 80) and (N, 3549, 44).

        `x` is float32 (N, 3, 416, 416), normalised RGB. The cells are those of strides 8, 16 and
        32 (52², 26² and 13²), row by row; the centre of cell i lies at (i + ½)·stride. The first
        are logits of a sigmoid a class. The others are four distributions of eleven logits: the
        mean of their softmax over 0 to 10 is the distance, in strides, from the centre to the left,
        top, right and bottom side.
        """
        levels = self.neck(self.backbone(x))
        said = torch.cat([head(level) for head, level in zip(self.heads, levels, strict=True)], 1)
        scores, sides = torch.split(said, [len(CLASSES), 4 * BINS], 2)
        return scores, sides


def _resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear")
