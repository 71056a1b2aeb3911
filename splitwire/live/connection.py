"""The edge's end of the connection, a WebSocket or QUIC, and what keeps one up."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import inf, isfinite
from random import uniform
from time import monotonic
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from splitwire.errors import RemoteError
from splitwire.live.address import OPEN_SECONDS, Address
from splitwire.live.bandwidth import Bandwidth
from splitwire.live.handshake import Hello, Welcome, check_welcome
from splitwire.live.logs import event
from splitwire.live.losses import Losses
from splitwire.live.protocol import Answer, Frame, Piece, Probe, Refusal, read_reply
from splitwire.live.relay import Relay
from splitwire.live.shown import shown

if TYPE_CHECKING:  # which takes aioquic
    from splitwire.live.quic_edge import QuicLine

_BACKOFF = (0.1, 5.0)  # seconds of the first wait, and of the longest
_PROBES = 3
_PADDING = 4000  # bytes of a probe of the rate
_UNANSWERED = 256  # frames and probes whose reply may still come

Reply = Answer | Refusal | Probe


@dataclass(eq=False)
class _Asked:
    """Something that the cloud is to reply to.

    Attributes:
        reply: for whoever still waits.
        tell: called once with the reply, be it late, or with None where none will come.
    """

    reply: asyncio.Future[Reply]
    tell: Callable[[Reply | None], None]


class Uplink:
    """A connection that is made again whenever it is lost.

    Args:
        address: of the cloud.
        hellos: everything that frames may be sent under, and the shapes that cross there, without
            the batch; agreed anew on each connection.
        trace: the parent of the frames' traces, if there are any.
    """

    def __init__(
        self, address: Address, hellos: Mapping[Hello, list[list[int]]], trace: str = ""
    ) -> None:
        self.trace = trace
        self.address = address
        self.hellos = hellos
        self.bandwidth, self.losses = Bandwidth(), Losses()
        self.heard = -inf  # when anything last came from the cloud
        self.reconnects = -1
        self.relay: Relay | None = None  # that makes it slow, where one does
        self._socket: ClientConnection | QuicLine | None = None
        self._agreed: dict[Hello, Welcome] = {}
        self._pending: dict[int, _Asked] = {}
        self._ids = count(1)
        self._loop = asyncio.get_running_loop()

    @property
    def up(self) -> bool:
        """Whether frames can be sent."""
        return self._socket is not None

    def silent(self, since: float) -> bool:
        """Whether nothing at all came from the cloud since then (s, of `time.monotonic`).

        Over QUIC what is lost is no silence: the cloud still acknowledges what came.
        """
        return max(self.heard, getattr(self._socket, "heard", -inf)) < since

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

    async def ask(
        self,
        hello: Hello,
        packet: bytes | Sequence[bytes],
        patience: float,
        tell: Callable[[Answer | Refusal | None], None] = lambda reply: None,
    ) -> Answer | Refusal:
        """What the cloud says of a packet. Packets are sent in the order of these calls.

        Args:
            hello: one of `hellos`.
            packet: the coded features; several are datagrams.
            patience: seconds that the answer is of use.
            tell: called once with what the cloud says, even if that comes too late for anybody to
                wait for; with None where the packet was not sent, or nothing will be said of it.

        Raises:
            RemoteError: the link is down, or went down before the answer came.
            TimeoutError: no answer within the patience.
        """
        number = next(self._ids)
        try:
            message = self._message(hello, number, packet, patience)
        except RemoteError:
            tell(None)
            raise

        def told(reply: Reply | None) -> None:
            tell(None if isinstance(reply, Probe) else reply)

        sent = monotonic()
        reply = await self._exchange(number, message, patience, told)
        if isinstance(reply, Probe):
            raise RemoteError("the cloud sent a probe where an answer was due")
        if isinstance(reply, Answer):
            size = len(packet) if isinstance(packet, bytes) else sum(map(len, packet))
            self.bandwidth.saw(size, sent, self.heard, reply.held)
        return reply

    async def probe(self, padding: int = _PADDING, patience: float = OPEN_SECONDS) -> None:
        """Measure the way there and back; a link that is down leaves no measurement."""
        number = next(self._ids)
        sent = monotonic()
        with contextlib.suppress(RemoteError, TimeoutError):
            message = Probe(number).message(padding)
            await self._exchange(number, message, patience, lambda reply: None)
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
        self, socket: "ClientConnection | QuicLine", hello: Hello, tensors: list[list[int]]
    ) -> Welcome:
        await socket.send(replace(hello, trace=self.trace).text())
        said = await socket.recv()
        if isinstance(said, bytes):
            raise RemoteError("the cloud answered a hello with bytes")
        welcome = Welcome.read(said)
        check_welcome(welcome, hello, tensors)
        if any(welcome.agreement == other.agreement for other in self._agreed.values()):
            raise RemoteError(f"the cloud gave the agreement {welcome.agreement} twice")
        return welcome

    def _message(
        self, hello: Hello, number: int, packet: bytes | Sequence[bytes], patience: float
    ) -> bytes | list[bytes]:
        """The message of a frame, or its datagrams."""
        if hello not in self._agreed or not self.up:
            raise RemoteError("the link is down")
        agreed = self._agreed[hello]
        if not isinstance(packet, bytes):  # patience is told without the way there and back
            left = patience - (self.bandwidth.rtt if isfinite(self.bandwidth.rtt) else 0.0)
            return [Piece(agreed.agreement, number, left, part).message() for part in packet]
        message = Frame(agreed.agreement, number, patience, packet).message()
        if len(message) > agreed.max_message:
            raise RemoteError(f"the cloud takes messages of {agreed.max_message} bytes at most")
        return message

    async def _exchange(
        self,
        number: int,
        message: bytes | list[bytes],
        patience: float,
        tell: Callable[[Reply | None], None],
    ) -> Reply:
        if (socket := self._socket) is None:
            raise RemoteError("the link is down")
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._pending[number] = _Asked(reply, tell)
        if len(self._pending) > _UNANSWERED:  # a cloud that says nothing of some is not waited for
            self._settle(next(iter(self._pending)), None)
        try:
            async with asyncio.timeout(patience):
                # Handed over before this waits for anything.
                if isinstance(message, bytes):
                    await socket.send(message)
                else:
                    assert not isinstance(socket, ClientConnection)
                    # Behind a queue of more than half of that it would be late in any case.
                    socket.send_pieces(message, monotonic() + patience / 2)
                return await reply
        except (WebSocketException, ConnectionError) as error:
            self._settle(number, None)
            raise RemoteError("the link is down") from error
        finally:
            reply.cancel()  # nobody waits any more, but a late reply tells what became of it

    def _settle(self, number: int, said: Reply | None, why: str = "no answer came") -> None:
        """Hand a reply, or that none will come, to whom it is for."""
        asked = self._pending.pop(number, None)
        if asked is None:
            return
        asked.tell(said)
        if asked.reply.done():
            return
        if said is not None:
            asked.reply.set_result(said)
        else:
            asked.reply.set_exception(RemoteError(why))

    async def _read(self, socket: "ClientConnection | QuicLine") -> None:
        why = "the cloud closed the connection"
        try:
            async for message in socket:
                self.heard = monotonic()
                reply = read_reply(message)
                self._settle(reply.id, reply)
        except (WebSocketException, ConnectionError, RemoteError) as error:
            why = shown(error)
            socket.transport.abort()  # whoever sends what is no reply is not listened to
        if socket is self._socket:
            self._lose(why)

    def _lose(self, why: str) -> None:
        event("link lost", logging.WARNING, reason=why)
        self._socket = None
        for number in list(self._pending):
            self._settle(number, None, f"the link went down: {why}")
