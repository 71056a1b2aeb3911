"""When a frame of several packets is closed; and the window of what sends them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.tls import Epoch

from splitwire.codecs.packets.framing import seal
from splitwire.errors import SplitwireError
from splitwire.live.assembly import Assembled, Assembly, Usual
from splitwire.live.congestion import DelayControl
from splitwire.live.limits import IN_FLIGHT
from splitwire.live.protocol import Piece

SIZE = 1200


def pieces(number: int, count: int, patience: float = 30.0) -> list[bytes]:
    packets = seal([b"x"] * count, 1, b"", number)
    return [Piece(0, number, patience, packet).message() for packet in packets]


def closed(work: Callable[[Assembly], Any]) -> tuple[list[Assembled], int]:
    """The frames that are closed while packets are taken, and how many packets were late."""

    async def main() -> tuple[list[Assembled], int]:
        frames: list[Assembled] = []
        late: list[int] = []
        await work(Assembly(frames.append, lambda: late.append(1)))
        return frames, len(late)

    return asyncio.run(main())


def test_a_frame_is_closed_once_all_of_it_is_there() -> None:
    async def work(assembly: Assembly) -> None:
        for piece in pieces(7, 3)[::-1]:
            assembly.take(piece)

    (frame,), late = closed(work)
    assert (frame.id, frame.of, len(frame.packets), late) == (7, 3, 3, 0)


def test_a_frame_is_closed_when_nothing_more_comes_and_what_comes_then_is_late() -> None:
    async def work(assembly: Assembly) -> None:
        first, second, _ = pieces(1, 3)
        assembly.take(first)
        await asyncio.sleep(0.5)
        assembly.take(second)

    (frame,), late = closed(work)
    assert (len(frame.packets), frame.of, late) == (1, 3, 1)


def test_packets_that_use_to_be_far_apart_are_waited_for() -> None:
    async def work(assembly: Assembly) -> None:
        for number in range(20):
            for piece in pieces(number, 2):
                assembly.take(piece)
                await asyncio.sleep(0.03)

    frames, late = closed(work)
    assert late < 10
    assert sum(len(frame.packets) == 2 for frame in frames) > 10


def test_a_frame_whose_patience_ends_is_waited_for_no_longer() -> None:
    async def work(assembly: Assembly) -> None:
        for number in range(20):  # packets are far apart, and that is known
            for piece in pieces(number, 2):
                assembly.take(piece)
                await asyncio.sleep(0.03)
        assembly.take(pieces(20, 2, patience=0.001)[0])
        await asyncio.sleep(0.02)

    frames, _ = closed(work)
    assert (frames[-1].id, len(frames[-1].packets)) == (20, 1)


def test_few_frames_are_under_way() -> None:
    async def work(assembly: Assembly) -> None:
        for number in range(3 * IN_FLIGHT):
            assembly.take(pieces(number, 255)[0])
        assembly.stop()

    frames, _ = closed(work)
    assert [frame.id for frame in frames] == list(range(2 * IN_FLIGHT))


@pytest.mark.parametrize("datagram", [b"", b"\x05" * 9, b"\x05" + bytes(12), b"\x01" + bytes(99)])
def test_what_is_no_packet_is_said(datagram: bytes) -> None:
    async def work(assembly: Assembly) -> None:
        with pytest.raises(SplitwireError):
            assembly.take(datagram)

    assert closed(work) == ([], 0)


def test_what_is_usual_follows_what_is_seen() -> None:
    usual = Usual()
    assert usual.most == 0
    for _ in range(100):
        usual.saw(0.01)
    assert usual.most == pytest.approx(0.01, rel=0.01)
    usual.saw(0.1)
    assert usual.most > 0.1


def sent(at: float) -> QuicSentPacket:
    return QuicSentPacket(Epoch.ONE_RTT, True, True, False, 0, 0, sent_time=at, sent_bytes=SIZE)


def window(rtt: Callable[[int], float], lost: Callable[[int], bool]) -> int:
    """That of a control whose packets have those round trips and fates, one at a time."""
    control, now = DelayControl(max_datagram_size=SIZE), 0.0
    for number in range(2000):
        packet, now = sent(now), now + 0.01
        control.on_packet_sent(packet=packet)
        if lost(number):
            control.on_packets_lost(now=now, packets=[packet])
        else:
            control.on_rtt_measurement(now=now, rtt=rtt(number))
            control.on_packet_acked(now=now, packet=packet)
    assert control.bytes_in_flight == 0
    return control.congestion_window


def test_losses_alone_do_not_close_the_window() -> None:
    assert window(lambda n: 0.05, lambda n: n % 10 == 0) > 100 * SIZE


def test_a_queue_closes_the_window() -> None:
    assert window(lambda n: 0.05 + 1e-4 * n, lambda n: False) < 10 * SIZE


def test_heavy_losses_close_the_window() -> None:
    assert window(lambda n: 0.05, lambda n: n % 2 == 0) < 10 * SIZE
