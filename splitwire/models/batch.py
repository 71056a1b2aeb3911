"""The second half of a network for several frames at once.

The graph was exported for a batch of one, and says so wherever it gives a shape. Put in so many
times as much there, most graphs compute a whole batch with the operations of a single frame, and
what one processor can share between frames is shared. Whether that holds is tried once, on three
random pictures: each frame of the batch must come out as it does alone. Where it does not (a mean
over all there is, a scalar that crosses) `torch.vmap` does the same operation by operation, with a
loop where it knows no better.
"""

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from splitwire.models.device import CPU, Device
from splitwire.models.split import Cloud

TOLERANCE = 1e-4
"""How far a frame's output in a batch may be from its output alone, as a part of the largest."""

_aten = torch.ops.aten
_SHAPED = {
    _aten.view.default: _aten.reshape.default,  # a batch may lie in memory as no view allows
    _aten._unsafe_view.default: _aten.reshape.default,
    _aten.reshape.default: _aten.reshape.default,
    _aten.expand.default: _aten.expand.default,
}
# These take of a tensor its type alone: what they make is the same for all frames.
_MADE = {_aten.new_zeros.default, _aten.new_ones.default, _aten.new_full.default}
_TRIED = 3  # pictures

Frame = Sequence[torch.Tensor]


class Batched:
    """Runs frames in one go.

    Args:
        edge: the first half, for the trial.
        cloud: the second half.
        picture: shape of what the first half takes.
        device: where both are.

    Attributes:
        direct: whether the graph itself computes a batch.
    """

    def __init__(
        self,
        edge: nn.Module,
        cloud: nn.Module,
        picture: tuple[int, ...],
        device: Device = CPU,
    ) -> None:
        assert isinstance(cloud, Cloud)
        self._device = device
        self._cloud = cloud
        (last,) = (node for node in cloud.body.graph.nodes if node.op == "output")
        self._results: tuple[Any, ...] = last.args[0]
        self._moving = {node.name for node in _moved(cloud.body.graph)}
        self._direct = for_batches(cloud.body)
        self.direct = self._holds(edge, picture)

    def __call__(self, frames: Sequence[Frame]) -> list[Any]:
        """The output of each frame, its batch dimension of 1 included, on the host.

        Args:
            frames: of each the tensors that crossed, as `cloud` takes them.

        Raises:
            Exception: whatever a network raises that cannot be run in batches.
        """
        with self._device.running():
            rows = self._at_once(frames) if self.direct else self._mapped(frames)
        return [pytree.tree_unflatten(row, self._cloud.structure) for row in rows]

    def _at_once(self, frames: Sequence[Frame]) -> list[list[Any]]:
        count = len(frames)
        columns = (self._device.put(torch.cat(column)) for column in zip(*frames, strict=True))
        results = self._device.bring(self._direct(count, *map(self._laid, columns)))
        parts = [
            result.chunk(count) if _is_in(node, self._moving) else [result] * count
            for node, result in zip(self._results, results, strict=True)
        ]
        return [list(row) for row in zip(*parts, strict=True)]

    def _laid(self, batch: torch.Tensor) -> torch.Tensor:
        """A batch with its channels last, where it has maps: a processor convolves those faster."""
        if batch.ndim != 4 or self._device.name != "cpu":
            return batch
        return batch.contiguous(memory_format=torch.channels_last)

    def _mapped(self, frames: Sequence[Frame]) -> list[list[Any]]:
        def flat(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            results = zip(self._results, self._cloud.body(*inputs), strict=True)
            return tuple(result for node, result in results if isinstance(node, fx.Node))

        columns = [self._device.put(torch.stack(column)) for column in zip(*frames, strict=True)]
        rows = map(iter, zip(*self._device.bring(torch.vmap(flat)(*columns)), strict=True))
        return [
            [next(row) if isinstance(node, fx.Node) else node for node in self._results]
            for row in rows
        ]

    def _holds(self, edge: nn.Module, picture: tuple[int, ...]) -> bool:
        """Whether the graph gives each frame of a batch what it gives the frame alone."""
        draw = torch.Generator().manual_seed(0)
        try:
            pictures = [255 * torch.rand(picture, generator=draw) for _ in range(_TRIED)]
            frames = [edge(x.to(self._device.name)) for x in pictures]
            alone = [self._device.bring(self._cloud.body(*frame)) for frame in frames]
            sent = self._device.bring(frames)
            return all(map(_same, alone, self._at_once(sent)))
        except Exception:  # of any kind: a shape that does not fit, an operation that says so
            return False


def _same(alone: Sequence[Any], batched: Sequence[Any]) -> bool:
    return all(map(_near, alone, batched))


def _near(a: Any, b: Any) -> bool:
    """Whether two results are the same up to rounding; what holds NaN proves nothing."""
    if not isinstance(a, torch.Tensor):
        return bool(a == b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not a.is_floating_point():
        return torch.equal(a, b)
    largest = float(a.abs().max()) if a.numel() else 0.0
    return bool(a.isfinite().all()) and torch.allclose(a, b, rtol=0, atol=TOLERANCE * largest)


def for_batches(body: fx.GraphModule) -> fx.GraphModule:
    """The same operations for a batch: the first argument says of how many frames."""
    graph = fx.Graph()
    count = graph.placeholder("count_of_frames")
    copies: dict[fx.Node, fx.Node] = {}
    results = graph.graph_copy(body.graph, copies)
    graph.output(results)
    for node in _moved(body.graph) | _spread(body.graph):
        if node.target in _SHAPED:
            copy, (first, *rest) = copies[node], _sizes(node)
            copy.target = _SHAPED[node.target]
            if first != -1:
                with graph.inserting_before(copy):
                    more = graph.call_function(operator.mul, (count, first))
                copy.args = (copy.args[0], [more, *rest])
    return fx.GraphModule(body, graph)


def _moved(graph: fx.Graph) -> set[fx.Node]:
    """The nodes that depend on what crosses."""
    moved: set[fx.Node] = set()
    for node in graph.nodes:
        depends = node.op == "placeholder" or moved.intersection(node.all_input_nodes)
        if depends and node.target not in _MADE:
            moved.add(node)
    return moved


def _spread(graph: fx.Graph) -> set[fx.Node]:
    """Weights that are spread over a batch of one, as a class token is."""
    spread = (node for node in graph.nodes if node.target is _aten.expand.default)
    return {node for node in spread if _sizes(node)[0] == 1}


def _sizes(node: fx.Node) -> list[int]:
    sizes: Any = node.args[1]
    return list(sizes)


def _is_in(node: Any, names: set[str]) -> bool:
    return isinstance(node, fx.Node) and node.name in names
