"""One QUIC connection as edge and cloud use it: messages in order, and datagrams beside them.

    stream 0    kind u8 (0 text, 1 bytes) │ length u32 │ message, of docs/protocol.md
    datagrams   packets of frames; answers once more, ahead of the stream

Messages arrive; datagrams (RFC 9221) arrive or do not, and neither waits for the other.
"""

import asyncio
import struct
from collections import deque
from math import inf
from time import monotonic

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import NetworkAddress, QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    DatagramFrameReceived,
    QuicEvent,
    StreamDataReceived,
    StreamReset,
)

from splitwire.live.congestion import NAME
from splitwire.live.protocol import TEXT_BYTES

IDLE_SECONDS = 30.0  # without a word from the other end, after which it is gone
_MESSAGES = 0  # the stream
_TEXT, _BYTES = 0, 1
_HEAD = struct.Struct("!BI")
_LARGEST_DATAGRAM = 1200
POLICY = 1008  # as a WebSocket has it: the other end did what it must not


def configuration(is_client: bool) -> QuicConfiguration:
    """What both ends agree on."""
    return QuicConfiguration(
        is_client=is_client,
        congestion_control_algorithm=NAME,
        alpn_protocols=["splitwire"],
        idle_timeout=IDLE_SECONDS,
        max_datagram_frame_size=_LARGEST_DATAGRAM,
    )


class Wire(QuicConnectionProtocol):
    """One end of a connection.

    Args:
        quic: aioquic's side of it.
        longest: bytes of a binary message that is taken; may be changed.
        seconds: that a message may take from its first byte to its last.

    Attributes:
        heard: when anything last came from the other end (s, of `time.monotonic`).
    """

    def __init__(self, quic: QuicConnection, longest: int, seconds: float) -> None:
        super().__init__(quic)
        self.longest, self.heard = longest, -inf
        self._arriving, self._seconds = bytearray(), seconds
        self._timer: asyncio.TimerHandle | None = None  # runs while a message is arriving
        self._waiting: deque[tuple[float, bytes]] = deque()  # datagrams, and when they expire

    def message_received(self, message: str | bytes) -> None:
        """A message is whole."""

    def piece_received(self, data: bytes) -> None:
        """A datagram is here."""

    def ended(self, why: str) -> None:
        """The connection is no more."""

    def send_message(self, message: str | bytes) -> None:
        """Send a message; it arrives unless the connection ends."""
        kind, data = (_TEXT, message.encode()) if isinstance(message, str) else (_BYTES, message)
        self._quic.send_stream_data(_MESSAGES, _HEAD.pack(kind, len(data)) + data)
        self.transmit()

    def send_piece(self, data: bytes, expires: float = inf) -> None:
        """Send a datagram, once the congestion window has room for it, unless that is too late.

        Args:
            data: at most `packing.DATAGRAM` bytes.
            expires: when it is of no use any more (s, of `time.monotonic`).
        """
        self._waiting.append((expires, data))

    def transmit(self) -> None:
        """Send what there is room for; of datagrams what is of use, each in a packet of its own.

        aioquic would put small ones into one packet, and that is lost with all of them.
        """
        super().transmit()
        while self._waiting and not self._quic._datagrams_pending:
            expires, data = self._waiting.popleft()
            if expires >= monotonic():
                self._quic.send_datagram_frame(data)
                super().transmit()

    def fail(self, why: str) -> None:
        """End the connection for what the other end did."""
        self.close(POLICY, why)
        self.ended(why)

    def datagram_received(self, data: bytes | str, addr: NetworkAddress) -> None:
        """Anything at all is here."""
        self.heard = monotonic()
        super().datagram_received(data, addr)

    def quic_event_received(self, event: QuicEvent) -> None:
        """What aioquic makes of it."""
        if isinstance(event, DatagramFrameReceived):
            self.piece_received(event.data)
        elif isinstance(event, StreamDataReceived) and event.stream_id == _MESSAGES:
            self._arriving += event.data
            self._take_messages()
            self._time()
            if event.end_stream:
                self.fail("the stream of messages ended")
        elif isinstance(event, StreamDataReceived | StreamReset):
            self.fail("there is one stream, and it does not end")
        elif isinstance(event, ConnectionTerminated):
            self.ended(event.reason_phrase or "the connection ended")

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self.ended(str(error or "the connection is closed"))

    def _take_messages(self) -> None:
        while len(self._arriving) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._arriving)
            if kind > _BYTES or size > (TEXT_BYTES if kind == _TEXT else self.longest):
                self._arriving.clear()
                self.fail(f"a message of kind {kind} and {size} bytes")
                return
            if len(self._arriving) < _HEAD.size + size:
                return
            message = bytes(self._arriving[_HEAD.size : _HEAD.size + size])
            del self._arriving[: _HEAD.size + size]
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self.message_received(message.decode(errors="replace") if kind == _TEXT else message)

    def _time(self) -> None:
        """Give what has begun so much time, and no more."""
        if self._arriving and self._timer is None:
            late = f"a message took longer than {self._seconds:g} s"
            self._timer = self._loop.call_later(self._seconds, self.fail, late)
