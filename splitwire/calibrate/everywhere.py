"""What many cuts see of the same pictures: one forward and one backward pass a picture for all.

    crop ─▶ every operation ─▶ output ─▶ a label that the task draws from it
              │ features of each piece      ╰── gradient of its log-likelihood, of each piece
              ╰────────▶ components (waterfill.py), of as many crops as its channels ask for

A piece is a tensor as it crosses at some cuts, see models/walk.py. How many pieces are kept at once
is for the caller to say, as all of a large network take more memory than there is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.waterfill import Components, components
from splitwire.codecs.layout import planes_shape, to_planes
from splitwire.models.walk import Piece, Walker
from splitwire.runner.local import as_array, coded_shape
from splitwire.tasks.base import Task

HELD = 16  # crops by which rates and losses are told
_FEWEST = 32  # crops that a piece learns from,
_VECTORS = 8  # and more until each channel has that many vectors

Single = NDArray[np.float32]


@dataclass
class _Kept:
    """Planes of one piece."""

    features: list[Single] = field(default_factory=list)
    gradients: list[Single] = field(default_factory=list)
    held: list[Single] = field(default_factory=list)


def needed(piece: Piece, crops: int) -> int:
    """How many crops a piece learns from, of those that there are."""
    channels, *sides = planes_shape(coded_shape(tuple(piece[0].meta["val"].shape)))
    return min(crops, max(_FEWEST, -(-_VECTORS * channels // prod(sides))))


def kept_bytes(piece: Piece, crops: int) -> int:
    """What a piece takes in memory while it is learnt from."""
    return int(4 * piece[0].meta["val"].numel() * (4 * needed(piece, crops) + 3 * HELD))


def watch_all(
    walker: Walker,
    pieces: Sequence[Piece],
    crops: Iterable[Tensor],
    held: Sequence[Tensor],
    task: Task,
    seed: int,
    count: int,
) -> dict[Piece, Components]:
    """The components of pieces that hold numbers with a fraction; others are left out.

    Args:
        walker: of the network.
        pieces: those wanted.
        crops: pictures to learn from, float32 (3, H, W), `count` of them.
        held: pictures of other photos.
        task: that of the network, to draw labels by.
        seed: of the labels.
        count: how many crops there are.

    Raises:
        TaskError: the network's output is not of the task.
    """
    random = np.random.default_rng(seed)
    wanted = {p: needed(p, count) for p in pieces if p[0].meta["val"].is_floating_point()}
    kept = {piece: _Kept() for piece in wanted}
    for at, crop in enumerate(crops):
        asked = [piece for piece, most in wanted.items() if at % -(-count // most) == 0]
        if not asked:
            continue
        for piece, tensor, slope in _slopes(walker, asked, crop, task, random):
            kept[piece].features.append(_planes(tensor))
            kept[piece].gradients.append(_planes(slope))
    for crop in held:
        with torch.no_grad():
            _, seen = walker.watch(torch.from_numpy(crop)[None])
        for piece in wanted:
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
