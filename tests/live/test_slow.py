"""Clients that send slowly: served if they come to an end, parted from if not, harming nobody."""

import contextlib
import json
import socket as sockets
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import numpy as np
import pytest
from deployment import PATIENCE, CloudProcess, agree, ask, dial, fetch, start_cloud
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

import splitwire as sw
from splitwire.live.handshake import Hello
from splitwire.live.protocol import Answer, Frame, read_reply

HELLO = Hello("net.py:small", "1", "raw:dtype=float32")
REQUEST = b"GET /v1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.fixture(scope="module")
def hasty(net: Path) -> Iterator[tuple[str, CloudProcess]]:
    """A cloud that waits a second for a message, and its address."""
    cloud = start_cloud(net, "--port", "0", "--message-seconds", "1")
    yield cloud.event("listening")["address"], cloud
    assert cloud.stop() == 0


@pytest.fixture(scope="module")
def packet(small: sw.Model) -> bytes:
    features = np.random.default_rng(0).random((4, 15, 15), np.float32)
    return sw.codec("raw:dtype=float32").encode(features)


def masked(payload: bytes, first: int) -> bytes:
    """A WebSocket frame from a client: its first byte says what it is; the mask is nought."""
    size = len(payload)
    short = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE, *divmod(size, 256)])
    return short + bytes(4) + payload


def drip(socket: sockets.socket, data: bytes, wait: float) -> None:
    """Send byte by byte, until all is sent or nobody takes it any more."""
    socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        for byte in data:
            socket.sendall(bytes([byte]))
            sleep(wait)


def test_bytes_one_at_a_time_are_a_message_if_they_come_to_an_end(
    address: str, packet: bytes
) -> None:
    with dial(address) as socket:
        agree(socket)
        drip(socket.socket, masked(Frame(0, 7, PATIENCE, packet).message(), 0x82), 0)
        reply = read_reply(socket.recv(PATIENCE))
    assert isinstance(reply, Answer)
    assert reply.id == 7


def one_byte_at_a_time(socket: ClientConnection, packet: bytes) -> None:
    drip(socket.socket, masked(Frame(0, 1, PATIENCE, packet).message(), 0x82)[:100], 0.05)


def a_header_and_silence(socket: ClientConnection, packet: bytes) -> None:
    socket.socket.sendall(masked(packet, 0x82)[:8])


def half_a_message_and_silence(socket: ClientConnection, packet: bytes) -> None:
    socket.socket.sendall(masked(packet, 0x82)[: len(packet) // 2])


def one_and_a_half_messages(socket: ClientConnection, packet: bytes) -> None:
    whole = masked(Frame(0, 1, PATIENCE, packet).message(), 0x82)
    socket.socket.sendall(whole + whole[: len(whole) // 2])
    assert isinstance(read_reply(socket.recv(PATIENCE)), Answer)


def fragments_with_pings_and_no_last_one(socket: ClientConnection, packet: bytes) -> None:
    socket.socket.sendall(masked(b"\x01", 0x02))
    with contextlib.suppress(OSError):
        for _ in range(30):
            socket.socket.sendall(masked(b"", 0x89) + masked(b"", 0x00))
            sleep(0.1)


@pytest.mark.parametrize(
    "send",
    [
        one_byte_at_a_time,
        a_header_and_silence,
        half_a_message_and_silence,
        one_and_a_half_messages,
        fragments_with_pings_and_no_last_one,
    ],
)
def test_a_message_without_end_ends_its_connection_and_no_other(
    hasty: tuple[str, CloudProcess], packet: bytes, send: Callable[[ClientConnection, bytes], None]
) -> None:
    address, cloud = hasty
    with dial(address) as other, dial(address) as socket:
        agree(other)
        agree(socket)
        send(socket, packet)
        assert isinstance(ask(other, packet, 1), Answer)
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(PATIENCE)
        assert isinstance(ask(other, packet, 2), Answer)
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, ended.value.rcvd.reason[:21]) == (1008, "a message took longer")
    assert "longer than 1 s" in cloud.event("parted")["reason"]
    none_is_left(address)


@pytest.mark.parametrize("sent", [b"", b"G", REQUEST])
def test_a_request_without_end_ends_its_connection(
    hasty: tuple[str, CloudProcess], sent: bytes
) -> None:
    address, cloud = hasty
    with sockets.create_connection((urlsplit(address).hostname, urlsplit(address).port)) as socket:
        drip(socket, sent, 0.02)
        socket.settimeout(PATIENCE)
        assert socket.recv(100) == b""
    assert cloud.event("parted")["reason"] == "no request within 1 s"
    assert fetch(address + "/healthz") == "alive\n"


def test_a_hello_without_end_ends_its_connection(hasty: tuple[str, CloudProcess]) -> None:
    address, _ = hasty
    with dial(address) as socket:
        drip(socket.socket, masked(HELLO.text().encode(), 0x81)[:60], 0.05)
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)
    none_is_left(address)


def test_a_client_that_is_only_silent_may_stay(
    hasty: tuple[str, CloudProcess], packet: bytes
) -> None:
    address, _ = hasty
    with dial(address) as socket:
        agree(socket)
        assert isinstance(ask(socket, packet, 1), Answer)
        socket.pong()  # that nobody asked for
        sleep(2)  # twice what a message may take
        socket.ping().wait(PATIENCE)
        sleep(2)
        assert isinstance(ask(socket, packet, 2), Answer)


def test_many_slow_clients_hold_up_no_other(hasty: tuple[str, CloudProcess], packet: bytes) -> None:
    address, _ = hasty
    half = masked(Frame(0, 1, PATIENCE, packet).message(), 0x82)[:500]
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            socket = stack.enter_context(dial(address))
            agree(socket)
            socket.socket.sendall(half)
        with dial(address) as other:
            agree(other)
            assert all(isinstance(ask(other, packet, number), Answer) for number in range(20))
        none_is_left(address)


def none_is_left(address: str) -> None:
    """The cloud holds no client any more, or soon does not."""
    end = monotonic() + PATIENCE
    while "splitwire_clients 0.0" not in fetch(address + "/metrics").splitlines():
        assert monotonic() < end, "a client is still there"
        sleep(0.05)


def test_the_welcome_is_json_however_slowly_the_hello_came(address: str) -> None:
    with dial(address) as socket:
        drip(socket.socket, masked(HELLO.text().encode(), 0x81), 0.001)
        assert json.loads(socket.recv(PATIENCE))["welcome"] == 3
