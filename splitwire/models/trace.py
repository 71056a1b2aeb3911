"""Exporting a network to the functional graph that cuts are made in.

`torch.export` gives the network as one list of tensor operations. Decomposing it into functional
operations (`run_decompositions`) leaves none that writes into its input, so a tensor kept across
a cut stays what it was, and keeps every operation that is a kernel of its own, so that the result
stays that of the network to the bit.
"""

import inspect
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from splitwire.errors import ModelError
from splitwire.models.graph import NetGraph, ancestors
from splitwire.models.messages import reason
from splitwire.models.named import Named
from splitwire.models.silence import silence


def _copied(x: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    return source.to(x.dtype).expand(x.shape).clone()


# What assigning to a slice becomes in a functional graph; PyTorch has no derivative of it.
DECOMPOSED = {torch.ops.aten.copy.default: _copied}


def trace(name: str, module: nn.Module, shape: tuple[int, ...], device: str = "cpu") -> NetGraph:
    """The graph of `module`, which is on `device`, for a float32 input of `shape`.

    Raises `ModelError` when it does not export, or changes its own state as it runs.
    """
    if not isinstance(module, Named):
        _check_inputs(name, module)
    try:
        with torch.inference_mode(False), silence():
            example = torch.zeros(shape, device=device)
            program = torch.export.export(module, (example,), strict=False)
            return _read(program.run_decompositions(DECOMPOSED))
    except ModelError as error:
        raise ModelError(f"{name} cannot be cut: {error}") from error
    except Exception as error:
        raise ModelError(
            f"{name} cannot be cut, it does not export: {_why(error)} (it is given "
            f"{'×'.join(map(str, shape))}, as its Preprocess or Inputs says)"
        ) from error


def _check_inputs(name: str, module: nn.Module) -> None:
    """Refuse a network that wants more than one picture."""
    network = getattr(module, "network", module)
    try:
        known = inspect.signature(network.forward).parameters.values()
    except ValueError:  # of a kind that does not say
        return
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [p.name for p in known if p.kind in places and p.default is inspect.Parameter.empty]
    if len(wanted) > 1:
        raise ModelError(
            f"{name} takes {len(wanted)} inputs ({', '.join(wanted)}), and a picture is one: have "
            "its factory give it with splitwire.models.inputs.Inputs, which names each with its "
            "shape"
        )


def _why(error: Exception) -> str:
    """The first line of an error; of one of symbols, what it comes to."""
    if "DataDependent" in type(error).__name__:
        return (
            "what it does depends on the numbers in the picture, and a graph holds one way alone: "
            "write `torch.where` for `if`, or leave that part out of the network"
        )
    return reason(error)


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
    for node in rank:
        if any(isinstance(side, torch.SymInt) for side in _sides(node.meta["val"])):
            raise ModelError(
                f"how many numbers {node.name} holds depends on the picture: leave that part (a "
                "mask as index, nonzero, non-maximum suppression) out of the network"
            )
    if len(rank) == 1:
        raise ModelError("its output does not depend on the picture")
    return NetGraph(nodes, stored, names, results, program.call_spec.out_spec, rank)


def _sides(value: Any) -> Iterator[Any]:
    """The sides of a tensor, or of those in a list."""
    for tensor in value if isinstance(value, tuple | list) else [value]:
        if isinstance(tensor, torch.Tensor):
            yield from tensor.shape


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
