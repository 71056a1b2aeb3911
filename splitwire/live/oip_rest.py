"""The Open Inference Protocol over REST: routes under `/v2`, with tensors in JSON or binary.

    POST /v2/models/NAME[/versions/V]/infer

    {"inputs": [{"name": "packet", "datatype": "BYTES", "shape": [1],
                 "parameters": {"binary_data_size": 2051}}],
     "parameters": {"split": "blocks.3"}} <length, packet>

Where JSON ends and binary begins the header `Inference-Header-Content-Length` says. In JSON alone
the element is the packet in base64.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from splitwire.live.cloud import Cloud
from splitwire.live.handshake import Name, fault
from splitwire.live.oip import Asked, Fault, Given, OipError, Output, Parameter, Service, element
from splitwire.live.shown import shown

_LENGTH = "inference-header-content-length"
_HEAD_BYTES = 64 << 10  # of a request beside its packet
_Parameters = Annotated[dict[Name, Parameter | Name], Field(max_length=64)]


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class _Input:
    name: Name
    datatype: Name
    shape: Annotated[list[int], Field(max_length=8)]
    parameters: _Parameters = Field(default_factory=dict)
    data: Any = None


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class _Output:
    name: Name
    parameters: _Parameters = Field(default_factory=dict)


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class _Request:
    inputs: Annotated[list[_Input], Field(max_length=64)]
    outputs: Annotated[list[_Output], Field(max_length=512)] = Field(default_factory=list)
    parameters: _Parameters = Field(default_factory=dict)
    id: Name = ""


class Rest:
    """The routes of a cloud.

    Args:
        cloud: that answers.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._service, self._inside = cloud, Service(cloud), 0

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        found: list[BaseRoute] = [
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/v2", self._guarded(self._server)),
        ]
        for model in ("/v2/models/{name:path}/versions/{version}", "/v2/models/{name:path}"):
            found += [
                Route(f"{model}/infer", self._guarded(self._infer), methods=["POST"]),
                Route(f"{model}/ready", self._guarded(self._model_ready)),
            ]
        for model in ("/v2/models/{name:path}/versions/{version}", "/v2/models/{name:path}"):
            found.append(Route(model, self._guarded(self._model)))
        return found

    def _guarded(self, answer: Callable[[Request], Awaitable[Response]]) -> Any:
        """A route for those who may speak, whose errors are the protocol's."""

        async def guarded(request: Request) -> Response:
            if reason := self._cloud.access.refusal(request.headers):
                turned = self._cloud.turn_away(request, reason)
                return JSONResponse({"error": reason}, turned.status_code)
            try:
                return await answer(request)
            except OipError as error:
                return JSONResponse({"error": str(error)}, error.fault.value[0])

        return guarded

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, request: Request) -> Response:
        return JSONResponse({"ready": self._cloud.ready}, 200 if self._cloud.ready else 503)

    async def _server(self, request: Request) -> Response:
        return JSONResponse(self._service.server())

    async def _model_ready(self, request: Request) -> Response:
        name = self._service.model(*_asked_for(request)).name
        return JSONResponse({"name": name, "ready": self._cloud.ready})

    async def _model(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        told = await loop.run_in_executor(None, self._service.metadata, *_asked_for(request))
        return JSONResponse(told)

    async def _infer(self, request: Request) -> Response:
        if self._inside >= self._cloud.limits.clients:
            raise OipError(Fault.BUSY, "too many clients")
        self._inside += 1
        try:
            head, binary = _parts(request, await self._body(request))
            name, version = _asked_for(request)
            inputs = list(_inputs(head, binary))
            wanted = [each.name for each in head.outputs]
            asked = Asked(name, version, inputs, wanted, head.parameters)
            return _response(asked, head, await self._service.infer(asked))
        finally:
            self._inside -= 1

    async def _body(self, request: Request) -> bytes:
        """The body of a request, as long as the cloud takes, and no slower; raises OipError."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise OipError(Fault.ENCODED, "a packet is coded already: send it uncompressed")
        limits, parts, size = self._cloud.limits, [], 0
        try:
            async with asyncio.timeout(limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > limits.message + _HEAD_BYTES:
                        said = f"a request of more than {limits.message + _HEAD_BYTES} bytes"
                        raise OipError(Fault.TOO_LONG, said)
                    parts.append(part)
        except TimeoutError:
            said = f"a request took longer than {limits.seconds:g} s"
            raise OipError(Fault.SLOW, said) from None
        except ClientDisconnect:
            raise OipError(Fault.INVALID, "the client has gone") from None
        return b"".join(parts)


def _asked_for(request: Request) -> tuple[str, str]:
    return request.path_params["name"], request.path_params.get("version", "")


def _parts(request: Request, body: bytes) -> tuple[_Request, bytes]:
    """What a body says in JSON, and the binary behind it; raises OipError."""
    told = request.headers.get(_LENGTH)
    size = len(body) if told is None else int(told) if told.isascii() and told.isdigit() else -1
    if not 0 <= size <= len(body):
        said = f"{_LENGTH}: {shown(told, 20)} in a body of {len(body)} bytes"
        raise OipError(Fault.INVALID, said)
    try:
        said = json.loads(body[:size])
    except (ValueError, RecursionError):
        raise OipError(Fault.INVALID, "a JSON object expected") from None
    try:
        return TypeAdapter(_Request).validate_python(said, strict=False), body[size:]
    except ValidationError as error:
        raise OipError(Fault.INVALID, fault(error)) from None


def _inputs(head: _Request, binary: bytes) -> Iterator[Given]:
    """The inputs with their elements in binary form; raises OipError."""
    at = 0
    for each in head.inputs:
        size = each.parameters.get("binary_data_size")
        if size is None:
            data = b"".join(map(element, _elements(each)))
        elif type(size) is int and 0 <= size <= len(binary) - at and each.data is None:
            data, at = binary[at : at + size], at + size
        else:
            said = f"binary_data_size {shown(size, 20)}, where {len(binary) - at} bytes are left"
            raise OipError(Fault.INVALID, f"{each.name}: {said}, and no data in JSON beside")
        yield Given(each.name, each.datatype, each.shape, data)
    if at != len(binary):
        raise OipError(Fault.INVALID, f"{len(binary) - at} bytes that belong to no input")


def _elements(given: _Input) -> Iterator[bytes]:
    """What JSON holds of an input: packets in base64; raises OipError."""
    try:
        if not isinstance(given.data, list):
            raise ValueError
        for each in given.data:
            yield base64.b64decode(each, validate=True)
    except (TypeError, ValueError):
        name = shown(given.name, 40)
        said = f"{name}: data must be a list of packets in base64, or binary beside the JSON"
        raise OipError(Fault.INVALID, said) from None


def _response(asked: Asked, head: _Request, outputs: list[Output]) -> Response:
    """The outputs, each in JSON unless binary is asked for; raises OipError."""
    everything = head.parameters.get("binary_data_output", False) is True
    wishes = {each.name: each.parameters.get("binary_data", everything) for each in head.outputs}
    told, parts = [], []
    for output in outputs:
        about = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
        if wishes.get(output.name, everything):
            parts.append(output.binary())
            told.append({**about, "parameters": {"binary_data_size": len(parts[-1])}})
        else:
            value = output.value
            data = [value.decode()] if isinstance(value, bytes) else value.ravel().tolist()
            told.append({**about, "data": data})
    reply = {"model_name": asked.model, "model_version": asked.version, "outputs": told}
    try:
        text = json.dumps({**reply, **({"id": head.id} if head.id else {})}, allow_nan=False)
    except ValueError:
        said = "the output is not finite, which JSON has no word for: ask for binary data"
        raise OipError(Fault.FAILED, said) from None
    if not parts:
        return Response(text, media_type="application/json")
    headers = {_LENGTH: str(len(text))}
    body = b"".join((text.encode(), *parts))
    return Response(body, media_type="application/octet-stream", headers=headers)
