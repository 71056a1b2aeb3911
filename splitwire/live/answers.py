"""What an answer holds: a prediction in JSON, or a network's whole output as float32 streams.

An edge asks for the whole output where it is to judge it; what a user is shown takes less.
"""

import json
from typing import Any

from torch import fx
from torch.utils import _pytree as pytree

from splitwire.codecs.base import Codec
from splitwire.codecs.registry import codec
from splitwire.errors import BitstreamError, RemoteError
from splitwire.models.load import Model
from splitwire.models.split import Crossing
from splitwire.runner.local import decode, encode
from splitwire.tasks.base import Output, Prediction, tensors

_EXACT = "raw:dtype=float32"


def write_prediction(prediction: Prediction) -> bytes:
    """A prediction as it travels."""
    return json.dumps(prediction, separators=(",", ":")).encode()


def read_prediction(body: bytes) -> Prediction:
    """The prediction again.

    Raises:
        RemoteError: the bytes are none.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RemoteError("the cloud sent no prediction: a JSON object expected")
    return said


def write_output(output: Output) -> bytes:
    """An output as it travels: the packet of its tensors."""
    flat = tensors(output)
    return encode(flat, _coders(len(flat)))


def read_output(body: bytes, model: Model) -> Output:
    """The output again, in the structure that the network gives.

    Raises:
        RemoteError: the bytes are none of that network's.
    """
    crossings = _leaves(model)
    try:
        leaves = iter(decode(body, _coders(len(crossings)), crossings))
    except BitstreamError as error:
        raise RemoteError(f"the cloud sent no output of {model.name}: {error}") from None
    results = model.graph.results
    filled = [next(leaves) if isinstance(node, fx.Node) else node for node in results]
    return pytree.tree_unflatten(filled, model.graph.structure)


def output_like(model: Model) -> Any:
    """An output's structure, with tensors that have shapes and types but no numbers."""
    graph = model.graph
    filled = [node.meta["val"] if isinstance(node, fx.Node) else node for node in graph.results]
    return pytree.tree_unflatten(filled, graph.structure)


def _leaves(model: Model) -> list[Crossing]:
    values = [(node.name, node.meta["val"]) for node in model.graph.outputs]
    return [Crossing(name, tuple(value.shape), value.dtype) for name, value in values]


def _coders(count: int) -> list[Codec]:
    return [codec(_EXACT)] * count
