"""The edge's end of QUIC: what it sends and hears, as it does with a WebSocket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from splitwire.errors import RemoteError
from splitwire.live.quic import IDLE_SECONDS, Wire, configuration
from splitwire.live.shown import shown


class _EdgeWire(Wire):
    """Keeps what arrives until it is asked for; None once nothing more will."""

    def __init__(self, quic: QuicConnection, largest: int) -> None:
        super().__init__(quic, largest, IDLE_SECONDS)
        self.why: str | None = None  # it ended
        self.said: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def message_received(self, message: str | bytes) -> None:
        """Of the stream."""
        self.said.put_nowait(message)

    def piece_received(self, data: bytes) -> None:
        """An answer, ahead of the one on the stream."""
        self.said.put_nowait(data)

    def ended(self, why: str) -> None:
        """Nothing more will come."""
        self.why = self.why or why
        self.said.put_nowait(None)


class QuicLine:
    """A connection to a cloud, with the calls of a WebSocket."""

    def __init__(self, wire: _EdgeWire, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self._wire = wire
        self._pinging = asyncio.create_task(self._ping())

    @property
    def heard(self) -> float:
        """When anything at all last came, an acknowledgement say (s, of `time.monotonic`)."""
        return self._wire.heard

    async def send(self, message: str | bytes) -> None:
        """Send a message; ConnectionError where that cannot be."""
        self._check()
        self._wire.send_message(message)

    def send_pieces(self, pieces: Sequence[bytes], expires: float) -> None:
        """Send datagrams, as far as they leave in time; ConnectionError where that cannot be.

        Args:
            pieces: the datagrams.
            expires: when they are of no use any more (s, of `time.monotonic`).
        """
        self._check()
        for piece in pieces:
            self._wire.send_piece(piece, expires)
        self._wire.transmit()

    async def recv(self) -> str | bytes:
        """The next message; ConnectionError where none will come."""
        said = await self._wire.said.get()
        if said is None:
            self._wire.said.put_nowait(None)
            raise ConnectionError(shown(self._wire.why or "the connection ended"))
        return said

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            yield await self.recv()

    async def close(self) -> None:
        """Part from the cloud."""
        self._pinging.cancel()
        self._wire.close()
        self.transport.close()

    def _check(self) -> None:
        if self._wire.why is not None:
            raise ConnectionError(shown(self._wire.why))

    async def _ping(self) -> None:
        """Let an idle connection live."""
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(IDLE_SECONDS / 3)
                await self._wire.ping()


async def dial(
    target: tuple[str, int],
    headers: Mapping[str, str],
    authority: Path | None,
    largest: int,
    seconds: float,
) -> QuicLine:
    """A connection, asked for.

    Args:
        target: host and port.
        headers: what a request of HTTP would show.
        authority: a file of certificates to trust; None for the usual ones.
        largest: bytes of a message that is taken.
        seconds: that it may take.

    Raises:
        OSError: nobody is there, or nobody that is trusted.
        RemoteError: the certificates cannot be read.
    """
    how = _trusting(target[0], authority)
    loop = asyncio.get_running_loop()
    family, *_, address = (await loop.getaddrinfo(*target, type=socket.SOCK_DGRAM))[0]
    everywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    transport, wire = await loop.create_datagram_endpoint(
        lambda: _EdgeWire(QuicConnection(configuration=how), largest),
        local_addr=(everywhere, 0),
    )
    try:
        async with asyncio.timeout(seconds):
            wire.connect(address)
            await wire.wait_connected()
    except (ConnectionError, TimeoutError) as error:
        transport.abort()
        raise ConnectionError(wire.why or "nobody answers") from error
    wire.send_message(json.dumps(dict(headers)))
    return QuicLine(wire, transport)


def _trusting(host: str, authority: Path | None) -> QuicConfiguration:
    """Trust that name, where certificates of that file, or the usual ones, say so."""
    how = configuration(is_client=True)
    how.server_name = host
    if authority is not None:
        try:
            how.load_verify_locations(cadata=authority.read_bytes())
        except OSError as error:
            raise RemoteError(f"cannot trust {authority}: {error}") from error
    return how
