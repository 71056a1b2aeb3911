"""The water level of a cut: so high that the output strays from the whole network's as is allowed.

To second order a loss follows from the components alone. But a codec's errors are not small, and
cost more or less than that, most of all far from the output. So it is tried: what crosses on
held-out crops is rounded to the level, the rest of the network run on it, and the level moved.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import exp, log

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.waterfill import Components
from splitwire.codecs.layout import from_planes
from splitwire.models.walk import Piece, Values, Walker
from splitwire.runner.local import coded_shape
from splitwire.tasks.base import Task

HEADER = 24
"""Bytes of a stream and of its place in a packet that are no payload."""

_TRIALS = 6  # where a level is far off; behind a pooling it is
_SLOPE = (
    2.0  # of a loss over that to second order, more than it has: a trial knows a loss by a fifth
)
_NEAR = 0.15  # of a loss's logarithm: not worth another trial
_FURTHEST = 2.5  # powers of e by which one trial moves it
_LEAST = 1e-9  # loss that is told from none


class Levels:
    """Tells the bytes of cuts at a task's fidelity.

    Args:
        walker: of the network.
        task: that of its output.
        held: pictures that nothing is learnt from, float32 (3, H, W).
    """

    def __init__(self, walker: Walker, task: Task, held: Sequence[Tensor]) -> None:
        self._walker, self._task = walker, task
        # A picture a thread: threads within an operation on one picture wait for each other.
        self._threads = torch.get_num_threads()
        self._workers = ThreadPoolExecutor(self._threads)
        self._held = [torch.from_numpy(x)[None] for x in held]
        with torch.inference_mode():
            pictures = ({walker.graph.picture: x} for x in self._held)
            self._wanted = [task.checked(walker.finish(picture, 0)) for picture in pictures]

    def settle(
        self, cut: int, told: Mapping[Piece, Components], nats: float
    ) -> tuple[float, NDArray[np.float64]]:
        """The loss to second order at which the fidelity is really lost, and bytes a picture.

        Each of several tensors is granted the same part of the loss, as `ftc` does.

        Args:
            cut: its rank.
            told: the components of all that crosses there and has any.
            nats: a loss to begin at, such as that of the cut before.
        """
        pieces = {p: told[p] for p in self._walker.pieces(cut) if p in told}
        for _ in range(_TRIALS if pieces else 0):
            lost = self._lost(cut, pieces, _steps(pieces, nats))
            excess = log(max(lost, _LEAST) / self._task.fidelity)
            nats *= exp(min(max(-excess / _SLOPE, -_FURTHEST), _FURTHEST))
            if abs(excess) < _NEAR:
                break
        steps = _steps(pieces, nats)
        sizes = np.full(len(self._held), float(HEADER * len(self._walker.pieces(cut))))
        for piece, one in pieces.items():
            sizes += one.bytes(steps[piece])
        for node, _ in self._walker.pieces(cut):
            value = node.meta["val"]
            if not value.is_floating_point():  # integers cross as they are
                sizes += value.numel() * value.element_size()
        return nats, sizes

    def _lost(
        self, cut: int, pieces: Mapping[Piece, Components], steps: Mapping[Piece, int]
    ) -> float:
        """What the held-out pictures lose with what crosses rounded: the mean."""

        def lost(at: int) -> float:
            torch.set_num_threads(1)
            with torch.inference_mode():
                partly = len(pieces) < self._crossing(cut)
                values = self._whole(self._held[at], cut) if partly else {}
                for (node, used), one in pieces.items():
                    like = node.meta["val"]
                    planes = one.decoded(at, steps[node, used])
                    array = from_planes(planes, coded_shape(tuple(like.shape)))
                    values[node] = torch.from_numpy(array).reshape(like.shape).to(like.dtype)
                output = self._walker.finish(values, cut)
                return self._task.divergence(self._wanted[at], output)

        try:
            return float(np.mean(list(self._workers.map(lost, range(len(self._held))))))
        finally:
            torch.set_num_threads(self._threads)

    def _crossing(self, cut: int) -> int:
        return len(self._walker.graph.crossings(cut))

    def _whole(self, x: torch.Tensor, cut: int) -> Values:
        """All that the edge half makes."""
        values: Values = {self._walker.graph.picture: x}
        for _, rank in self._walker.walk(values):
            if rank > cut:
                break
        return values


def _steps(pieces: Mapping[Piece, Components], nats: float) -> dict[Piece, int]:
    """The level of each tensor: all are granted the same part of the loss."""
    return {piece: one.level(nats / len(pieces)) for piece, one in pieces.items()}
