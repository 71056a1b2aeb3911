"""A relay of UDP on loopback that loses packets as a channel of codecs/packets/loss.py does."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from splitwire.codecs.packets.loss import LossModel

_DRAWN = 1000  # fates at once

Address = tuple[str, int]


class _Way(asyncio.DatagramProtocol):
    """One socket; what comes is handed on."""

    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take

    def connection_made(self, transport: Any) -> None:
        self.send: Callable[[bytes, Address], None] = transport.sendto
        self.transport = transport

    def datagram_received(self, data: bytes, address: Address) -> None:
        self._take(data, address)


class DatagramRelay:
    """Carries the datagrams of clients to a target and back, with losses both ways.

    Attributes:
        target: may be changed while it is cut.
        cut: while it is set, nothing passes.
    """

    def __init__(self, target: Address, channel: LossModel, seed: int = 0) -> None:
        self.target, self._channel = target, channel
        self._random = np.random.default_rng(seed)
        self._fates = {"up": self._draw(), "down": self._draw()}
        self._onward: dict[Address, _Way] = {}
        self.cut = False

    async def open(self) -> Address:
        self._loop = asyncio.get_running_loop()
        self._here = await self._socket(self._up)
        host, port = self._here.transport.get_extra_info("sockname")
        return host, port

    def close(self) -> None:
        for way in (self._here, *self._onward.values()):
            way.transport.close()

    async def _socket(self, take: Callable[[bytes, Address], None]) -> _Way:
        _, way = await self._loop.create_datagram_endpoint(
            lambda: _Way(take), local_addr=("127.0.0.1", 0)
        )
        return way

    def _up(self, data: bytes, client: Address) -> None:
        if client in self._onward:
            self._carry("up", self._onward[client], data, self.target)
        else:
            self._loop.create_task(self._begin(data, client))

    async def _begin(self, data: bytes, client: Address) -> None:
        def down(data: bytes, _: Address) -> None:
            self._carry("down", self._here, data, client)

        if client not in self._onward:
            self._onward[client] = await self._socket(down)
        self._carry("up", self._onward[client], data, self.target)

    def _carry(self, way: str, over: _Way, data: bytes, to: Address) -> None:
        if not self.cut and not next(self._fates[way]):
            over.send(data, to)

    def _draw(self) -> Iterator[bool]:
        while True:
            yield from map(bool, self._channel.lost(_DRAWN, self._random))
