"""The cloud: the server that decodes what edges send, runs the network's second half and answers.

One WebSocket a client, at `/v1` (live/protocol.py); `/healthz`, `/readyz` and `/metrics` beside
it. A frame that fails harms no other: it gets a refusal with the reason.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from splitwire.errors import RemoteError
from splitwire.live.access import SUBPROTOCOL, Access
from splitwire.live.batching import Engine, Inference, Job
from splitwire.live.handshake import MAX_AGREEMENTS, Hello, Welcome, refused
from splitwire.live.library import Agreement, Library
from splitwire.live.logs import event
from splitwire.live.metrics import Metrics
from splitwire.live.protocol import (
    PATH,
    PROBE,
    PROBE_BYTES,
    Answer,
    Code,
    Frame,
    FrameError,
    Refusal,
)

IN_FLIGHT = 8  # frames of one client that are read ahead of their answers
HELLO_SECONDS = 10.0  # that a client has for its first hello
DRAIN_SECONDS = 10.0  # that frames in hand have once the cloud is told to stop

_GOING_AWAY, _POLICY = 1001, 1008


@dataclass(frozen=True)
class Limits:
    """What one cloud takes on.

    Attributes:
        clients: connections at once.
        message: bytes of one message.
        queue: frames of all clients that are being decoded or wait.
        seconds: that a message may take from its first byte to its last, and a client to make a
            request.
    """

    clients: int = 64
    message: int = 16 << 20
    queue: int = 64
    seconds: float = 30.0


@dataclass(eq=False)
class Cloud:
    """The state of a server.

    Args:
        library: networks and profiles.
        access: who may speak.
        limits: what it takes on.
    """

    library: Library
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.draining = False
        self._clients: set[_Client] = set()

    def app(self, pages: Sequence[BaseRoute] = ()) -> Starlette:
        """The server as an ASGI application, with further routes."""
        routes = [
            WebSocketRoute(PATH, self._connect),
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            *pages,
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def drain(self) -> None:
        """Take no more frames, answer those in hand, and part from every client."""
        self.draining = True
        event("draining", clients=len(self._clients))
        end = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while any(c.busy for c in self._clients) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        for client in list(self._clients):
            await client.leave()

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.engine = Engine(self.limits.queue)
        self.metrics.waiting.set_function(lambda: self.engine.inside)
        yield
        self.engine.close()

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def _ready(self, request: Request) -> Response:
        if self.draining or self.engine.inside >= self.limits.queue:
            return PlainTextResponse("leaving\n" if self.draining else "busy\n", 503)
        return PlainTextResponse("ready\n")

    async def _metrics(self, request: Request) -> Response:
        if reason := self.access.refusal(request.headers):
            return self.turn_away(request, reason)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def turn_away(self, request: Request | WebSocket, reason: str) -> Response:
        """The response to a request without the right; counted and logged."""
        self.metrics.refused.labels(reason).inc()
        client = request.client.host if request.client else "?"
        event("refused", logging.WARNING, client=client, path=request.url.path, reason=reason)
        headers = {"WWW-Authenticate": "Bearer"} if "token" in reason else {}
        return PlainTextResponse(reason + "\n", 401 if headers else 403, headers)

    async def _connect(self, socket: WebSocket) -> None:
        if reason := self.access.refusal(socket.headers):
            await socket.send_denial_response(self.turn_away(socket, reason))
            return
        if self.draining or len(self._clients) >= self.limits.clients:
            why = "leaving" if self.draining else "too many clients"
            self.metrics.refused.labels(why).inc()
            event("refused", logging.WARNING, reason=why)
            await socket.send_denial_response(PlainTextResponse(why + "\n", 503))
            return
        offered = socket.scope.get("subprotocols", [])
        client = _Client(self, socket)
        self._clients.add(client)
        self.metrics.clients.inc()
        try:
            await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            await client.serve()
        finally:
            self._clients.discard(client)
            self.metrics.clients.dec()


class _Client:
    """One connection: its agreements, and its frames in hand."""

    def __init__(self, cloud: Cloud, socket: WebSocket) -> None:
        self._jobs: set[Job] = set()
        self._replies: set[asyncio.Task[None]] = set()
        self._cloud = cloud
        self._socket = socket
        self._agreements: list[Agreement] = []
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._loop = asyncio.get_running_loop()

    @property
    def busy(self) -> bool:
        """Whether frames of its wait for their answers."""
        return bool(self._jobs or self._replies)

    async def serve(self) -> None:
        """Read messages until the client goes, or sends what is none."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await self._read()
            while True:
                await self._read()
        except WebSocketDisconnect:
            pass
        except (RemoteError, TimeoutError) as error:
            reason = str(error) or f"no hello within {HELLO_SECONDS:.0f} s"
            event("parted", logging.WARNING, reason=reason)
            await self._close(_POLICY, reason)
        finally:
            for job in self._jobs:  # nobody is left to answer
                job.expires = -inf
            for reply in self._replies:
                reply.cancel()

    async def leave(self) -> None:
        """Part because the cloud shuts down."""
        await self._close(_GOING_AWAY, "the cloud is shutting down")

    async def _read(self) -> None:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        arrived = monotonic()
        if (data := message.get("bytes")) is None:
            await self._agree(message["text"])
            return
        if data[:1] == bytes([PROBE]):
            await self._send(data[:PROBE_BYTES])
            return
        frame = Frame.read(data)
        # Waiting here stops the reading, and so in the end the client's sending.
        await self._slots.acquire()
        self._begin(frame, arrived)

    def _begin(self, frame: Frame, arrived: float) -> None:
        """Have a frame run; there is no task before there is an answer to send."""

        def done(result: Inference | FrameError) -> None:
            self._jobs.discard(job)
            self._reply(frame, arrived, result)

        if self._cloud.draining:
            error = FrameError(Code.LEAVING, "the cloud is shutting down")
            self._reply(frame, arrived, error)
        elif frame.agreement >= len(self._agreements):
            error = FrameError(Code.DAMAGED, f"there is no agreement {frame.agreement}")
            self._reply(frame, arrived, error)
        else:
            agreement = self._agreements[frame.agreement]
            job = Job(agreement, frame.packet, arrived + frame.patience, done)
            self._jobs.add(job)
            self._cloud.engine.take(job)

    def _reply(self, frame: Frame, arrived: float, result: Inference | FrameError) -> None:
        reply = asyncio.create_task(self._answer(frame, arrived, result))
        self._replies.add(reply)
        reply.add_done_callback(self._replied)

    def _replied(self, reply: asyncio.Task[None]) -> None:
        self._replies.discard(reply)
        self._slots.release()

    async def _agree(self, text: str) -> None:
        library, limits = self._cloud.library, self._cloud.limits
        try:
            if len(self._agreements) >= MAX_AGREEMENTS:
                raise RemoteError(f"{MAX_AGREEMENTS} agreements are enough for a connection")
            hello = Hello.read(text)
            made = await self._loop.run_in_executor(None, library.agree, hello)
        except RemoteError as error:
            event("refused", logging.WARNING, reason=str(error))
            await self._socket.send_text(refused(str(error)))
            return
        self._agreements.append(made)
        halves = made.choice.split
        event("agreed", model=hello.model, split=hello.split, codec=hello.codec, task=hello.task)
        welcome = Welcome(
            agreement=len(self._agreements) - 1,
            digest=halves.model.digest,
            tensors=[list(crossing.shape[1:]) for crossing in halves.crossings],
            in_flight=IN_FLIGHT,
            max_message=limits.message,
        )
        await self._socket.send_text(welcome.text())

    async def _answer(self, frame: Frame, arrived: float, done: Inference | FrameError) -> None:
        reply: Answer | Refusal
        if isinstance(done, FrameError):
            reply = Refusal(frame.id, done.code, str(done))
        else:
            held = monotonic() - arrived
            reply = Answer(frame.id, held, done.decode, done.cloud, done.body)
        await self._send(reply.message())
        self._count(frame, reply)  # after the sending: nobody should wait for it

    def _count(self, frame: Frame, reply: Answer | Refusal) -> None:
        metrics = self._cloud.metrics
        metrics.bytes.inc(len(frame.packet))
        if isinstance(reply, Refusal):
            metrics.frames.labels(reply.code.name.lower()).inc()
            event("frame refused", id=reply.id, code=reply.code.name, reason=reply.reason)
            return
        metrics.frames.labels("answered").inc()
        for stage in ("decode", "cloud", "held"):
            metrics.seconds.labels(stage).observe(getattr(reply, stage))

    async def _send(self, reply: bytes) -> None:
        try:
            await self._socket.send_bytes(reply)
        except (WebSocketDisconnect, RuntimeError):  # the client has gone in the meantime
            self._cloud.metrics.unheard.inc()

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state == WebSocketState.CONNECTED:
            try:
                await self._socket.close(code, reason[:100])
            except RuntimeError:  # closed already from the other end
                return
