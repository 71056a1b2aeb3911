"""One half of a network as an ONNX model, for any number of frames where the half allows it.

A half's graph was cut for a batch of one. models/batch.py makes of it a graph that is told the
number of frames; here it reads that number off its first input, whose first dimension is left free.
Whether the half computes each frame of a batch as it does alone is tried, on three frames. Where it
does not (a mean over all there is), the batch stays one.
"""

import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import fx, nn

from splitwire.errors import BundleError
from splitwire.models.batch import TOLERANCE, for_batches
from splitwire.models.messages import reason

_TRIED = 3  # frames
_MOST = 1 << 16  # frames of a batch


class _AnyNumber(nn.Module):
    """A half for as many frames as its first input holds."""

    def __init__(self, body: fx.GraphModule) -> None:
        super().__init__()
        self.body = for_batches(body)

    def forward(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        return _tensors(self.body(inputs[0].shape[0], *inputs))


class _One(nn.Module):
    """A half for one frame."""

    def __init__(self, body: fx.GraphModule) -> None:
        super().__init__()
        self.body = body

    def forward(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        return _tensors(self.body(*inputs))


def free_half(
    body: fx.GraphModule, frames: Sequence[Sequence[torch.Tensor]], names: Sequence[Sequence[str]]
) -> bytes | None:
    """The ONNX model of a half that takes any number of frames; None where there is none.

    Args:
        body: the half's graph.
        frames: of three frames the inputs of the half, each with its batch of 1.
        names: of the inputs, and of the outputs.
    """
    columns = tuple(torch.cat(column) for column in zip(*frames, strict=True))
    many = torch.export.Dim("frames", min=1, max=_MOST)
    try:
        data = _exported(_AnyNumber(body), columns, names, ({0: many},) * len(columns))
        return data if _holds(data, body, frames) else None
    except Exception:  # of any kind: a shape that depends on the number, an operation that fails
        return None


def half_of_one(
    body: fx.GraphModule, frame: Sequence[torch.Tensor], names: Sequence[Sequence[str]]
) -> bytes:
    """The ONNX model of a half that takes one frame.

    Raises:
        BundleError: the half has an operation that ONNX has not.
    """
    try:
        return _exported(_One(body), tuple(frame), names, None)
    except Exception as error:
        raise BundleError(f"it does not export to ONNX: {reason(error)}") from error


def _exported(
    half: nn.Module, inputs: tuple[torch.Tensor, ...], names: Sequence[Sequence[str]], shapes: Any
) -> bytes:
    own = tuple(x.detach().clone() for x in inputs)  # of inference tensors nothing is traced
    with torch.inference_mode(False), warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            half.eval(),
            own,
            dynamo=True,
            input_names=list(names[0]),
            output_names=list(names[1]),
            dynamic_shapes=None if shapes is None else (shapes,),
            verbose=False,
        )
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data


def _holds(data: bytes, body: fx.GraphModule, frames: Sequence[Sequence[torch.Tensor]]) -> bool:
    """Whether a model gives each frame of a batch what the half gives it alone."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    taken = [node.name for node in session.get_inputs()]
    columns = (torch.cat(column).numpy() for column in zip(*frames, strict=True))
    found = session.run(None, dict(zip(taken, columns, strict=True)))
    with torch.inference_mode():
        alone = [_tensors(body(*frame)) for frame in frames]
    return all(
        len(many) == len(frames) and all(map(_near, many, (row[at].numpy() for row in alone)))
        for at, many in enumerate(found)
    )


def _near(found: np.ndarray[Any, Any], alone: np.ndarray[Any, Any]) -> bool:
    if found.shape != alone.shape[1:]:
        return False
    largest = float(np.abs(alone).max(initial=0.0))
    return bool(np.allclose(found, alone[0], rtol=0, atol=TOLERANCE * largest))


def _tensors(results: Sequence[Any]) -> list[torch.Tensor]:
    return [result for result in results if isinstance(result, torch.Tensor)]
