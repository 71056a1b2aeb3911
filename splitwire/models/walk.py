"""Running a graph operation by operation, from any cut on: for what asks of every node at once."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter_ns
from typing import Any

import torch
from torch import fx

from splitwire.models.graph import NetGraph, ancestors
from splitwire.models.load import Model

Values = dict[fx.Node, Any]
Piece = tuple[fx.Node, int]
"""A tensor as it crosses: its node, and the rank of the last operation that used it before (0)."""

WARM_UP = 3


class Walker:
    """Runs the graph of a network; what does not depend on the input is computed once.

    Args:
        model: the network.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.graph = model, model.graph
        graph = self.graph
        self._constants: Values = {node: graph.stored[name] for node, name in graph.names.items()}
        needed = ancestors(graph.results)
        with torch.no_grad():
            for node in graph.nodes:
                if node in needed and node not in graph.rank and node not in self._constants:
                    self._constants[node] = self._result(node, self._constants)

    def walk(self, values: Values, after: int = 0) -> Iterator[Piece]:
        """Run what comes after a rank, and give each node with its rank once it was run.

        Args:
            values: what crosses at that rank, by node; each result joins them. A consumer may
                put other values there while it goes.
            after: the rank.
        """
        values.update(self._constants)
        for node, rank in self.graph.rank.items():
            if rank > after:
                values[node] = self._result(node, values)
                yield node, rank

    def finish(self, values: Values, after: int) -> Any:
        """The network's output for what crosses at a rank."""
        for _ in self.walk(values, after):
            pass
        return self.output(values)

    def output(self, values: Values) -> Any:
        """The network's output, of a walk that came to its end."""
        graph = self.graph
        flat = [values[r] if isinstance(r, fx.Node) else r for r in graph.results]
        return torch.utils._pytree.tree_unflatten(flat, graph.structure)

    def pieces(self, cut: int) -> list[Piece]:
        """What crosses at a cut: each tensor, and how far it was used before.

        The output hears a tensor through those of its uses that come after the cut alone, so that a
        skip crosses as another piece once its first user is on the edge.
        """
        return [(node, self._used(node, cut)) for node in self.graph.crossings(cut)]

    def watch(self, x: torch.Tensor) -> tuple[Any, dict[Piece, torch.Tensor]]:
        """The output for a picture (1, 3, H, W), and every piece, to be differentiated by.

        After each use a tensor's later users get an alias of it. So one backward pass gives the
        gradient of every piece, with respect to that piece's own users.
        """
        rank, last = self.graph.rank, self.graph.last_use
        values: Values = {self.graph.picture: x.detach().requires_grad_()}
        pieces: dict[Piece, torch.Tensor] = {(self.graph.picture, 0): values[self.graph.picture]}
        with torch.enable_grad():
            for node, at in self.walk(values):
                if isinstance(values[node], torch.Tensor):
                    pieces[node, 0] = values[node]
                for source in node.all_input_nodes:
                    if source in rank and last[source] > at and rank[source] < at:
                        values[source] = values[source].view_as(values[source])
                        pieces[source, at] = values[source]
        return self.output(values), pieces

    def seconds(self, repeats: int = 15) -> list[float]:
        """The median time of the operations at each rank on this machine, in seconds.

        Each is clocked by itself, with the threads that torch has. The caches are warm, nothing is
        fused, and calling an operation costs some microseconds of Python.
        """
        x = torch.zeros(self.model.input_shape)
        times: list[list[int]] = [[] for _ in range(self.graph.depth + 1)]
        for turn in range(WARM_UP + repeats):
            spent = [0] * len(times)
            with torch.inference_mode():
                values: Values = {self.graph.picture: x}
                since = perf_counter_ns()
                for _, rank in self.walk(values):
                    spent[rank] += perf_counter_ns() - since
                    since = perf_counter_ns()
            for one, many in zip(spent, times, strict=True):
                many += [one] if turn >= WARM_UP else []
        return [median(many) / 1e9 for many in times]

    def _used(self, node: fx.Node, cut: int) -> int:
        rank = self.graph.rank
        users = [rank[user] for user in node.users if user in rank]
        return max([r for r in users if rank[node] < r <= cut], default=0)

    def _result(self, node: fx.Node, values: Values) -> Any:
        args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
        return node.target(*args, **kwargs)  # type: ignore[operator]


def weight_bytes(graph: NetGraph) -> list[int]:
    """Bytes of the weights that the operations up to each rank use, each weight once."""
    seen: set[str] = set()
    sums, total = [0] * (graph.depth + 1), 0
    for node, rank in graph.rank.items():
        for source in ancestors(tuple(node.all_input_nodes), stop=list(graph.rank)):
            name = graph.names.get(source)
            stored = graph.stored.get(name) if name else None
            if name and name not in seen and isinstance(stored, torch.Tensor):
                seen.add(name)
                total += stored.nbytes
        sums[rank] = total
    return sums


def live_bytes(graph: NetGraph) -> list[int]:
    """Bytes of activations at the fullest moment of an edge half that ends at each rank."""
    peaks, peak = [], 0
    for rank in range(graph.depth + 1):
        held = [n for n, made in graph.rank.items() if made <= rank <= graph.last_use[n]]
        values = [n.meta["val"] for n in held if isinstance(n.meta["val"], torch.Tensor)]
        peak = max(peak, sum(v.numel() * v.element_size() for v in values))
        peaks.append(peak)
    return peaks
