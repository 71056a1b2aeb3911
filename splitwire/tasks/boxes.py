"""Boxes of a dense detector: from what it says at each cell to a few objects.

    logits and distances a cell ─▶ those of a score ─▶ boxes ─▶ suppression ─▶ the best hundred

This runs outside of the network's graph, so that a cut may lie anywhere before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

LEAST = 0.05  # score of a box
OVERLAP = 0.6  # of two boxes of a class, above which the one of the lower score goes
MOST = 100  # boxes of a picture
_CANDIDATES = 1000  # that suppression looks at

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Objects found in a picture, of falling score.

    Attributes:
        classes: the index of each, int64 (n,).
        scores: 0 to 1, float64 (n,).
        corners: left, top, right, bottom as fractions of the picture, float64 (n, 4).
        size: width and height of the picture, in pixels.
    """

    classes: NDArray[np.int64]
    scores: NDArray[np.float64]
    corners: NDArray[np.float64]
    size: Size


@cache
def cells(size: Size, strides: Sequence[int]) -> torch.Tensor:
    """The centre (x, y) and the stride of each cell, in pixels: float64 (cells, 3).

    Row after row, stride after stride; a picture's rim is covered by whole cells.

    Args:
        size: width and height of the picture.
        strides: the sides of the cells.
    """
    found = []
    for stride in strides:
        width, height = (-(-side // stride) for side in size)
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres = (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        found.append(torch.cat([centres, torch.full((len(centres), 1), stride)], 1).double())
    return torch.cat(found)


def decode(logits: torch.Tensor, sides: torch.Tensor, size: Size, strides: Sequence[int]) -> Boxes:
    """The boxes of a picture.

    Args:
        logits: of the classes before the sigmoid, (cells, classes).
        sides: logits of the distances left, top, right, bottom, (cells, 4, bins): the distance is
            the mean bin under their softmax, in strides (X. Li et al., arXiv:2006.04388).
        size: width and height of the picture, in pixels.
        strides: as in `cells`.
    """
    from torchvision.ops import batched_nms  # a second to load

    chances = logits.detach().double().sigmoid()
    order = chances.flatten().topk(min(_CANDIDATES, chances.numel()))
    scores, where = order.values[order.values >= LEAST], order.indices[order.values >= LEAST]
    cell, kind = where // chances.shape[1], where % chances.shape[1]
    x, y, stride = cells(size, tuple(strides))[cell].T
    bins = torch.arange(sides.shape[-1], dtype=torch.float64)
    far = (sides[cell].detach().double().softmax(-1) @ bins) * stride[:, None]
    corners = torch.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], 1)
    corners = (corners / torch.tensor([*size, *size])).clamp(0, 1)
    pixels = corners * torch.tensor([*size, *size])
    kept = batched_nms(pixels, scores, kind, OVERLAP)[:MOST]
    return Boxes(kind[kept].numpy(), scores[kept].numpy(), corners[kept].numpy(), size)
