"""The edge's end of the WebSocket: one connection, and what keeps one up."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from itertools import count
from math import inf
from random import uniform
from time import monotonic

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from splitwire.errors import RemoteError
from splitwire.live.address import OPEN_SECONDS, Address
from splitwire.live.bandwidth import Bandwidth
from splitwire.live.handshake import Hello, Welcome, check_welcome
from splitwire.live.logs import event
from splitwire.live.protocol import Answer, Frame, Probe, Refusal, read_reply
from splitwire.live.shown import shown

_BACKOFF = (0.1, 5.0)  # seconds of the first wait, and of the longest
_PROBES = 3
_PADDING = 4000  # bytes of a probe of the rate


class Uplink:
    """A connection that is made again whenever it is lost.

    Args:
        address: of the cloud.
        hellos: everything that frames may be sent under, and the shapes that cross there, without
            the batch; agreed anew on each connection.
    """

    def __init__(self, address: Address, hellos: Mapping[Hello, list[list[int]]]) -> None:
        self.address = address
        self.hellos = hellos
        self.bandwidth = Bandwidth()
        self.heard = -inf  # when anything last came from the cloud
        self.reconnects = -1
        self._socket: ClientConnection | None = None
        self._agreed: dict[Hello, Welcome] = {}
        self._pending: dict[int, asyncio.Future[Answer | Refusal | Probe]] = {}
        self._ids = count(1)
        self._loop = asyncio.get_running_loop()

    @property
    def up(self) -> bool:
        """Whether frames can be sent."""
        return self._socket is not None

    async def open(self) -> None:
        """Connect and agree.

        Raises:
            RemoteError: the cloud is not there, or refuses.
        """
        socket = await self.address.open()
        try:
            async with asyncio.timeout(60):  # a cloud may have to cut a network first
                for hello, tensors in self.hellos.items():
                    self._agreed[hello] = await self._agree(socket, hello, tensors)
        except (WebSocketException, OSError, TimeoutError) as error:
            raise RemoteError(f"{self.address.url} fell silent in the handshake") from error
        finally:
            if len(self._agreed) < len(self.hellos):
                await socket.close()
        self.reconnects += 1
        self._socket = socket
        self._reading = asyncio.create_task(self._read(socket))
        for _ in range(_PROBES):
            await self.probe(0)

    async def keep(self) -> None:
        """Read, and reconnect whenever that ends, until cancelled."""
        while True:
            await self._reading
            wait = _BACKOFF[0]
            while not self.up:
                await asyncio.sleep(wait * uniform(0.5, 1))  # not all edges at the same moment
                wait = min(2 * wait, _BACKOFF[1])
                self._agreed = {}
                with contextlib.suppress(RemoteError):
                    await self.open()
            event("reconnected", logging.WARNING, times=self.reconnects)

    async def ask(self, hello: Hello, packet: bytes, patience: float) -> Answer | Refusal:
        """What the cloud says of a packet.

        Args:
            hello: one of `hellos`.
            packet: the coded features.
            patience: seconds that the answer is of use.

        Raises:
            RemoteError: the link is down, or went down before the answer came.
            TimeoutError: no answer within the patience.
        """
        if hello not in self._agreed or not self.up:
            raise RemoteError("the link is down")
        number = next(self._ids)
        agreed = self._agreed[hello]
        message = Frame(agreed.agreement, number, patience, packet).message()
        if len(message) > agreed.max_message:
            raise RemoteError(f"the cloud takes messages of {agreed.max_message} bytes at most")
        sent = monotonic()
        reply = await self._exchange(number, message, patience)
        if isinstance(reply, Probe):
            raise RemoteError("the cloud sent a probe where an answer was due")
        if isinstance(reply, Answer):
            self.bandwidth.saw(len(packet), sent, self.heard, reply.held)
        return reply

    async def probe(self, padding: int = _PADDING, patience: float = OPEN_SECONDS) -> None:
        """Measure the way there and back; a link that is down leaves no measurement."""
        number = next(self._ids)
        sent = monotonic()
        with contextlib.suppress(RemoteError, TimeoutError):
            await self._exchange(number, Probe(number).message(padding), patience)
            if padding:
                self.bandwidth.saw(padding, sent, self.heard, 0.0)
            else:
                self.bandwidth.saw_probe(self.heard - sent)

    def drop(self) -> None:
        """Give up the present connection; `keep` makes another."""
        if self._socket is not None:
            self._socket.transport.abort()
            self._lose("the link went silent")

    async def close(self) -> None:
        """Part from the cloud."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _agree(
        self, socket: ClientConnection, hello: Hello, tensors: list[list[int]]
    ) -> Welcome:
        await socket.send(hello.text())
        said = await socket.recv()
        if isinstance(said, bytes):
            raise RemoteError("the cloud answered a hello with bytes")
        welcome = Welcome.read(said)
        check_welcome(welcome, hello, tensors)
        if any(welcome.agreement == other.agreement for other in self._agreed.values()):
            raise RemoteError(f"the cloud gave the agreement {welcome.agreement} twice")
        return welcome

    async def _exchange(
        self, number: int, message: bytes, patience: float
    ) -> Answer | Refusal | Probe:
        if self._socket is None:
            raise RemoteError("the link is down")
        reply: asyncio.Future[Answer | Refusal | Probe] = self._loop.create_future()
        self._pending[number] = reply
        try:
            async with asyncio.timeout(patience):
                await self._socket.send(message)
                return await reply
        except WebSocketException as error:
            raise RemoteError("the link is down") from error
        finally:
            self._pending.pop(number, None)  # a reply that comes later finds nobody
            reply.cancel()

    async def _read(self, socket: ClientConnection) -> None:
        why = "the cloud closed the connection"
        try:
            async for message in socket:
                self.heard = monotonic()
                reply = read_reply(message)
                waiting = self._pending.get(reply.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        except (WebSocketException, RemoteError) as error:
            why = shown(error)
            socket.transport.abort()  # whoever sends what is no reply is not listened to
        if socket is self._socket:
            self._lose(why)

    def _lose(self, why: str) -> None:
        event("link lost", logging.WARNING, reason=why)
        self._socket = None
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(RemoteError(f"the link went down: {why}"))
