"""What an answer holds: a prediction in JSON, or a network's whole output as float32 streams.

An edge asks for the whole output where it is to judge it; what a user is shown takes less.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.registry import codec
from splitwire.errors import CodecError, RemoteError, SplitwireError, TaskError
from splitwire.live.protocol import TEXT_BYTES
from splitwire.live.shown import shown
from splitwire.models.arrays import array, is_floating
from splitwire.models.described import Described
from splitwire.runner.local import decode_arrays, encode
from splitwire.tasks.base import Output, Prediction, Task, tensors

_EXACT = "raw:dtype=float32"


def checked(task: Task, output: Output) -> Output:
    """An output, once the task has taken it for one of its own.

    Raises:
        TaskError: it has not, or the output holds NaN.
    """
    with _said_of(task):
        return task.checked(output)


def write_prediction(task: Task, output: Output) -> bytes:
    """What a task tells of an output, as it travels.

    Raises:
        TaskError: the task does not take the output, or tells what JSON has no word for.
    """
    with _said_of(task):
        told = task.predict(task.checked(output))
        return json.dumps(told, allow_nan=False, separators=(",", ":")).encode()


def read_prediction(body: bytes) -> Prediction:
    """The prediction again.

    Raises:
        RemoteError: the bytes are none.
    """
    try:
        said = _printable(json.loads(body))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RemoteError("the cloud sent no prediction: a JSON object expected")
    return said


def _printable(value: Any) -> Any:
    """A value of JSON with nothing in its words that a terminal obeys; ValueError if not finite."""
    if isinstance(value, float) and not isfinite(value):  # as is 1e999, and what is called NaN
        raise ValueError("a number that is not finite")
    if isinstance(value, str):
        return shown(value, TEXT_BYTES)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def write_output(output: Output) -> bytes:
    """An output as it travels: the packet of its tensors.

    Raises:
        CodecError: it holds integers that float32 does not tell apart.
    """
    flat = [_as_floats(tensor) for tensor in tensors(output)]
    return encode(flat, _coders(len(flat)))


def read_output(body: bytes, model: Described) -> Output:
    """The output again, in the structure that the network gives.

    Raises:
        RemoteError: the bytes are none of that network's.
    """
    shapes = model.output_shapes
    try:
        return model.structured(decode_arrays(body, _coders(len(shapes)), shapes))
    except SplitwireError as error:
        raise RemoteError(f"the cloud sent no output of {model.name}: {error}") from None


def _as_floats(tensor: Any) -> Tensor:
    numbers = array(tensor)
    floats = numbers.astype(np.float32, copy=False)
    if not is_floating(tensor) and not np.array_equal(floats.astype(numbers.dtype), numbers):
        raise CodecError("the output holds integers beyond float32: it cannot travel whole")
    return floats


@contextmanager
def _said_of(task: Task) -> Iterator[None]:
    """Makes whatever a task stumbles over an error that names it: it may be a user's own."""
    try:
        yield
    except SplitwireError:
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise TaskError(f"the task {task.name} failed: {what[:160]}") from error


def _coders(count: int) -> list[Codec]:
    return [codec(_EXACT)] * count
