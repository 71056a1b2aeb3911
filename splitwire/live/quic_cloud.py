"""The cloud's door for QUIC, beside the one for WebSockets: the same clients, by datagrams.

The first message of a client stands for the request of a WebSocket: a JSON object of its headers,
which are checked as those are. Everything that follows is the same, but that packets of
frames arrive as datagrams and are put together first.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicStreamHandler
from aioquic.asyncio.server import QuicServer
from aioquic.quic.connection import NetworkAddress, QuicConnection
from aioquic.quic.events import HandshakeCompleted, QuicEvent
from starlette.websockets import WebSocketState

from splitwire.errors import SplitwireError
from splitwire.live.assembly import Assembled, Assembly
from splitwire.live.client import HELLO_SECONDS, Client
from splitwire.live.cloud import Cloud
from splitwire.live.handshake import refused
from splitwire.live.hosts import spelt
from splitwire.live.limits import IN_FLIGHT
from splitwire.live.logs import event
from splitwire.live.packing import DATAGRAM
from splitwire.live.protocol import ANSWER, PIECED, REFUSAL, TEXT_BYTES, Code, Refusal
from splitwire.live.quic import POLICY, Wire, configuration

_MESSAGE = 64  # bytes that an unread message counts beside its own
_REPLIES = (ANSWER, PIECED, REFUSAL)


class QuicSocket:
    """A client's connection, with the calls of a WebSocket.

    Args:
        wire: the connection.
        cloud: that it is to.
    """

    def __init__(self, wire: "_CloudWire", cloud: Cloud) -> None:
        self._wire, self._cloud = wire, cloud
        self.client: tuple[str, int] | None = wire.client
        self.scope: dict[str, Any] = {"state": {"lengthen": self._lengthen}}
        self._unread, self._frames = 0, 0
        self._arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._assembly = Assembly(self._closed, cloud.metrics.late.inc)

    @property
    def application_state(self) -> WebSocketState:
        """Whether it is open, from this end."""
        gone = self._wire.gone
        return WebSocketState.DISCONNECTED if gone else WebSocketState.CONNECTED

    async def receive(self) -> dict[str, Any]:
        """The next message, or a frame that was put together, or that the client has gone."""
        said = await self._arrived.get()
        self._unread -= _size(said)
        self._frames -= "frame" in said
        return said

    async def send_text(self, data: str) -> None:
        """Send a message."""
        self._wire.send_message(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a message: what is said of a frame as a datagram too, which waits for no other."""
        if data[0] in _REPLIES:
            self._assembly.answered(int.from_bytes(data[1:5], "big"))
            if len(data) <= DATAGRAM:
                self._wire.send_piece(data)
                self._wire.transmit()  # or both would go in one packet, and be lost together
        self._wire.send_message(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Part from the client."""
        self._wire.gone = True
        self._wire.close(code, reason or "")

    def put(self, message: dict[str, Any]) -> None:
        """Something arrived; a client that sends more than is read is not listened to."""
        self._unread += _size(message)
        self._arrived.put_nowait(message)
        if self._unread > self._cloud.limits.message + TEXT_BYTES:
            self._wire.fail("more messages than anybody reads")

    def piece(self, data: bytes) -> None:
        """A datagram arrived."""
        try:
            self._assembly.take(data)
        except SplitwireError as error:
            self._wire.fail(str(error))

    def end(self) -> None:
        """The client has gone."""
        self._assembly.stop()
        self._arrived.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def _closed(self, frame: Assembled) -> None:
        self._cloud.metrics.pieces.labels("in time").inc(len(frame.packets))
        self._cloud.metrics.pieces.labels("missing").inc(max(0, frame.of - len(frame.packets)))
        if self._frames >= IN_FLIGHT:
            why = Refusal(frame.id, Code.BUSY, f"{IN_FLIGHT} frames of this client wait already")
            self._wire.send_message(why.message())
            return
        self._frames += 1
        self.put({"type": "websocket.receive", "frame": frame})

    def _lengthen(self, longest: int) -> None:
        self._wire.longest = longest


def _size(message: dict[str, Any]) -> int:
    """Bytes of a message that nobody has read yet, as they are counted."""
    return _MESSAGE + len(message.get("text") or message.get("bytes") or b"")


class _CloudWire(Wire):
    """One client's connection, served once it is there."""

    def __init__(
        self, cloud: Cloud, quic: QuicConnection, stream_handler: QuicStreamHandler | None = None
    ) -> None:
        super().__init__(quic, TEXT_BYTES, cloud.limits.seconds)
        self._cloud, self.gone = cloud, False
        self.client: tuple[str, int] | None = None
        self._socket: QuicSocket | None = None
        self._serving: asyncio.Task[None] | None = None

    def datagram_received(self, data: bytes | str, addr: NetworkAddress) -> None:
        """Anything at all, from an address."""
        self.client = (addr[0], addr[1])
        super().datagram_received(data, addr)

    def quic_event_received(self, event: QuicEvent) -> None:
        """What aioquic makes of it."""
        if isinstance(event, HandshakeCompleted):
            self._socket = QuicSocket(self, self._cloud)
            self._serving = asyncio.create_task(_serve(self._socket, self._cloud))
        super().quic_event_received(event)

    def message_received(self, message: str | bytes) -> None:
        """Of the stream."""
        kind = "text" if isinstance(message, str) else "bytes"
        if self._socket is not None:
            self._socket.put({"type": "websocket.receive", kind: message})

    def piece_received(self, data: bytes) -> None:
        """A datagram."""
        if self._socket is not None:
            self._socket.piece(data)

    def ended(self, why: str) -> None:
        """The client has gone, or is to go."""
        if not self.gone and self._socket is not None:
            self.gone = True
            self._socket.end()

    def fail(self, why: str) -> None:
        """End the connection for what the client did."""
        event("parted", logging.WARNING, client=spelt(self.client), reason=why)
        super().fail(why)


async def _serve(socket: QuicSocket, cloud: Cloud) -> None:
    """Let a client in, or say why not."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            said = await socket.receive()
    except TimeoutError:
        await socket.close(POLICY, f"no request within {HELLO_SECONDS:.0f} s")
        return
    if said["type"] != "websocket.receive":
        return
    headers = _headers(said)
    if headers is None:
        why: str | None = "the first message shows no headers"
    else:
        why = cloud.access.refusal(headers) or cloud.full
    if why is not None:
        cloud.metrics.refused.labels(why).inc()
        event("refused", logging.WARNING, client=spelt(socket.client), reason=why)
        await socket.send_text(refused(why))
        await socket.close(POLICY, why)
        return
    await cloud.attend(Client(cloud, socket))


def _headers(said: dict[str, Any]) -> dict[str, str] | None:
    """The headers that a client shows, by lower-case name; None where it shows none."""
    try:
        shown = json.loads(said.get("text") or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(shown, dict) or not all(isinstance(v, str) for v in shown.values()):
        return None
    return {name.lower(): value for name, value in shown.items()}


@asynccontextmanager
async def quic_door(
    cloud: Cloud, host: str, port: int, certificate: Path, key: Path
) -> AsyncIterator[str]:
    """Listen for datagrams while it is open; its address.

    Args:
        cloud: whose clients come.
        host: the address to listen on.
        port: of UDP; 0 for any that is free.
        certificate: the chain, as PEM.
        key: its private key.

    Raises:
        OSError: the address cannot be had.
    """
    how = configuration(is_client=False)
    how.load_cert_chain(certificate, key)
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: QuicServer(
            configuration=how, create_protocol=partial(_CloudWire, cloud), retry=True
        ),
        local_addr=(host, port),
    )
    address = f"quic://{spelt(transport.get_extra_info('sockname')[:2])}"
    event("listening for datagrams", address=address, certificate=str(certificate))
    try:
        yield address
    finally:
        server.close()
