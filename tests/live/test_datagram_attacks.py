"""What strangers and bad clients send to the door for datagrams: nobody else notices."""

import asyncio
import json
import os
import socket as sockets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from datagram_cloud import Here, datagram_cloud
from deployment import PATIENCE
from driving import RAW, outcomes, pictures, run

import splitwire as sw
from splitwire.codecs.packets.framing import seal
from splitwire.live.access import Access
from splitwire.live.batching import Engine
from splitwire.live.edge import hello
from splitwire.live.handshake import Hello, Welcome
from splitwire.live.hosts import Hosts
from splitwire.live.inference import Job
from splitwire.live.limits import IN_FLIGHT, Limits
from splitwire.live.packing import packing
from splitwire.live.protocol import Answer, Code, Frame, Piece, Refusal, read_reply
from splitwire.live.quic_edge import QuicLine, dial
from splitwire.runner.local import as_array, encode
from splitwire.tasks.classification import Classification

TOKEN = "0123456789abcdef"


def visit(
    here: Here, then: Callable[[QuicLine], Awaitable[Any]], headers: dict[str, str] | None = None
) -> Any:
    """What comes of a client that does something."""

    async def main() -> Any:
        where = urlsplit(here.quic)
        target = (str(where.hostname), int(where.port or 0))
        line = await dial(target, headers or {}, here.certificate, 1 << 20, PATIENCE)
        async with asyncio.timeout(PATIENCE):
            try:
                return await then(line)
            finally:
                await line.close()

    return asyncio.run(main())


async def agree(line: QuicLine, here: Here, codec: str | None = None) -> Welcome:
    asked = hello(here.choice, Classification(), whole=True)
    if codec:
        asked = Hello(asked.model, asked.split, codec)
    await line.send(asked.text())
    return Welcome.read(str(await line.recv()))


async def said_of(line: QuicLine, number: int) -> Answer | Refusal:
    """What the cloud says of a frame."""
    while True:
        reply = read_reply(await line.recv())
        if reply.id == number:
            assert isinstance(reply, Answer | Refusal)
            return reply


def good(here: Here, number: int = 1, agreement: int = 0) -> list[bytes]:
    """The datagrams of a frame."""
    _, picture = next(pictures(1))
    (feature,) = here.choice.split.start(picture)
    packets = packing(here.choice).packets(as_array(feature), number)
    return [Piece(agreement, number, PATIENCE, packet).message() for packet in packets]


def still_answers(here: Here) -> bool:
    """Whether an honest edge is answered."""
    return outcomes(run(here.drive(), pictures(3))) == {"answered": 3}


def test_what_is_no_quic_is_passed_over(here: Here) -> None:
    where = urlsplit(here.quic)
    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as socket:
        for size in (0, 1, 20, 1200, 1400):
            for _ in range(50):
                socket.sendto(os.urandom(size), (str(where.hostname), int(where.port or 0)))
    assert still_answers(here)


@pytest.mark.parametrize(
    "datagram", [b"", b"\x05", b"\x09garbage", b"\x05" + bytes(12), Frame(0, 1, 1, b"x").message()]
)
def test_a_datagram_that_is_no_packet_ends_its_connection_alone(
    here: Here, datagram: bytes
) -> None:
    async def then(line: QuicLine) -> None:
        await agree(line, here)
        line.send_pieces([datagram], float("inf"))
        with pytest.raises(ConnectionError, match=r"no frame|packet has at least"):
            await line.recv()

    visit(here, then)
    assert still_answers(here)


def refusal(here: Here, pieces: list[bytes], codec: str | None = None) -> Refusal:
    """Why a frame of these is refused; the next one, which is good, is not where it can be."""

    async def then(line: QuicLine) -> Answer | Refusal:
        await agree(line, here, codec)
        line.send_pieces(pieces, float("inf"))
        refused = await said_of(line, 1)
        if codec is None:
            line.send_pieces(good(here, 2), float("inf"))
            assert isinstance(await said_of(line, 2), Answer)
        return refused

    said = visit(here, then)
    assert isinstance(said, Refusal)
    return said


def test_packets_of_no_agreement_are_refused(here: Here) -> None:
    said = refusal(here, good(here, agreement=7))
    assert (said.code, said.reason) == (Code.DAMAGED, "there is no agreement 7")


def test_packets_of_a_codec_that_has_none_are_refused(here: Here) -> None:
    said = refusal(here, good(here), codec=RAW)
    assert (said.code, "has no packets" in said.reason) == (Code.DAMAGED, True)


def test_damaged_packets_are_refused(here: Here) -> None:
    first, *others = good(here)
    assert "damaged packet" in refusal(here, [first[:-1] + b"x", *others]).reason
    other = [Piece(0, 1, 1.0, p).message() for p in seal([b"x" * 20] * 2, 1, b"other", 1)]
    assert "another profile" in refusal(here, other).reason


def test_frames_that_never_become_whole_are_bounded_and_each_is_told_of(here: Here) -> None:
    count = 2000  # of which one packet in 255 comes

    async def then(line: QuicLine) -> set[int]:
        await agree(line, here)
        (packet, *_) = seal([b"x"] * 255, 1, b"other", 1)
        told: set[int] = set()
        for number in range(1, count + 1):
            line.send_pieces([Piece(0, number, 60.0, packet).message()], float("inf"))
            if number % 100 == 0:
                while len(told) < number - 4 * IN_FLIGHT:
                    told.add(read_reply(await line.recv()).id)
        return told

    assert len(visit(here, then)) > count - 5 * IN_FLIGHT
    assert still_answers(here)


class Stuck(Engine):
    """One that answers nobody."""

    def take(self, job: Job) -> None:
        """Take a frame, and be done with it."""


def test_more_messages_than_anybody_reads_end_the_connection(small: sw.Model, learnt: Path) -> None:
    with datagram_cloud(small, learnt, limits=Limits(message=1 << 16), engine_of=Stuck) as here:
        _, picture = next(pictures(1))
        packet = encode(here.choice.split.start(picture), here.choice.codecs)

        async def then(line: QuicLine) -> None:
            await agree(line, here)
            with pytest.raises(ConnectionError, match="than anybody reads"):
                for number in range(1000):
                    await line.send(Frame(0, number, 60.0, packet).message())
                await line.recv()

        visit(here, then)


def test_a_message_longer_than_was_agreed_is_not_even_held(here: Here) -> None:
    async def then(line: QuicLine) -> None:
        await line.send(b"x" * 100_000)
        with pytest.raises(ConnectionError, match="a message of kind 1 and 100000 bytes"):
            await line.recv()

    visit(here, then)


@pytest.mark.parametrize(
    ("host", "token", "why"),
    [
        ("localhost", "", "no token"),
        ("localhost", f"Bearer {TOKEN}x", "wrong token"),
        ("evil.example", f"Bearer {TOKEN}", "another host"),
    ],
)
def test_who_shows_no_right_is_turned_away(
    small: sw.Model, learnt: Path, host: str, token: str, why: str
) -> None:
    access = Access([TOKEN], Hosts.of("127.0.0.1"))
    with datagram_cloud(small, learnt, access) as here:

        async def then(line: QuicLine) -> str:
            return str(json.loads(str(await line.recv()))["refused"])

        assert why in visit(here, then, {"Host": host, "Authorization": token})
        assert outcomes(run(here.drive(token=TOKEN), pictures(2))) == {"answered": 2}


def test_no_more_clients_than_the_cloud_takes(small: sw.Model, learnt: Path) -> None:
    with datagram_cloud(small, learnt, limits=Limits(clients=1)) as here:

        async def then(line: QuicLine) -> Any:
            await agree(line, here)
            where = urlsplit(here.quic)
            target = (str(where.hostname), int(where.port or 0))
            other = await dial(target, {}, here.certificate, 1 << 20, PATIENCE)
            said = await other.recv()
            await other.close()
            return said

        assert "too many clients" in visit(here, then)
