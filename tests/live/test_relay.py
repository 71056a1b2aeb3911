import asyncio

import pytest

from splitwire.live.relay import _LATE, Relay
from splitwire.runner.link import Trace


def exchange(relay_trace: Trace, rtt: float, size: int) -> float:
    """Seconds from sending `size` bytes through a relay to a server's one byte of answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await reader.readexactly(size)
        assert received == bytes(range(256)) * (size // 256)
        writer.write(b"!")

    async def main() -> float:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        relay = Relay(server.sockets[0].getsockname()[:2], relay_trace, rtt)
        reader, writer = await asyncio.open_connection(*await relay.open())
        begin = asyncio.get_running_loop().time()
        writer.write(bytes(range(256)) * (size // 256))
        assert await reader.readexactly(1) == b"!"
        seconds = asyncio.get_running_loop().time() - begin
        writer.close()
        await relay.close()
        server.close()
        return seconds

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("trace", "rtt", "size"),
    [
        (Trace.constant(400e3), 0.0, 102_400),
        (Trace.constant(400e3), 0.1, 102_400),
        (Trace((0.1, 0.3, 60.0), (400e3, 0.0, 400e3)), 0.0, 102_400),
    ],
)
def test_bytes_arrive_whole_and_no_sooner_than_on_the_simulated_link(
    trace: Trace, rtt: float, size: int
) -> None:
    simulated = rtt + trace.seconds_to_send(size, 0.0)
    assert exchange(trace, rtt, size) > 0.98 * simulated - _LATE


def test_a_relay_whose_target_is_gone_hangs_up() -> None:
    async def main() -> bytes:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        target = server.sockets[0].getsockname()[:2]
        server.close()
        await server.wait_closed()
        relay = Relay(target, Trace.constant(1e6))
        reader, writer = await asyncio.open_connection(*await relay.open())
        said = await reader.read()
        writer.close()
        await relay.close()
        return said

    assert asyncio.run(main()) == b""


def test_a_relay_that_closes_hangs_up() -> None:
    async def main() -> bytes:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        relay = Relay(server.sockets[0].getsockname()[:2], Trace.constant(1e6))
        reader, writer = await asyncio.open_connection(*await relay.open())
        await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            await relay.close()
            said = await reader.read()
        writer.close()
        server.close()
        return said

    assert asyncio.run(main()) == b""


@pytest.mark.parametrize(
    ("free", "waited", "end"),
    [
        (0.0, False, 101.0),  # the link was idle, and takes a second
        (100.5, False, 101.5),  # one that came before is still on its way
        (99.99, True, 100.99),  # it was there when that one ended; the loop woke up late
        (99.99, False, 101.0),  # it was not
    ],
)
def test_a_chunk_begins_when_it_came_or_the_one_before_it_ended(
    free: float, waited: bool, end: float
) -> None:
    class Still(Relay):
        async def _until(self, when: float) -> None:
            pass

    relay = Still(("", 0), Trace.constant(1000.0))
    relay._zero, relay._free = 0.0, free
    assert asyncio.run(relay._passed(1000, 100.0, waited)) == pytest.approx(end)
    assert relay._free == pytest.approx(end)
