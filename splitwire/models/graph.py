"""The graph that cuts are made in, ordered by what depends on the input."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import fx

from splitwire.models.count import flop_counter


@dataclass(frozen=True, eq=False)
class NetGraph:
    """A network as operations in order, with the rank of each: its place among the cuts.

    The input has rank 0, each operation that depends on it and matters to the output the next
    one; an item of a tuple has the rank of the operation that made the tuple. A cut at rank k puts
    every rank up to k on the edge. What does not depend on the input (weights, constants and what
    is computed of them alone) has no rank: it lives on whichever side uses it.
    """

    nodes: tuple[fx.Node, ...]
    stored: dict[str, Any]
    names: dict[fx.Node, str]
    results: tuple[Any, ...]
    structure: Any
    rank: dict[fx.Node, int]

    @property
    def picture(self) -> fx.Node:
        """The input."""
        return next(iter(self.rank))

    @property
    def outputs(self) -> tuple[fx.Node, ...]:
        """The tensors among the results, which may hold numbers, strings and None beside them."""
        return tuple(node for node in self.results if isinstance(node, fx.Node))

    @cached_property
    def steps(self) -> list[tuple[fx.Node, int]]:
        """The operations that a cut can come after, with their ranks, in order."""
        ranked = self.rank.items()
        return [(n, r) for n, r in ranked if r > 0 and n.target is not operator.getitem]

    @cached_property
    def depth(self) -> int:
        """The highest rank: a cut there leaves nothing for the cloud to do."""
        return max(self.rank.values())

    @cached_property
    def last_use(self) -> dict[fx.Node, int]:
        """The rank of the last operation to use each ranked node; the output's is depth + 1."""
        last = dict.fromkeys(self.rank, 0)
        for node, rank in self.rank.items():
            for source in node.all_input_nodes:
                if source in last:
                    last[source] = max(last[source], rank)
        return last | {node: self.depth + 1 for node in self.outputs if node in last}

    @cached_property
    def modules(self) -> dict[str, int]:
        """The rank at which each named module ends, outer modules before the ones inside them.

        A module that is called several times ends at its last call.
        """
        ends: dict[str, int] = {}
        for node, rank in self.rank.items():
            for path, _ in node.meta.get("nn_module_stack", {}).values():
                if name := path.removeprefix("network").removeprefix("."):
                    ends[name] = rank
        return ends

    @cached_property
    def macs(self) -> list[int]:
        """Multiply-accumulates at each rank, counted on shapes alone (no arithmetic is done).

        Convolutions, matrix products and attention have them; what is done element by element is
        not counted.
        """
        macs = [0] * (self.depth + 1)
        with torch.no_grad(), flop_counter() as counter:
            for node, rank in self.rank.items():
                if node.op == "call_function":
                    before = counter.get_total_flops()
                    args, kwargs = fx.map_arg((node.args, node.kwargs), self._value)
                    node.target(*args, **kwargs)  # type: ignore[operator]
                    macs[rank] += (counter.get_total_flops() - before) // 2
        return macs

    def _value(self, node: fx.Node) -> Any:
        return node.meta["val"] if "val" in node.meta else self.stored[self.names[node]]

    def crossings(self, cut: int) -> tuple[fx.Node, ...]:
        """The nodes made up to rank `cut` and used after it, in the order they are made."""
        return tuple(n for n, rank in self.rank.items() if rank <= cut < self.last_use[n])

    def between(self, inputs: Sequence[fx.Node], outputs: tuple[Any, ...]) -> fx.GraphModule:
        """The operations that lead from `inputs` to `outputs`, with the weights they use.

        Walking back from the outputs to the inputs takes along exactly the weights and constants
        that this side needs. The weights are shared with the network, not copied.
        """
        needed = ancestors(outputs, stop=inputs)
        graph = fx.Graph()
        copies = {node: graph.placeholder(node.name) for node in inputs}
        copies = {node: _laid_out(graph, copies[node], node.meta["val"]) for node in inputs}
        for node in self.nodes:
            if node in needed and node not in copies:
                stored = self.names.get(node)
                copies[node] = (
                    graph.get_attr(stored) if stored else graph.node_copy(node, copies.__getitem__)
                )
                copies[node].meta.clear()  # it holds the tracer's fake tensors
        graph.output(fx.map_arg(outputs, copies.__getitem__))
        return fx.GraphModule(self.stored, graph)


def _laid_out(graph: fx.Graph, tensor: fx.Node, like: torch.Tensor) -> fx.Node:
    """Give `tensor` the order of dimensions in memory that `like` has.

    A tensor that crossed a link arrives in plain order, but a `view` further on may be legal only
    in the order that the network made. Of a tensor that never left memory nothing is moved.
    """
    strides = like.stride()
    order = sorted(range(like.dim()), key=lambda d: -strides[d])
    if order == list(range(like.dim())):
        return tensor
    back = [order.index(d) for d in range(like.dim())]
    inner = graph.call_method("permute", (tensor, order))
    return graph.call_method("permute", (graph.call_method("contiguous", (inner,)), back))


def ancestors(outputs: tuple[Any, ...], stop: Sequence[fx.Node] = ()) -> set[fx.Node]:
    """The nodes that `outputs` are computed from, themselves included, back to those in `stop`."""
    found: set[fx.Node] = set()
    waiting = [node for node in outputs if isinstance(node, fx.Node)]
    while waiting:
        if (node := waiting.pop()) not in found:
            found.add(node)
            waiting += [] if node in stop else node.all_input_nodes
    return found
