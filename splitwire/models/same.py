"""Layers as TensorFlow has them, for the networks that come from there."""

import torch
from torch import nn
from torch.nn import functional as F


class SameConv2d(nn.Conv2d):
    """A convolution that gives a `stride`-th of its input's size, which must be a multiple.

    TensorFlow puts the odd one of the zeros around the input at the right and at the bottom, where
    `padding` of `nn.Conv2d` can't.
    """

    def __init__(
        self,
        channels: int,
        made: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        zeros = size - stride
        even = 0 if zeros % 2 else zeros // 2
        super().__init__(channels, made, size, stride, even, groups=groups, bias=bias)
        self.odd = (zeros // 2, zeros - zeros // 2) * 2 if zeros % 2 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) to (N, made, H/stride, W/stride)."""
        return super().forward(x if self.odd is None else F.pad(x, self.odd))


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Twice as high and wide, bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear")
