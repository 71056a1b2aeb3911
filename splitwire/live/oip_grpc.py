"""The Open Inference Protocol over gRPC: a server beside the cloud's, of the same networks.

What a browser could be made to ask does not reach it, for browsers do not speak gRPC: so the token
is what a request has to show, and no host.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from splitwire.errors import RemoteError
from splitwire.live.access import Access
from splitwire.live.cloud import Cloud
from splitwire.live.logs import event
from splitwire.live.oip import Asked, Fault, Given, OipError, Output, Parameter, Service, element
from splitwire.live.oip_messages import MESSAGES, SERVICE

_HEAD_BYTES = 64 << 10  # of a request beside its packet
_GRACE = 1.0  # seconds that calls in hand have once the frames in hand are answered


@asynccontextmanager
async def grpc_server(
    cloud: Cloud,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
    shared: bool = False,
) -> AsyncIterator[None]:
    """A gRPC server while the context lasts; a port of 0 is any that is free, and is logged.

    Args:
        cloud: that answers.
        host: where it listens.
        port: of it.
        certificate: TLS: the chain, as PEM.
        key: its private key.
        shared: whether other processes may listen there too.

    Raises:
        RemoteError: the address cannot be had.
    """
    server = _server(cloud, shared)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if certificate is None or key is None:
            bound = server.add_insecure_port(address)
        else:
            pair = (key.read_bytes(), certificate.read_bytes())
            bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:
        raise RemoteError(f"cannot listen on {address} for gRPC: {error}") from error
    await server.start()
    event("listening for gRPC", address=f"{address.rpartition(':')[0]}:{bound}")
    try:
        yield
    finally:
        await server.stop(_GRACE)


def _server(cloud: Cloud, shared: bool) -> grpc.aio.Server:
    """A server within the limits of a cloud, which listens nowhere yet."""
    limits = cloud.limits
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.message + _HEAD_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", int(shared)),
        ],
        maximum_concurrent_rpcs=limits.clients,
    )
    server.add_generic_rpc_handlers((Calls(cloud).handler(),))
    return server


class Calls:
    """The calls of the service.

    Args:
        cloud: that answers.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._service = cloud, Service(cloud)
        self._access = Access(cloud.access.tokens)

    def handler(self) -> grpc.GenericRpcHandler:
        """All of them."""
        calls = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ServerMetadata": self._guarded(self._server),
            "ModelReady": self._guarded(self._model_ready),
            "ModelMetadata": self._guarded(self._model),
            "ModelInfer": self._guarded(self._infer),
        }
        made = {
            name: grpc.unary_unary_rpc_method_handler(
                call,
                request_deserializer=MESSAGES[f"{name}Request"].FromString,
                response_serializer=MESSAGES[f"{name}Response"].SerializeToString,
            )
            for name, call in calls.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, made)

    def _guarded(self, answer: Callable[[Any], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A call for those who may speak, whose errors are the protocol's."""

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            if reason := self._access.refusal(_headers(context)):
                self._cloud.metrics.refused.labels(reason).inc()
                event("refused", logging.WARNING, client=context.peer(), reason=reason)
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, reason)
            try:
                return await answer(request)
            except OipError as error:
                status = grpc.StatusCode[error.fault.value[1]]
                return await context.abort(status, str(error))

        return guarded

    async def _live(self, request: Any, context: object) -> Any:
        return MESSAGES["ServerLiveResponse"](live=True)

    async def _ready(self, request: Any, context: object) -> Any:
        return MESSAGES["ServerReadyResponse"](ready=self._cloud.ready)

    async def _server(self, request: Any) -> Any:
        return MESSAGES["ServerMetadataResponse"](**self._service.server())

    async def _model_ready(self, request: Any) -> Any:
        self._service.model(request.name, request.version)
        return MESSAGES["ModelReadyResponse"](ready=self._cloud.ready)

    async def _model(self, request: Any) -> Any:
        asked = (request.name, request.version)
        loop = asyncio.get_running_loop()
        told = await loop.run_in_executor(None, self._service.metadata, *asked)
        return MESSAGES["ModelMetadataResponse"](**told)

    async def _infer(self, request: Any) -> Any:
        wanted = [each.name for each in request.outputs]
        told = {name: _parameter(value) for name, value in request.parameters.items()}
        name, version = request.model_name, request.model_version
        outputs = await self._service.infer(Asked(name, version, _inputs(request), wanted, told))
        raw = bool(request.raw_input_contents)
        return MESSAGES["ModelInferResponse"](
            model_name=name,
            model_version=version,
            id=request.id,
            outputs=[_tensor(output, raw) for output in outputs],
            raw_output_contents=[output.binary() for output in outputs] if raw else [],
        )


def _headers(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in context.invocation_metadata() or ()}


def _parameter(value: Any) -> Parameter:
    """The value of a parameter; an empty one is an empty text."""
    kind = value.WhichOneof("parameter_choice")
    found: Parameter = getattr(value, kind) if kind else ""
    return found


def _inputs(request: Any) -> list[Given]:
    """The inputs with their elements in binary form; raises OipError."""
    raw = request.raw_input_contents
    if raw and (
        len(raw) != len(request.inputs) or any(each.HasField("contents") for each in request.inputs)
    ):
        said = f"{len(raw)} raw contents for {len(request.inputs)} inputs, and none beside them"
        raise OipError(Fault.INVALID, said)
    contents = raw or (
        b"".join(map(element, each.contents.bytes_contents)) for each in request.inputs
    )
    return [
        Given(each.name, each.datatype, list(each.shape), data)
        for each, data in zip(request.inputs, contents, strict=True)
    ]


def _tensor(output: Output, raw: bool) -> Any:
    """An output; its contents too unless they go raw."""
    about = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    if raw:
        return MESSAGES["InferTensor"](**about)
    value = output.value
    if isinstance(value, bytes):
        return MESSAGES["InferTensor"](**about, contents={"bytes_contents": [value]})
    return MESSAGES["InferTensor"](**about, contents={"fp32_contents": value.ravel()})
