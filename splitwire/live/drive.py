"""Driving an edge: from a source of pictures, over a real or a slowed link, to records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from splitwire.errors import RemoteError
from splitwire.live.adapt import Adaptive, Expected
from splitwire.live.address import Address
from splitwire.live.connection import Uplink
from splitwire.live.edge import Edge, hello
from splitwire.live.packing import packing
from splitwire.live.record import Record
from splitwire.live.relay import Relay
from splitwire.live.sequence import KEYFRAMES
from splitwire.live.slowing import Slowed
from splitwire.live.supply import Taken
from splitwire.live.traces import session, traces
from splitwire.live.warming import warm
from splitwire.runner.choice import AnyChoice
from splitwire.tasks.base import Task

IDLE_SECONDS = 0.25  # without a packet, after which an adaptive edge probes the link


@dataclass(frozen=True)
class Drive:
    """How an edge is to run.

    Attributes:
        address: of the cloud.
        task: what makes a prediction of an output.
        choices: what frames may run with.
        totals: the total times of those to choose among, as a run measured them; without any, the
            first choice is kept.
        deadline: seconds that a frame may take.
        in_flight: frames under way at once.
        slowness: how many times slower than this machine to be.
        slowed: what the link is to be made into, if anything.
        whole: whether the cloud is to answer with its whole output.
        keyframes: of frames that build on those before, at least every so many stand alone.
    """

    address: Address
    task: Task
    choices: Sequence[AnyChoice]
    totals: Mapping[AnyChoice, Expected] = field(default_factory=dict)
    deadline: float = 2.0
    in_flight: int = 4
    slowness: float = 1.0
    slowed: Slowed | None = None
    whole: bool = False
    keyframes: int = KEYFRAMES

    async def run(
        self,
        pictures: Iterable[Taken],
        begun: Callable[[Uplink], None] = lambda uplink: None,
    ) -> AsyncIterator[Record]:
        """The record of each picture; `begun` is called when the link is up and was measured.

        Raises:
            RemoteError: the cloud is not there or refuses; later losses are only fallen back from.
        """
        async with self.edge() as edge:
            begun(edge.uplink)
            async for record in edge.run(pictures):
                if sender := traces():
                    sender.edge(edge.uplink.trace, record)
                yield record

    @asynccontextmanager
    async def edge(self) -> AsyncIterator[Edge]:
        """The edge with its link up, measured and kept; every choice has been run once before.

        Raises:
            RemoteError: the cloud is not there or refuses, or a choice does not go as datagrams
                where it should.
        """
        for choice in self.choices:
            if self.address.datagrams and choice.codecs:
                packing(choice)
            await asyncio.to_thread(warm, choice)
        async with self._uplink() as uplink:
            edge = Edge(
                uplink,
                self.task,
                self._chooser(uplink),
                self.deadline,
                self.in_flight,
                self.slowness,
                self.whole,
                self.keyframes,
            )
            try:
                yield edge
            finally:
                edge.close()

    @asynccontextmanager
    async def _uplink(self) -> AsyncIterator[Uplink]:
        address, relay = self.address, None
        if self.slowed and address.datagrams:
            raise RemoteError("a link is slowed for streams: connect with https:// for that")
        if self.slowed:
            relay = Relay(address.target, self.slowed.trace, self.slowed.rtt)
            address = replace(address, via=await relay.open())
        sending = [choice for choice in self.choices if choice.codecs]
        hellos = {hello(c, self.task, self.whole): c.split.shapes for c in sending}
        uplink = Uplink(address, hellos, session() if traces() else "")
        uplink.relay = relay
        tasks: list[asyncio.Task[None]] = []
        try:
            await uplink.open()
            await uplink.probe()
            tasks.append(asyncio.create_task(uplink.keep()))
            if self.totals:
                tasks.append(asyncio.create_task(_probe_when_idle(uplink)))
            yield uplink
        finally:
            for task in tasks:
                task.cancel()
            await uplink.close()
            if relay:
                await relay.close()

    def _chooser(self, uplink: Uplink) -> Callable[[], AnyChoice]:
        if self.totals:
            return Adaptive(self.totals, uplink.bandwidth)
        only = self.choices[0]
        return lambda: only


async def _probe_when_idle(uplink: Uplink) -> None:
    """Measure a link that carries no packets, or nobody would know when to use it again."""
    while True:
        before = uplink.heard
        await asyncio.sleep(IDLE_SECONDS)
        if uplink.heard == before and uplink.up:
            await uplink.probe()
