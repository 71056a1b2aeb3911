"""What strangers and bad clients try on a cloud: each ends in a refusal, and harms no other."""

import asyncio
import json
import socket as sockets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from deployment import PATIENCE, CloudProcess, agree, ask, dial, start_cloud
from websockets.exceptions import ConnectionClosed

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.h264 import H264
from splitwire.errors import CodecError, RemoteError
from splitwire.live.address import Address
from splitwire.live.demo import Demo
from splitwire.live.handshake import Hello
from splitwire.live.library import Library
from splitwire.live.protocol import Answer, Code, Refusal

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture(scope="module")
def named(net: Path) -> Iterator[tuple[str, CloudProcess]]:
    """A cloud with a second name that takes two codecs, and its address."""
    options = ("--hostname", "cloud.example", "--codecs", "raw", "--codecs", "png")
    cloud = start_cloud(net, "--port", "0", *options)
    yield cloud.event("listening")["address"], cloud
    assert cloud.stop() == 0


def status(address: str, host: str, path: str = "/v1") -> int:
    """What a request that names a host, and comes from its page, is answered."""
    where = urlsplit(address)
    with sockets.create_connection((where.hostname, where.port)) as socket:
        socket.settimeout(PATIENCE)
        socket.sendall(UPGRADE.format(path=path, host=host).encode())
        return int(socket.recv(1000).split()[1])


def test_a_name_that_a_stranger_has_resolve_here_is_refused(
    named: tuple[str, CloudProcess],
) -> None:
    address, cloud = named
    port = urlsplit(address).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"cloud.example:{port}"):
        assert status(address, host) == 101
    for host in (f"evil.example:{port}", "127.0.0.1.evil.example", "cloud.example.evil"):
        assert status(address, host) == 403
        assert cloud.event("refused")["client"].startswith("127.0.0.1:")


class Stranger:
    """A page at the demonstration's door."""

    def __init__(self, host: str) -> None:
        self.headers = {"host": host, "origin": f"http://{host}"}
        self.accepted = self.closed = False

    async def accept(self) -> None:
        self.accepted = True

    async def receive(self) -> dict[str, str]:
        return {"type": "websocket.disconnect"}

    async def close(self) -> None:
        self.closed = True


def test_the_demonstration_is_for_pages_of_its_own_names() -> None:
    demo = Demo(Library([], ProfileStore()), Address("http://127.0.0.1:1"), ProfileStore())
    for host, welcome in (("127.0.0.1:7000", True), ("localhost:7000", True), ("evil:7000", False)):
        page: Any = Stranger(host)
        asyncio.run(demo.serve(page))
        assert (page.accepted, page.closed) == (welcome, not welcome)


def closed(address: str, message: bytes, kind: int) -> tuple[int, str]:
    """How a connection ends that begins a message of 10 MB and sends that much of it."""
    with dial(address) as socket:
        agree(socket)
        head = bytes([0x80 | kind, 0xFF]) + (10**7).to_bytes(8, "big") + bytes(4)
        socket.socket.sendall(head + message)
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(PATIENCE)
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code, ended.value.rcvd.reason


@pytest.mark.parametrize("kind", [1, 2])
def test_a_message_longer_than_was_agreed_is_not_even_held(
    named: tuple[str, CloudProcess], kind: int
) -> None:
    address, cloud = named
    said = closed(address, b"x" * 100_000, kind)
    assert said == (1009, "a message of more than 65536 bytes")
    entry = cloud.event("parted", reason=said[1])
    assert entry["client"].startswith("127.0.0.1:")


def test_what_is_no_frame_is_told_and_logged(named: tuple[str, CloudProcess]) -> None:
    address, cloud = named
    with dial(address) as socket:
        agree(socket)
        socket.send(b"\x09garbage")
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(PATIENCE)
    assert ended.value.rcvd is not None
    entry = cloud.event("parted", reason=ended.value.rcvd.reason)
    assert (entry["level"], "no frame" in entry["reason"]) == ("warning", True)


def test_a_text_message_is_at_most_64_kib(named: tuple[str, CloudProcess]) -> None:
    with dial(named[0]) as socket:
        socket.send(Hello("x" * 1000, "1", "raw").text() + " " * 64_000)
        assert "no model" in str(socket.recv(PATIENCE))
        socket.send(" " * 65_537)
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(PATIENCE)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1009


def test_what_a_peer_says_is_cut_wherever_it_is_said_again(
    named: tuple[str, CloudProcess],
) -> None:
    address, cloud = named
    with dial(address) as socket:
        for key in ("model", "split", "codec", "task", "digest"):
            bad = {"hello": 3, "model": "net.py:small", "split": "1", "codec": "raw"}
            socket.send(json.dumps({**bad, key: "\x1b]0;evil\x07" * 6}))
            said = json.loads(socket.recv(PATIENCE))["refused"]
            assert said.isprintable()
            assert len(said) <= 501
            entry = cloud.event("refused")
            assert (entry["reason"].isprintable(), entry["session"] > 0) == (True, True)


def test_a_frame_longer_than_any_codec_makes_is_refused(named: tuple[str, CloudProcess]) -> None:
    address, _ = named
    good = sw.codec("raw:dtype=float32").encode(np.ones((4, 15, 15), np.float32))
    with dial(address) as socket:
        agree(socket)
        reply = ask(socket, good + bytes(20_000), 1)
        assert isinstance(reply, Refusal)
        assert (reply.code, "none exceeds" in reply.reason) == (Code.DAMAGED, True)
        assert isinstance(ask(socket, good, 2), Answer)


def test_logs_name_address_and_session_of_each_client(named: tuple[str, CloudProcess]) -> None:
    address, cloud = named
    sessions = set()
    for _ in range(2):
        with dial(address) as socket:
            agree(socket)
            host, port = socket.local_address[:2]
            entry = cloud.event("agreed", client=f"{host}:{port}")
            ask(socket, b"", 7)
            refused = cloud.event("frame refused", id=7)
            assert (refused["client"], refused["session"]) == (entry["client"], entry["session"])
            sessions.add(entry["session"])
    assert len(sessions) == 2


def test_a_codec_that_is_not_allowed_is_refused_with_those_that_are(
    named: tuple[str, CloudProcess],
) -> None:
    with dial(named[0]) as socket:
        agree(socket, codec="png")
        with pytest.raises(RemoteError, match=r"the codec 'h264' is not accepted here.*: png, raw"):
            agree(socket, codec="h264")


def test_a_codec_that_cannot_run_here_is_refused_in_the_handshake(
    small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library([small], ProfileStore())
    hello = Hello("net.py:small", "1", "h264")
    library.agree(hello)
    monkeypatch.setattr(H264, "ffmpeg_decoder", "h264_of_nobody")
    with pytest.raises(RemoteError, match="h264 cannot be run here, for want of FFmpeg's decoder"):
        library.agree(hello)


def test_an_unknown_codec_cannot_be_allowed(small: sw.Model) -> None:
    with pytest.raises(CodecError, match="unknown codec 'jpg'"):
        Library([small], ProfileStore(), codecs=["jpg"])


@pytest.mark.parametrize("codec", ["raw:clip=profile,profile=/etc/passwd", "ftc:profile=x"])
def test_the_page_names_no_file(small: sw.Model, codec: str) -> None:
    demo = Demo(Library([small], ProfileStore()), Address("http://127.0.0.1:1"), ProfileStore())
    selection: Any = SimpleNamespace(
        model="net.py:small", split="1", codec=codec, link="not slowed"
    )
    with pytest.raises(RemoteError, match="by its digest, not by a path"):
        demo.drive(selection)
