"""Cutting a network in two: where it can be cut, and the halves that a cut makes.

A cut is a prefix of the exported graph's order: what it holds runs on the edge, the rest in the
cloud. What crosses is every tensor that the prefix makes and the rest uses, each once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.utils import _pytree as pytree

from splitwire.errors import ModelError, did_you_mean
from splitwire.models.exactness import difference
from splitwire.models.graph import NetGraph
from splitwire.models.load import Model


@dataclass(frozen=True)
class Crossing:
    """A tensor that goes from the edge to the cloud; its shape holds the batch dimension of 1."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class CutPoint:
    """A place where a network can be cut.

    `name` is what `split` takes: the outermost module whose output this is, or the graph node.
    `node` is that node, `module` that module (None where no module ends). `elements` counts the
    numbers that cross, `edge_share` is the part (0 to 1) of the network's multiply-accumulates
    that comes before the cut.
    """

    name: str
    node: str
    module: str | None
    crossings: tuple[Crossing, ...]
    elements: int
    edge_share: float


class Cloud(nn.Module):
    """The second half: runs its graph and gives the results the structure that the model gives."""

    def __init__(self, body: fx.GraphModule, structure: Any) -> None:
        """`body` gives the model's outputs as a flat tuple, `structure` is their tree."""
        super().__init__()
        self.body = body
        self.structure = structure

    def forward(self, *tensors: torch.Tensor) -> Any:
        """The model's output for the tensors that crossed, in the order of `Split.crossings`."""
        return pytree.tree_unflatten(self.body(*tensors), self.structure)


@dataclass(frozen=True, eq=False)
class Split:
    """A model cut in two, with `cloud(*edge(x))` equal to `model(x)`.

    `edge` takes pixels float32 (1, 3, H, W) and gives a tuple of tensors, one for each of
    `crossings`; `cloud` takes them and gives the model's output. Each holds only the weights that
    it uses, shared with the model. Both can be differentiated where the caller enables gradients.

    `difference` is the largest that was seen between the two when the cut was made, on a picture of
    noise: 0 but for the few networks that exactness.py tells of.
    """

    model: Model
    at: str
    edge: nn.Module
    cloud: nn.Module
    crossings: tuple[Crossing, ...]
    edge_macs: int
    cloud_macs: int
    difference: float

    def start(self, picture: NDArray[np.float32]) -> tuple[torch.Tensor, ...]:
        """What crosses, for the pixels (3, H, W) of one picture; without gradients, on the host."""
        device = self.model.device
        with torch.inference_mode(), device.running():
            features = self.edge(device.put(torch.from_numpy(picture)[None]))
        brought: tuple[torch.Tensor, ...] = device.bring(features)
        return brought

    def finish(self, features: Sequence[torch.Tensor]) -> Any:
        """The model's output for what crossed; without gradients, on the host."""
        device = self.model.device
        with torch.inference_mode(), device.running():
            return device.bring(self.cloud(*map(device.put, features)))

    @property
    def shapes(self) -> list[list[int]]:
        """What crosses, without the batch, as a handshake says it."""
        return [list(crossing.shape[1:]) for crossing in self.crossings]


def layers_between(model: Model, first: str, last: str) -> fx.GraphModule:
    """The layers behind one cut point up to another: what crosses at `first` in, at `last` out.

    Weights are shared with the network, and have its names. Raises `ModelError` for a name that is
    no cut point, and where `last` does not come after `first`.
    """
    graph = model.graph
    before, behind = (_place(model, at) for at in (first, last))
    if behind <= before:
        raise ModelError(f"{last} does not come after {first} in {model.name}")
    return graph.between(graph.crossings(before), graph.crossings(behind))


def split(model: Model, at: str) -> Split:
    """Cut `model` after `at`: a node of its exported graph, or a module's name (its output).

    `at` may also be "input" (the edge does nothing, the picture crosses) or "output" (the cloud
    does nothing, the outputs cross). The halves are run once, to be compared with the whole.

    Raises `ModelError` for any other name, and for a network that cannot be cut or is random.
    """
    graph = model.graph
    cut = _place(model, at)
    nodes = graph.crossings(cut)
    edge = graph.between([graph.picture], nodes)
    cloud = Cloud(graph.between(nodes, graph.results), graph.structure)
    x, whole = model.probe
    with torch.inference_mode():
        sent = (t.clone(memory_format=torch.contiguous_format) for t in edge(x))  # as links do
        apart = difference(whole, cloud(*sent))
    return Split(
        model=model,
        at=at,
        edge=edge,
        cloud=cloud,
        crossings=_crossings(nodes),
        edge_macs=sum(graph.macs[: cut + 1]),
        cloud_macs=sum(graph.macs[cut + 1 :]),
        difference=apart,
    )


def cut_points(model: Model) -> list[CutPoint]:
    """Every place where `model` can be cut, from "input" through its graph's nodes to "output"."""
    graph = model.graph
    places = _places(graph)
    modules: dict[int, str] = {}
    for name, end in graph.modules.items():
        modules.setdefault(end, name)
    points = [_point(graph, 0, "input", graph.picture, None)]
    for node, cut in graph.steps:
        names = (modules.get(cut, ""), node.name, f"node:{node.name}")
        name = next(name for name in names if places.get(name) == cut)
        points.append(_point(graph, cut, name, node, modules.get(cut)))
    return [*points, _point(graph, graph.depth, "output", graph.steps[-1][0], None)]


def _point(graph: NetGraph, cut: int, name: str, node: fx.Node, module: str | None) -> CutPoint:
    crossings = _crossings(graph.crossings(cut))
    elements = sum(crossing.elements for crossing in crossings)
    share = sum(graph.macs[: cut + 1]) / max(1, sum(graph.macs))
    return CutPoint(name, node.name, module, crossings, elements, share)


def _crossings(nodes: tuple[fx.Node, ...]) -> tuple[Crossing, ...]:
    values = [(node.name, node.meta["val"]) for node in nodes]
    return tuple(Crossing(name, tuple(value.shape), value.dtype) for name, value in values)


def _place(model: Model, at: str) -> int:
    places = _places(model.graph)
    if at not in places:
        raise ModelError(
            f"{model.name} has no cut point {at!r}{did_you_mean(at, places)} "
            f"(`splitwire splits {model.name}` lists them)"
        )
    return places[at]


def _places(graph: NetGraph) -> dict[str, int]:
    """Each name that a cut can be asked for by, and its rank.

    Where a module has a node's name but ends elsewhere, the name is the module's, and the node is
    to be had as `node:NAME`.
    """
    nodes = {node.name: rank for node, rank in graph.rank.items()}
    marked = {f"node:{name}": rank for name, rank in nodes.items()}
    return marked | nodes | graph.modules | {"input": 0, "output": graph.depth}
