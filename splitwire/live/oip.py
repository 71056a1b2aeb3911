"""The Open Inference Protocol, version 2, apart from how it travels: REST and gRPC share this.

A model is a network of the cloud, its version the network's digest. Its one input is a packet as
one element of BYTES; the outputs are the tensors that the network gives, and what the task tells
of them in JSON. Codec and profiles are read from the packet, which says them itself.
"""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from importlib.metadata import version
from math import inf
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs import bitstream
from splitwire.errors import RemoteError, SplitwireError
from splitwire.live.answers import read_output, write_prediction
from splitwire.live.client import Serving
from splitwire.live.handshake import Hello
from splitwire.live.inference import Inference, Job
from splitwire.live.library import MAX_SPLITS, Agreement
from splitwire.live.protocol import LONGEST_PATIENCE, PATIENCE, Code, FrameError
from splitwire.live.shown import shown
from splitwire.models.load import Model
from splitwire.models.split import cut_points
from splitwire.runner import packet
from splitwire.tasks.base import tensors

INPUT, PREDICTION = "packet", "prediction"
EXTENSIONS = ("binary_tensor_data", "parameters")
_KNOWN = ("split", "task", "timeout", "priority", "binary_data_output")
_LENGTH = struct.Struct("<I")  # before each element of BYTES

Parameter = bool | int | float | str


class Fault(Enum):
    """Why a request gets no answer: its status in HTTP, and its name in gRPC."""

    INVALID = 400, "INVALID_ARGUMENT"
    UNKNOWN = 404, "NOT_FOUND"
    SLOW = 408, "DEADLINE_EXCEEDED"
    STALE = 409, "FAILED_PRECONDITION"
    TOO_LONG = 413, "RESOURCE_EXHAUSTED"
    ENCODED = 415, "UNIMPLEMENTED"
    FAILED = 500, "INTERNAL"
    BUSY = 503, "RESOURCE_EXHAUSTED"
    LEAVING = 503, "UNAVAILABLE"
    LATE = 504, "DEADLINE_EXCEEDED"


_OF_FRAMES = {
    Code.DAMAGED: Fault.INVALID,
    Code.NO_PREDICTION: Fault.FAILED,
    Code.LATE: Fault.LATE,
    Code.BUSY: Fault.BUSY,
    Code.LEAVING: Fault.LEAVING,
    Code.STALE: Fault.STALE,
}


class OipError(RemoteError):
    """A request gets no answer."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


@dataclass(frozen=True)
class Given:
    """An input as it came; `data` holds its elements as the protocol's binary form has them."""

    name: str
    datatype: str
    shape: Sequence[int]
    data: bytes


@dataclass(frozen=True)
class Asked:
    """A request; no outputs are all of them."""

    model: str
    version: str
    inputs: Sequence[Given]
    outputs: Sequence[str] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """An output: float32 of the shape in which the network gives it, or JSON as one element."""

    name: str
    value: NDArray[np.float32] | bytes

    @property
    def datatype(self) -> str:
        """As the protocol calls it."""
        return "BYTES" if isinstance(self.value, bytes) else "FP32"

    @property
    def shape(self) -> list[int]:
        """With the batch dimension of 1."""
        return [1] if isinstance(self.value, bytes) else list(self.value.shape)

    def binary(self) -> bytes:
        """The protocol's binary form."""
        if isinstance(self.value, bytes):
            return element(self.value)
        return self.value.astype("<f4").tobytes()


def element(data: bytes) -> bytes:
    """One element of BYTES in binary form."""
    return _LENGTH.pack(len(data)) + data


class Service:
    """What a cloud says of its networks, and makes of packets.

    Args:
        cloud: whose networks, limits and engine it uses.
    """

    def __init__(self, cloud: Serving) -> None:
        self.cloud = cloud
        self._agree = lru_cache(MAX_SPLITS)(cloud.library.agree)

    def server(self) -> dict[str, Any]:
        """What the server says of itself."""
        ours = version("splitwire")
        return {"name": "splitwire", "version": ours, "extensions": list(EXTENSIONS)}

    def model(self, name: str, version: str) -> Model:
        """A network of the cloud; raises OipError where it has none of that name or version."""
        models = self.cloud.library.models
        if (model := models.get(name)) is None:
            said = f"no model {shown(name, 80)!r} here; there are: {', '.join(models)}"
            raise OipError(Fault.UNKNOWN, said)
        if version not in ("", model.digest):
            said = f"no version {shown(version, 40)!r} of {name} here; there is: {model.digest}"
            raise OipError(Fault.UNKNOWN, said)
        return model

    def metadata(self, name: str, version: str) -> dict[str, Any]:
        """What there is to know of a network; takes as long as tracing it, so call it in a thread.

        Raises:
            OipError: there is no such network.
        """
        model, library = self.model(name, version), self.cloud.library
        told = [{"name": INPUT, "datatype": "BYTES", "shape": [1]}]
        given = [
            {"name": tensor, "datatype": "FP32", "shape": list(shape)}
            for tensor, shape in zip(_names(model), model.output_shapes, strict=True)
        ]
        return {
            "name": model.name,
            "versions": [model.digest],
            "platform": "splitwire",
            "inputs": told,
            "outputs": [*given, {"name": PREDICTION, "datatype": "BYTES", "shape": [1]}],
            "properties": {
                "splits": ",".join(point.name for point in cut_points(model)),
                "codecs": ",".join(library.codecs),
                "task": library.page_task(model) or "",
            },
        }

    async def infer(self, asked: Asked) -> list[Output]:
        """The outputs of a request.

        Raises:
            OipError: it is malformed, or its frame is refused.
        """
        arrived = monotonic()
        model = self.model(asked.model, asked.version)
        names = [*_names(model), PREDICTION]
        wanted = list(asked.outputs) or names
        if unknown := [name for name in wanted if name not in names]:
            said = f"no output {shown(unknown[0], 80)!r}; there are: {', '.join(names)}"
            raise OipError(Fault.INVALID, said)
        data = _packet(asked.inputs)
        whole = wanted != [PREDICTION]
        loop = asyncio.get_running_loop()
        agreement = await loop.run_in_executor(None, self._agreed, model, asked, data, whole)
        body = await self._run(agreement, data, arrived, _patience(asked.parameters))
        if not whole:
            return [Output(PREDICTION, body)]
        return [each for each in _outputs(model, agreement, body) if each.name in wanted]

    def _agreed(self, model: Model, asked: Asked, data: bytes, whole: bool) -> Agreement:
        """What a packet is decoded and finished under; raises OipError."""
        told = asked.parameters
        if unknown := [name for name in told if name not in _KNOWN]:
            said = f"no parameter {shown(unknown[0], 80)!r}; there are: {', '.join(_KNOWN)}"
            raise OipError(Fault.INVALID, said)
        if not (at := str(told.get("split", ""))):
            raise OipError(Fault.INVALID, "the parameter 'split' must name a cut point")
        try:
            task = str(told.get("task", "")) or self.cloud.library.page_task(model)
            if task is None:
                raise RemoteError(f"no task fits {model.name}: name one by the parameter 'task'")
            spec, digests = _coded(data)
            hello = Hello(model.name, at, spec, task, profiles=digests, whole=whole)
            agreement = self._agree(hello)
        except OipError:
            raise
        except (SplitwireError, ValueError) as error:
            raise OipError(Fault.INVALID, " ".join(str(error).split())) from error
        if len(data) > agreement.largest:
            said = f"a packet of {len(data)} bytes, where none exceeds {agreement.largest}"
            raise OipError(Fault.INVALID, said)
        return agreement

    async def _run(self, agreement: Agreement, data: bytes, arrived: float, wait: float) -> bytes:
        """The body of what the engine says of a packet; raises OipError."""
        cloud, client = self.cloud, object()  # every request is a client of its own
        if cloud.draining:
            raise OipError(Fault.LEAVING, "the cloud is shutting down")
        done: asyncio.Future[Inference | FrameError] = asyncio.get_running_loop().create_future()

        def end(result: Inference | FrameError) -> None:
            if not done.done():
                done.set_result(result)

        job = Job(agreement, data, arrived + wait, end, client)
        cloud.engine.take(job)
        try:
            result = await done
        finally:
            job.expires = -inf  # where nobody waits any more
            if agreement.choice.predicts:
                cloud.engine.forget(client)
        cloud.metrics.count(agreement, data, result, monotonic() - arrived)
        if isinstance(result, FrameError):
            raise OipError(_OF_FRAMES[result.code], str(result))
        return result.body


def _names(model: Model) -> list[str]:
    count = len(model.output_shapes)
    return ["output"] if count == 1 else [f"output_{index}" for index in range(count)]


def _packet(inputs: Sequence[Given]) -> bytes:
    """The packet among the inputs of a request; raises OipError."""
    if len(inputs) != 1 or inputs[0].name != INPUT:
        said = ", ".join(shown(each.name, 40) for each in inputs[:4])
        raise OipError(Fault.INVALID, f"one input named {INPUT!r} expected, not {said or 'none'}")
    (given,) = inputs
    if given.datatype != "BYTES":
        raise OipError(Fault.INVALID, f"{INPUT}: BYTES expected, not {shown(given.datatype, 20)}")
    if list(given.shape) != [1]:
        said = shown(list(given.shape), 60)
        raise OipError(Fault.INVALID, f"{INPUT}: one element expected, of shape [1], not {said}")
    if len(given.data) < _LENGTH.size:
        raise OipError(Fault.INVALID, f"{INPUT}: {len(given.data)} bytes hold no element")
    (size,), data = _LENGTH.unpack_from(given.data), given.data[_LENGTH.size :]
    if size != len(data):
        said = f"{INPUT}: one element of {size} bytes, by its length, in {len(data)} bytes"
        raise OipError(Fault.INVALID, said)
    return data


def _coded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The codec of a packet, and the digests of its profiles.

    Raises:
        BitstreamError: it is damaged.
        OipError: it builds on another.
    """
    if not packet.is_intra(data):
        said = "the packet builds on another: send one that stands alone, or use the WebSocket"
        raise OipError(Fault.STALE, said)
    headers = [bitstream.read(stream)[0] for stream in packet.split(data)]
    digests = tuple(header.digest or "" for header in headers)
    return (headers[0].spec if headers else ""), digests if any(digests) else ()


def _patience(told: Mapping[str, Parameter]) -> float:
    """Seconds that a request may wait; it says microseconds."""
    try:
        wait = float(told.get("timeout", 0)) / 1e6
    except ValueError:
        raise OipError(Fault.INVALID, "the parameter 'timeout' is no number") from None
    return min(wait, LONGEST_PATIENCE) if wait > 0 else PATIENCE


def _outputs(model: Model, agreement: Agreement, body: bytes) -> list[Output]:
    """All outputs of a frame whose whole output was answered; raises OipError."""
    output = read_output(body, model)
    try:
        told = write_prediction(agreement.task, output)
    except SplitwireError as error:
        raise OipError(Fault.FAILED, str(error)) from error
    arrays = [np.asarray(tensor, np.float32) for tensor in tensors(output)]
    named = zip(_names(model), arrays, strict=True)
    return [*(Output(name, value) for name, value in named), Output(PREDICTION, told)]
