"""Where heat maps say that key points are.

A plain heat map has a logit for each cell, and the point is in the middle of one. CenterNet's maps
(X. Zhou et al., arXiv:1904.07850) as MoveNet has them say more: how likely a point of that kind is
in each cell, whoever's it is; where a person's centre is; where from there the points are about;
and where in its cell a point is. The person is the one in the middle of the picture, and a cell
counts less the further it is from where the person's point should be about.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from splitwire.tasks.base import Output

_SOFTENING = 1.8  # cells that are added to a distance before it divides: MoveNet's


@dataclass(frozen=True, eq=False)
class Places:
    """What heat maps say, float tensors that can be differentiated.

    Attributes:
        logits: whose softmax over the cells says where each point is, (points, H, W).
        offsets: from a cell's upper left corner to the point, y and x in cells, (points, 2, H, W).
        scores: how sure it is that the point is there at all, 0 to 1, (points, H, W).
    """

    logits: torch.Tensor
    offsets: torch.Tensor
    scores: torch.Tensor

    @classmethod
    def of(cls, output: Output) -> "Places":
        """Those of a plain heat map (1, points, H, W), or of CenterNet's four maps."""
        if not isinstance(output, torch.Tensor):
            return _centred(*(part[0] for part in output))
        logits = output[0]
        count, height, width = logits.shape
        offsets = torch.full((count, 2, height, width), 0.5, dtype=logits.dtype)
        return cls(logits, offsets, logits.sigmoid())

    @property
    def points(self) -> torch.Tensor:
        """x and y as fractions of the picture, and the score, of the likeliest: (points, 3)."""
        count, height, width = self.logits.shape
        best = self.logits.flatten(1).argmax(1)
        each = torch.arange(count)
        row, column = best // width, best % width
        y, x = self.offsets[each, :, row, column].T
        return torch.stack(
            [(column + x) / width, (row + y) / height, self.scores[each, row, column]], 1
        )


def _centred(
    heat: torch.Tensor, centre: torch.Tensor, steps: torch.Tensor, offsets: torch.Tensor
) -> Places:
    """Of the maps (points, H, W), (1, H, W) and (2·points, H, W) twice, y and x by turns."""
    count, height, width = heat.shape
    middle = torch.tensor([[height / 2, width / 2]])
    person = F.logsigmoid(centre) - _far(middle, height, width).log()
    start = person.flatten().argmax()
    row, column = start // width, start % width
    about = torch.stack([row, column]) + steps.reshape(count, 2, height, width)[..., row, column]
    logits = F.logsigmoid(heat) - _far(about, height, width).log()
    return Places(logits, offsets.reshape(count, 2, height, width), heat.sigmoid())


def _far(places: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """How far each cell is from places (points, 2), softened: (points, H, W)."""
    y, x = places[..., None, None].unbind(1)
    squares = (torch.arange(height)[:, None] - y).square() + (torch.arange(width) - x).square()
    return squares.clamp_min(1e-12).sqrt() + _SOFTENING  # a root has no slope at 0
