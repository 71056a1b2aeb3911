"""A link made slow on purpose: a relay on loopback with the rate and the round trip of a trace.

    edge ─▶ token bucket ─▶ half the round trip ─▶ cloud
    edge ◀─ half the round trip ◀───────────────── cloud

It needs no privileges and knows nothing of what it carries, TLS included. The trace is the one that
the simulated link takes. Bytes are not lost: over TCP a loss is a delay, which the rate stands for.
"""

import asyncio
from dataclasses import dataclass

from splitwire.runner.link import Trace

_CHUNK = 1448  # bytes: the payload of a full TCP segment
_AT_ONCE = 0.0003  # seconds: a read that takes less found its bytes waiting
_LATE = 0.010  # seconds that the loop may wake up late without the link losing them
_QUEUE = 64  # chunks on their way


@dataclass(eq=False)
class Relay:
    """Carries connections to a target.

    Args:
        target: host and port.
        trace: the upload rate over time, shared by all connections; may be changed while it runs.
        rtt: round trip (s).
    """

    target: tuple[str, int]
    trace: Trace
    rtt: float = 0.0

    async def open(self) -> tuple[str, int]:
        """Begin to listen, and the trace's time; returns host and port."""
        self._loop = asyncio.get_running_loop()
        self._zero = self._free = self._loop.time()
        self._connections: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def close(self) -> None:
        """Stop, and cut what is connected."""
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            answers, onward = await asyncio.open_connection(*self.target)
            ends.append(onward)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, onward, paced=True))
                group.create_task(self._carry(answers, writer, paced=False))
        except* OSError:  # either end has gone, so both go
            pass
        finally:
            for end in ends:
                end.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paced: bool
    ) -> None:
        """Bytes of one direction, in order, each chunk at its time; at their end, an error."""
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(way, writer))
            asked = self._loop.time()
            while chunk := await reader.read(_CHUNK):
                now = self._loop.time()
                waited = now - asked < _AT_ONCE  # the chunk, and not this loop
                left = await self._passed(len(chunk), now, waited) if paced else now
                await way.put((left + self.rtt / 2, chunk))
                asked = self._loop.time()
            await way.join()
            raise ConnectionResetError

    async def _passed(self, size: int, now: float, waited: bool) -> float:
        """Wait until a chunk has gone through the bucket; returns when that was.

        A chunk that waited for its turn begins when the one before it ended: that this loop woke
        up late is no fault of the link's.
        """
        begin = max(now - _LATE if waited else now, self._free)
        self._free = begin + self.trace.seconds_to_send(size, begin - self._zero)
        await self._until(self._free)
        return self._free

    async def _deliver(
        self, way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            when, chunk = await way.get()
            await self._until(when)
            writer.write(chunk)
            await writer.drain()
            way.task_done()

    async def _until(self, when: float) -> None:
        """Sleep, unless it is less than the loop's clock can tell."""
        if (wait := when - self._loop.time()) > 0.0005:
            await asyncio.sleep(wait)
