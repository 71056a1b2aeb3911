"""The cloud: the server that decodes what edges send, runs the network's second half and answers.

One WebSocket a client, at `/v1` (live/protocol.py); `/healthz`, `/readyz` and `/metrics` beside
it. A frame that fails harms no other: it gets a refusal with the reason.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from splitwire.live.access import SUBPROTOCOL, Access
from splitwire.live.batching import Engine
from splitwire.live.client import Client
from splitwire.live.hosts import spelt
from splitwire.live.library import Library
from splitwire.live.limits import Limits
from splitwire.live.logs import event
from splitwire.live.metrics import Metrics
from splitwire.live.protocol import PATH
from splitwire.live.traces import traces

DRAIN_SECONDS = 10.0  # that frames in hand have once the cloud is told to stop


@dataclass(eq=False)
class Cloud:
    """The state of a server.

    Args:
        library: networks and profiles.
        access: who may speak.
        limits: what it takes on.
        engine_of: makes what runs frames, of the queue, bytes and pasts of the limits.
    """

    library: Library
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    engine_of: Callable[[int, int, int], Engine] = Engine

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.draining = False
        self._clients: set[Client] = set()

    def app(
        self,
        pages: Sequence[BaseRoute] = (),
        beside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> Starlette:
        """The server as an ASGI application.

        Args:
            pages: further routes.
            beside: what is open while it runs, such as a server of another protocol.
        """
        self._beside = beside
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
        while self._busy and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        for client in list(self._clients):
            await client.leave()

    @property
    def _busy(self) -> bool:
        return self.engine.inside > 0 or any(client.busy for client in self._clients)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.engine = self.engine_of(self.limits.queue, self.limits.bytes, self.limits.pasts)
        self.metrics.waiting.set_function(lambda: self.engine.inside)
        self.metrics.pasts.set_function(lambda: self.engine.pasts.held)
        sender = traces()
        async with self._beside():
            yield
        self.engine.close()
        if sender is not None:
            sender.flush()

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("alive\n")

    @property
    def ready(self) -> bool:
        """Whether there is room for another frame."""
        return not self.draining and self.engine.inside < self.limits.queue

    async def _ready(self, request: Request) -> Response:
        if not self.ready:
            return PlainTextResponse("leaving\n" if self.draining else "busy\n", 503)
        return PlainTextResponse("ready\n")

    async def _metrics(self, request: Request) -> Response:
        if reason := self.access.refusal(request.headers):
            return self.turn_away(request, reason)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def turn_away(self, request: Request | WebSocket, reason: str) -> Response:
        """The response to a request without the right; counted and logged."""
        self.metrics.refused.labels(reason).inc()
        about = {"client": spelt(request.client), "path": request.scope["path"]}
        event("refused", logging.WARNING, **about, reason=reason)
        headers = {"WWW-Authenticate": "Bearer"} if "token" in reason else {}
        return PlainTextResponse(reason + "\n", 401 if headers else 403, headers)

    async def _connect(self, socket: WebSocket) -> None:
        if reason := self.access.refusal(socket.headers):
            await socket.send_denial_response(self.turn_away(socket, reason))
            return
        if why := self.full:
            self.metrics.refused.labels(why).inc()
            event("refused", logging.WARNING, client=spelt(socket.client), reason=why)
            await socket.send_denial_response(PlainTextResponse(why + "\n", 503))
            return
        offered = socket.scope.get("subprotocols", [])
        client = Client(self, socket)
        await self.attend(client, socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None))

    @property
    def full(self) -> str | None:
        """Why there is no room for another client, if there is none."""
        if self.draining:
            return "leaving"
        return "too many clients" if len(self._clients) >= self.limits.clients else None

    async def attend(self, client: Client, begin: Coroutine[Any, Any, None] | None = None) -> None:
        """Serve a client until it goes.

        Args:
            client: that was let in.
            begin: awaited first.
        """
        self._clients.add(client)
        self.metrics.clients.inc()
        try:
            if begin is not None:
                await begin
            await client.serve()
        finally:
            self._clients.discard(client)
            self.metrics.clients.dec()
            self.engine.rest()
