"""Exporting a network to the functional graph that cuts are made in.

`torch.export` gives the network as one list of tensor operations. Decomposing it into functional
operations (`run_decompositions`) leaves none that writes into its input, so a tensor kept across
a cut stays what it was, and keeps every operation that is a kernel of its own, so that the result
stays that of the network to the bit.
"""

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from splitwire.errors import ModelError
from splitwire.models.graph import NetGraph, ancestors
from splitwire.models.messages import reason


def _copied(x: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    return source.to(x.dtype).expand(x.shape).clone()


# What assigning to a slice becomes in a functional graph; PyTorch has no derivative of it.
DECOMPOSED = {torch.ops.aten.copy.default: _copied}


def trace(name: str, module: nn.Module, shape: tuple[int, ...], device: str = "cpu") -> NetGraph:
    """The graph of `module`, which is on `device`, for a float32 input of `shape`.

    Raises `ModelError` when it does not export, or changes its own state as it runs.
    """
    try:
        with torch.inference_mode(False):
            program = torch.export.export(
                module, (torch.zeros(shape, device=device),), strict=False
            )
            return _read(program.run_decompositions(DECOMPOSED))
    except ModelError as error:
        raise ModelError(f"{name} cannot be cut: {error}") from error
    except Exception as error:
        raise ModelError(f"{name} cannot be cut, it does not export: {reason(error)}") from error


def _read(program: ExportedProgram) -> NetGraph:
    signature, nodes = program.graph_signature, tuple(program.graph.nodes)
    if any(spec.kind != OutputKind.USER_OUTPUT for spec in signature.output_specs):
        raise ModelError("it changes its own state, or its input, as it runs")
    stored: dict[str, Any] = {**program.state_dict, **program.constants}
    names = {n: str(n.target) for n in nodes if n.op == "get_attr"}
    stored |= {name: getattr(program.graph_module, name) for name in names.values()}
    placeholders = [node for node in nodes if node.op == "placeholder"]
    for node, spec in zip(placeholders, signature.input_specs, strict=True):
        if spec.kind == InputKind.USER_INPUT:
            picture = node
        else:
            names[node] = str(spec.target)
    results = tuple(nodes[-1].args[0])
    rank = _ranks(nodes, picture, ancestors(results))
    if not all(isinstance(n.meta["val"], torch.Tensor | tuple | list) for n in rank):
        raise ModelError("it computes numbers from the picture outside of its tensors")
    if len(rank) == 1:
        raise ModelError("its output does not depend on the picture")
    return NetGraph(nodes, stored, names, results, program.call_spec.out_spec, rank)


def _ranks(nodes: Sequence[fx.Node], picture: fx.Node, needed: set[fx.Node]) -> dict[fx.Node, int]:
    rank, highest = {picture: 0}, 0
    for node in nodes:
        sources = [rank[source] for source in node.all_input_nodes if source in rank]
        if not sources or node not in needed:
            continue
        if node.target is operator.getitem:
            rank[node] = sources[0]
        else:
            highest += 1
            rank[node] = highest
    return rank
