"""What many cuts see of the same pictures: one forward and one backward pass a picture for all.

    crop ─▶ every operation ─▶ output ─▶ a label that the task draws from it
              │ features of each piece      ╰── gradient of its log-likelihood, of each piece
              ╰────────▶ components (waterfill.py)

A piece is a tensor as it crosses at some cuts, see models/walk.py. How many pieces are kept at once
is for the caller to say, as all of a large network take more memory than there is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.waterfill import Components, components
from splitwire.codecs.layout import to_planes
from splitwire.models.walk import Piece, Walker
from splitwire.runner.local import as_array
from splitwire.tasks.base import Task

HELD = 32  # crops by which rates and losses are told

Single = NDArray[np.float32]


@dataclass
class _Kept:
    """Planes of one piece."""

    features: list[Single] = field(default_factory=list)
    gradients: list[Single] = field(default_factory=list)
    held: list[Single] = field(default_factory=list)


def kept_bytes(piece: Piece, crops: int) -> int:
    """What a piece takes in memory while it is learnt from."""
    return int(4 * piece[0].meta["val"].numel() * (4 * crops + 3 * HELD))


def watch_all(
    walker: Walker,
    pieces: Sequence[Piece],
    crops: Iterable[Tensor],
    held: Sequence[Tensor],
    task: Task,
    seed: int,
) -> dict[Piece, Components]:
    """The components of pieces that hold numbers with a fraction; others are left out.

    Args:
        walker: of the network.
        pieces: those wanted.
        crops: pictures to learn from, float32 (3, H, W).
        held: pictures of other photos.
        task: that of the network, to draw labels by.
        seed: of the labels.

    Raises:
        TaskError: the network's output is not of the task.
    """
    random = np.random.default_rng(seed)
    kept = {piece: _Kept() for piece in pieces if piece[0].meta["val"].is_floating_point()}
    for crop in crops:
        for piece, tensor, slope in _slopes(walker, list(kept), crop, task, random):
            kept[piece].features.append(_planes(tensor))
            kept[piece].gradients.append(_planes(slope))
    for crop in held:
        with torch.no_grad():
            _, seen = walker.watch(torch.from_numpy(crop)[None])
        for piece in kept:
            kept[piece].held.append(_planes(seen[piece].detach()))
    return {piece: components(one.features, one.gradients, one.held) for piece, one in kept.items()}


def _slopes(
    walker: Walker, asked: Sequence[Piece], crop: Tensor, task: Task, random: np.random.Generator
) -> list[tuple[Piece, torch.Tensor, torch.Tensor]]:
    """Pieces of one crop, and the gradients of a label's log-likelihood with respect to them."""
    output, seen = walker.watch(torch.from_numpy(crop)[None])
    with torch.enable_grad():
        chance = task.log_likelihood(task.checked(output), random)
    tensors = [seen[piece] for piece in asked]
    slopes = torch.autograd.grad(chance, tensors, allow_unused=True, materialize_grads=True)
    return list(zip(asked, [t.detach() for t in tensors], slopes, strict=True))


def _planes(tensor: torch.Tensor) -> Single:
    return np.array(to_planes(as_array(tensor)), np.float32)
