"""MoveNet Lightning: the 17 key points of the person in the middle of a picture of 192×192.

Google's MoveNet.SinglePose.Lightning, version 4 (its card: tfhub.dev/google/movenet/singlepose/
lightning/4): a MobileNetV2 (M. Sandler et al., arXiv:1801.04381), a feature pyramid (T.-Y. Lin et
al., arXiv:1612.03144) and four maps as of CenterNet (X. Zhou et al., arXiv:1904.07850).
"""

import torch
from torch import nn

from splitwire.models.preprocess import Preprocess
from splitwire.models.same import SameConv2d, doubled

PREPROCESS = Preprocess(192, 192, (127.5,) * 3, (127.5,) * 3, "bilinear")
KEYPOINTS = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder",
    "left elbow", "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee",
    "right knee", "left ankle", "right ankle",
)  # fmt: skip

_MAPS = (len(KEYPOINTS), 1, 2 * len(KEYPOINTS), 2 * len(KEYPOINTS))

Maps = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Block(nn.Module):
    """An inverted residual: six times the channels, a depthwise convolution, few channels."""

    def __init__(self, channels: int, made: int, stride: int = 1) -> None:
        super().__init__()
        wide = 6 * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 1),
            nn.ReLU6(),
            SameConv2d(wide, wide, 3, stride, groups=wide),
            nn.ReLU6(),
            nn.Conv2d(wide, made, 1),
        )
        self.added = channels == made and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) to (N, made, H/stride, W/stride)."""
        y: torch.Tensor = self.layers(x)
        return x + y if self.added else y


def _stage(channels: int, made: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(Block(channels, made, 2), *(Block(made, made) for _ in range(blocks - 1)))


class Backbone(nn.Module):
    """The features of a picture at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            SameConv2d(3, 32, 3, 2),
            nn.ReLU6(),
            SameConv2d(32, 32, 3, groups=32),
            nn.ReLU6(),
            nn.Conv2d(32, 16, 1),
        )
        self.stage2 = _stage(16, 24, 2)
        self.stage3 = _stage(24, 32, 3)
        self.stage4 = _stage(32, 64, 4)
        self.stage5 = nn.Sequential(
            Block(64, 96),
            Block(96, 96),
            Block(96, 96),
            *_stage(96, 160, 3),
            Block(160, 320),
            nn.Conv2d(320, 1280, 1),
            nn.ReLU6(),
        )

    def forward(self, x: torch.Tensor) -> Maps:
        """(N, 3, H, W) to 24, 32, 64 and 1,280 channels, the finest first."""
        fourth = self.stage2(self.stage1(x))
        eighth = self.stage3(fourth)
        sixteenth = self.stage4(eighth)
        return fourth, eighth, sixteenth, self.stage5(sixteenth)


def _separable(channels: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        SameConv2d(channels, channels, 3, groups=channels, bias=False),
        nn.Conv2d(channels, made, 1),
        nn.ReLU(),
    )


class Neck(nn.Module):
    """The features of stride 4 with those of the coarser ones added, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.coarsest = nn.Conv2d(1280, 64, 1)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, channels, 1) for channels in (64, 32, 24))
        self.merged = nn.ModuleList((_separable(64, 32), _separable(32, 24), _separable(24, 24)))

    def forward(self, levels: Maps) -> torch.Tensor:
        """The backbone's four levels to (N, 24, H, W) of the finest."""
        *finer, coarsest = levels
        x: torch.Tensor = self.coarsest(coarsest)
        for level, lateral, merged in zip(finer[::-1], self.lateral, self.merged, strict=True):
            x = merged(doubled(x) + lateral(level))
        return x


class MoveNet(nn.Module):
    """The whole network, up to its maps.

    Attributes:
        classes: what the key points are called, in order.
    """

    classes = KEYPOINTS

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.heads = nn.ModuleList(
            nn.Sequential(_separable(24, 96), nn.Conv2d(96, maps, 1)) for maps in _MAPS
        )

    def forward(self, x: torch.Tensor) -> Maps:
        """Four maps of 48×48 cells, float32 (N, 17, 48, 48), (N, 1, …), (N, 34, …), (N, 34, …).

        `x` is float32 (N, 3, 192, 192), RGB from −1 to 1. The maps: the logit of each key point's
        being in a cell; the logit of a person's centre's being there; from that centre to each key
        point, y and x by turns, in cells; and from a key point's cell to the point, likewise.
        """
        x = self.neck(self.backbone(x))
        heat, centre, regression, offset = (head(x) for head in self.heads)
        return heat, centre, regression, offset
