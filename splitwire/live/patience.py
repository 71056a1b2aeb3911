"""Connections that end when a request or a message begins and does not come to its end.

Bytes that come one at a time, half a message and then silence, fragments without a last one: each
would hold a connection and its buffer for as long as its client likes. So only so many seconds may
pass from the first byte of a message to its last, and from a connection to its request. Time in
which the server itself does not read is not counted. Nor does a message become longer than what its
client has agreed on: more is not even held until it is whole.
"""

import asyncio
import logging
from asyncio import BaseTransport, Transport
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from splitwire.live.hosts import spelt
from splitwire.live.logs import event
from splitwire.live.protocol import TEXT_BYTES

_POLICY, _TOO_LONG = 1008, 1009
_FRAME_HEAD = 14  # bytes of a WebSocket's frame beside its payload, at most
_LINGER = 1.0  # seconds for a client to hear why it has to go; what it sends meanwhile is dropped


class Requests(H11Protocol):
    """Plain HTTP: no connection lives longer than so many seconds, but for a response under way."""

    def __init__(self, *arguments: Any, seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seconds = seconds

    def connection_made(self, transport: BaseTransport) -> None:
        """A client is here."""
        super().connection_made(cast(Transport, transport))
        self.loop.call_later(self._seconds, self._late)

    def _late(self) -> None:
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # gone, or a WebSocket by now
        asked = self.cycle is not None
        if asked and not self.cycle.response_complete:
            self.loop.call_later(self._seconds, self._late)
            return
        if not asked:
            reason = f"no request within {self._seconds:g} s"
            event("parted", logging.WARNING, client=spelt(self.client), reason=reason)
        self.transport.close()


class Messages(WebSocketsSansIOProtocol):
    """A WebSocket: no message takes longer than so many seconds, or more bytes than is agreed."""

    def __init__(self, *arguments: Any, seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None  # runs while a message is coming
        self._longest = TEXT_BYTES

    def data_received(self, data: bytes) -> None:
        """The first bytes of a message, or more of them, or its last and those of the next."""
        if self.conn.parser_exc is not None:  # lingering
            return
        if self._timer is None:
            self._begin()
        super().data_received(data)
        if self._timer is None and self.conn.reader.buffer:
            self._begin()
        part = (self.conn.current_size or 0) + len(self.conn.reader.buffer)
        if not self.read_paused and part > self._longest + _FRAME_HEAD:
            self._fail(_TOO_LONG, f"a message of more than {self._longest} bytes")

    def _begin(self) -> None:
        self._timer = self.loop.call_later(self._seconds, self._late)

    def _whole(self) -> None:
        """What has come is whole, unless it came between the fragments of a message."""
        if self._timer is not None and not self.frames:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self.read_paused:  # by this end
            self._begin()
        else:
            self._fail(_POLICY, f"a message took longer than {self._seconds:g} s")

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _lengthen(self, longest: int) -> None:
        """What a message may be from now on (bytes); text stays as short as ever."""
        self._longest = longest

    def handle_connect(self, event: Request) -> None:
        """The request is whole."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # it is a request for a WebSocket
            self.scope["state"]["lengthen"] = self._lengthen
        self._whole()

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        longest = TEXT_BYTES if self.curr_msg_data_type == "text" else self._longest
        if sum(map(len, self.frames)) > longest:
            self._fail(_TOO_LONG, f"a message of more than {longest} bytes")
        super().send_receive_event_to_app()
        self._whole()

    def handle_ping(self) -> None:
        """A ping is whole."""
        super().handle_ping()
        self._whole()

    def handle_pong(self, event: Any) -> None:
        """A pong is whole."""
        super().handle_pong(event)
        self._whole()

    def handle_parser_exception(self) -> None:
        """Say why, and leave time for that to arrive: to close with bytes unread would undo it."""
        said = self.conn.close_sent
        if said is None:  # not even open
            self.transport.abort()
            return
        event("parted", logging.WARNING, client=spelt(self.client), reason=said.reason)
        gone = {"type": "websocket.disconnect", "code": said.code, "reason": said.reason}
        self.queue.put_nowait(cast(Any, gone))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(_LINGER, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self.frames = []
        self._whole()
        super().connection_lost(exc)
