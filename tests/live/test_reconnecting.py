"""How an edge whose link is down tries again."""

import asyncio
from itertools import pairwise

import pytest

from splitwire.live import connection
from splitwire.live.address import Address
from splitwire.live.connection import Uplink


class EnoughError(Exception):
    pass


def test_each_wait_is_twice_the_last_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 9:
            raise EnoughError

    async def lost() -> None:
        """What reads ends."""

    async def main() -> None:
        uplink = Uplink(Address("http://127.0.0.1:9"), {})  # where nobody is
        uplink._reading = asyncio.create_task(lost())
        await uplink.keep()

    monkeypatch.setattr(connection, "uniform", lambda low, high: high)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(EnoughError):
        asyncio.run(main())
    longest = waits[-1]
    assert waits[0] < longest
    assert all(b == min(2 * a, longest) for a, b in pairwise(waits))
