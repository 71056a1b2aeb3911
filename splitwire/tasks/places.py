"""Where heat maps say that key points are.

A plain heat map has a logit for each cell, and the point is in the middle of one. CenterNet's maps
(X. Zhou et al., arXiv:1904.07850) as MoveNet has them say more: how likely a point of that kind is
in each cell, whoever's it is; where a person's centre is; where from there the points are about;
and where in its cell a point is. The person is the one in the middle of the picture, and a cell
counts less the further it is from where the person's point should be about.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from splitwire.models.arrays import is_tensor
from splitwire.tasks.base import Output

_SOFTENING = 1.8  # cells that are added to a distance before it divides: MoveNet's


@dataclass(frozen=True, eq=False)
class Places:
    """What heat maps say, float tensors that can be differentiated, or arrays as the maps are.

    Attributes:
        logits: whose softmax over the cells says where each point is, (points, H, W).
        offsets: from a cell's upper left corner to the point, y and x in cells, (points, 2, H, W).
        scores: how sure it is that the point is there at all, 0 to 1, (points, H, W).
    """

    logits: Any
    offsets: Any
    scores: Any

    @classmethod
    def of(cls, output: Output) -> "Places":
        """Those of a plain heat map (1, points, H, W), or of CenterNet's four maps."""
        if not is_tensor(output):
            return _centred(*(part[0] for part in output))
        logits = output[0]
        of = _library(logits)
        halves = of.full_like(logits, 0.5)
        return cls(logits, of.stack([halves, halves], 1), _sigmoid(logits))

    @property
    def points(self) -> Any:
        """x and y as fractions of the picture, and the score, of the likeliest: (points, 3)."""
        of = _library(self.logits)
        count, height, width = self.logits.shape
        best = self.logits.reshape(count, -1).argmax(1)
        each = of.arange(count)
        row, column = best // width, best % width
        y, x = self.offsets[each, :, row, column].T
        return of.stack(
            [(column + x) / width, (row + y) / height, self.scores[each, row, column]], 1
        )


def _centred(heat: Any, centre: Any, steps: Any, offsets: Any) -> Places:
    """Of the maps (points, H, W), (1, H, W) and (2·points, H, W) twice, y and x by turns."""
    of = _library(heat)
    count, height, width = heat.shape
    down, right = of.asarray([height / 2]), of.asarray([width / 2])
    person = _log_sigmoid(centre) - of.log(_far(down, right, centre))
    row, column = divmod(int(person.argmax()), width)
    y, x = steps.reshape(count, 2, height, width)[..., row, column].T
    logits = _log_sigmoid(heat) - of.log(_far(row + y, column + x, heat))
    return Places(logits, offsets.reshape(count, 2, height, width), _sigmoid(heat))


def _far(y: Any, x: Any, maps: Any) -> Any:
    """How far each cell of maps is from places, y and x (points,), softened: (points, H, W)."""
    of = _library(maps)
    rows, columns = (of.arange(side) for side in maps.shape[1:])
    squares = of.square(rows[:, None] - y[:, None, None])
    squares = squares + of.square(columns - x[:, None, None])
    return of.sqrt(squares.clip(min=1e-12)) + _SOFTENING  # a root has no slope at 0


def _sigmoid(logits: Any) -> Any:
    return _library(logits).exp(_log_sigmoid(logits))


def _log_sigmoid(logits: Any) -> Any:
    of = _library(logits)
    return -of.logaddexp(of.zeros_like(logits), -logits)


def _library(tensor: Any) -> Any:
    """NumPy or torch: what is used here both have under the same names."""
    if isinstance(tensor, np.ndarray):
        return np
    import torch

    return torch
