"""How the cloud's engine shares itself out: turns, room for all, and memory given back."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Event

import numpy as np
import pytest

import splitwire as sw
from splitwire.live import batching
from splitwire.live.batching import Engine
from splitwire.live.inference import Inference, Job
from splitwire.live.library import Agreement
from splitwire.live.protocol import Code, FrameError
from splitwire.live.turns import Turns
from splitwire.runner.choice import Choice
from splitwire.tasks.classification import Classification


@dataclass(eq=False)
class Item:
    client: object
    expires: float = 0.0


def test_clients_take_turns_however_many_frames_one_has() -> None:
    turns: Turns[Item] = Turns()
    for client, count in (("a", 5), ("b", 1), ("c", 2)):
        for _ in range(count):
            turns.put(Item(client))
    order = []
    while (item := turns.take()) is not None:
        order.append(item.client)
    assert "".join(map(str, order)) == "abcacaaa"


def test_haste_is_no_way_past_another_client() -> None:
    turns: Turns[Item] = Turns()
    mine = [Item("mine", 9.0), Item("mine", 3.0), Item("mine", 3.0)]
    hasty = [Item("hasty", 0.0) for _ in range(2)]
    for item in [*mine, *hasty]:
        turns.put(item)
    # Of its own the most urgent comes first, and of equals the one that came first.
    expected = [mine[1], hasty[0], mine[2], hasty[1], mine[0]]
    assert [turns.take() for _ in range(5)] == expected


def test_a_frame_that_does_not_fit_keeps_its_turn() -> None:
    turns: Turns[Item] = Turns()
    early, late = Item("a", 1.0), Item("b", 2.0)
    turns.put(early)
    turns.put(late)
    assert turns.take(lambda item: item.expires > 1) is late
    assert turns.drop(lambda item: item.expires < 2) == [early]
    assert turns.take() is None


def jobs(
    model: sw.Model, clients: str, done: Callable[[str, object], None], size: int = 0
) -> list[Job]:
    """A frame of each client, in order."""
    codec = sw.codec("raw:dtype=float32")
    agreement = Agreement(
        Choice.shared(sw.split(model, "1"), [codec], codec.spec), Classification()
    )
    packet = codec.encode(np.ones((4, 15, 15), np.float32)) + bytes(size)
    return [
        Job(agreement, packet, inf, lambda result, client=client: done(client, result), client)
        for client in clients
    ]


def run(
    model: sw.Model, clients: str, size: int = 0, **bounds: int
) -> tuple[list[tuple[str, object]], int]:
    """What became of frames that came while the engine was busy, and the bytes that it held."""
    found: list[tuple[str, object]] = []
    gate = Event()

    async def main() -> int:
        engine = Engine(**bounds)
        for worker in (engine._decoding, engine._running):
            worker.put(lambda: bool(gate.wait(60)))  # type: ignore[arg-type, return-value]
        for job in jobs(model, clients, lambda client, r: found.append((client, r)), size):
            engine.take(job)
        held = engine.held
        gate.set()
        async with asyncio.timeout(60):
            while engine.inside:
                await asyncio.sleep(0.001)
        assert (engine.held, len(engine._owners)) == (0, 0)
        engine.close()
        return held

    return found, asyncio.run(main())


def test_a_client_with_many_frames_does_not_starve_another(small: sw.Model) -> None:
    found, _ = run(small, "aaaaaaab", queue=64)
    order = "".join(client for client, _ in found)
    assert all(isinstance(result, Inference) for _, result in found)
    assert order.index("b") <= 2


def test_a_client_with_more_than_its_share_leaves_room_for_others(small: sw.Model) -> None:
    found, _ = run(small, "abcaaaaaaad", queue=8)
    busy = [client for client, result in found if isinstance(result, FrameError)]
    answered = [client for client, result in found if isinstance(result, Inference)]
    assert (sorted(answered), set(busy)) == (["a", "a", "b", "c", "d"], {"a"})


def test_the_queue_is_bounded(small: sw.Model) -> None:
    found, _ = run(small, "abcdefgh", queue=6)
    busy = [(client, result) for client, result in found if isinstance(result, FrameError)]
    assert [client for client, _ in busy] == ["g", "h"]
    assert {result.code for _, result in busy} == {Code.BUSY}


def test_the_bytes_of_all_frames_are_bounded(small: sw.Model) -> None:
    size = 100_000
    found, held = run(small, "abcdef", size, queue=64, budget=3 * 110_000)
    busy = [result for _, result in found if isinstance(result, FrameError)]
    assert held <= 3 * 110_000
    assert sum("bytes wait already" in str(result) for result in busy) == 3


def test_memory_is_given_back_when_no_frame_has_come_for_a_while(
    small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    found: list[object] = []
    monkeypatch.setattr(batching, "return_memory", lambda: given.append("back"))
    monkeypatch.setattr(batching, "_REST_SECONDS", 0.05)

    async def main() -> None:
        engine = Engine()
        for job in jobs(small, "aab", lambda _, result: found.append(result)):
            engine.take(job)
        async with asyncio.timeout(60):
            while not given:
                await asyncio.sleep(0.01)
        engine.close()

    asyncio.run(main())
    assert (len(found), given) == (3, ["back"])


MEMORY = """
import sys
from pathlib import Path
import torch
from splitwire.runner.memory import keep_memory, return_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

keep_memory()
before = resident()
blocks = [torch.ones(8 << 20, dtype=torch.uint8) for _ in range(24)]
kept = torch.ones(1 << 20, dtype=torch.uint8)  # above them: the heap does not shrink by itself
full = resident()
del blocks
free = resident()
return_memory()
print(before, full, free, resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_goes_back_after_a_burst() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True)
    before, full, free, after = map(int, done.stdout.split())
    assert free - before > 0.5 * (full - before)  # kept for the next frame
    assert after - before < 0.25 * (full - before)
