"""How the cloud's engine shares itself out: turns, room for all, and memory given back."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Event, current_thread
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from cloud_here import cloud_here
from deployment import agree, dial

import splitwire as sw
from splitwire.live import batching
from splitwire.live.batching import Engine
from splitwire.live.inference import Inference, Job
from splitwire.live.library import Agreement
from splitwire.live.pasts import Pasts
from splitwire.live.protocol import Code, FrameError
from splitwire.live.turns import Turns
from splitwire.runner.choice import Choice
from splitwire.runner.local import decode
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


@pytest.mark.parametrize("busy", [True, False])
def test_what_a_client_s_packets_build_on_is_decoded_before_them(
    small: sw.Model, busy: bool
) -> None:
    """However urgent later ones are, and whichever of the two threads is at it."""
    found: list[tuple[str, object]] = []
    spec = "h264:preset=ultrafast,clip=minmax"
    agreement = sequences(small, spec)
    coders = {client: sw.codec(spec).encoder() for client in "abc"}
    still = np.random.default_rng(0).normal(size=(4, 15, 15)).astype(np.float32)

    async def main() -> None:
        engine, gate, end = Engine(queue=1000), Event(), monotonic() + 60
        if busy:
            for worker in (engine._decoding, engine._running):
                worker.put(lambda: bool(gate.wait(60)))  # type: ignore[arg-type, return-value]
        for number in range(60):
            for client, coder in coders.items():

                def done(result: object, client: str = client) -> None:
                    found.append((client, result))

                packet = coder.encode(still)
                engine.take(Job(agreement, packet, end - number / 100, done, client))
            if not busy:
                await asyncio.sleep(0.0005 * (number % 3))
        gate.set()
        async with asyncio.timeout(60):
            while engine.inside:
                await asyncio.sleep(0.001)
        assert engine.pasts.held == 3 * agreement.past
        for client in coders:
            engine.forget(client)
        while engine._decoding.load:
            await asyncio.sleep(0.001)
        assert engine.pasts.held == 0
        engine.close()

    asyncio.run(main())
    assert len(found) == 180
    assert not [result for _, result in found if isinstance(result, FrameError)]


def test_no_two_threads_decode_at_once(small: sw.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement, found, inside = sequences(small), list[object](), list[str]()
    coder = sw.codec("h264:preset=ultrafast").encoder()
    threads: set[str] = set()

    def slow(*arguments: Any) -> Any:
        assert not inside, "another thread is at it"
        inside.append(current_thread().name)
        threads.add(current_thread().name)
        sleep(0.01)
        inside.clear()
        return decode(*arguments)

    monkeypatch.setattr(batching, "decode", slow)

    async def main() -> None:
        engine = Engine()
        for _ in range(4):
            for _ in range(2):  # the first of two is decoded where it will run
                packet = coder.encode(np.ones((4, 15, 15), np.float32))
                engine.take(Job(agreement, packet, inf, found.append, "a"))
                await asyncio.sleep(0.003)
            async with asyncio.timeout(60):
                while engine.inside:
                    await asyncio.sleep(0.001)
        engine.close()

    asyncio.run(main())
    assert [result for result in found if isinstance(result, FrameError)] == []
    assert len(threads) == 2


def sequences(model: sw.Model, spec: str = "h264:preset=ultrafast") -> Agreement:
    """An agreement on packets that build on each other."""
    return Agreement(Choice.shared(sw.split(model, "1"), [sw.codec(spec)], spec), Classification())


def test_late_packets_are_decoded_where_others_may_build_on_them(small: sw.Model) -> None:
    agreement, found = sequences(small), list[object]()
    coder = sw.codec("h264:preset=ultrafast").encoder()
    x = np.ones((4, 15, 15), np.float32)

    async def main() -> None:
        engine = Engine()
        for expires in (0.0, inf, -inf, inf):  # late, in time, of a client that has gone, in time
            engine.take(Job(agreement, coder.encode(x), expires, found.append, "a"))
            async with asyncio.timeout(60):
                while engine.inside:
                    await asyncio.sleep(0.001)
        engine.close()

    asyncio.run(main())
    codes = [r.code if isinstance(r, FrameError) else None for r in found]
    assert codes == [Code.LATE, None, Code.LATE, Code.STALE]


def test_what_was_not_used_for_longest_is_forgotten_first(small: sw.Model) -> None:
    agreement, other = sequences(small), sequences(small)
    pasts = Pasts(2 * agreement.past)
    of = {client: pasts.decoders(client, agreement) for client in "ab"}
    assert pasts.decoders("a", agreement) is of["a"]
    pasts.decoders("c", agreement)  # for which b has to go
    assert pasts.held == 2 * agreement.past
    assert pasts.decoders("a", agreement) is of["a"]
    assert pasts.decoders("b", agreement) is not of["b"]
    assert pasts.decoders("b", other) is not pasts.decoders("b", agreement)  # one at a time
    tight = Pasts(1)
    assert tight.decoders("a", agreement) is tight.decoders("a", agreement)
    assert tight.held == agreement.past


def test_codecs_that_do_not_predict_leave_nothing_behind(small: sw.Model) -> None:
    agreement, pasts = sequences(small, "jpeg"), Pasts(1 << 30)
    assert pasts.decoders("a", agreement) == agreement.choice.codecs
    assert (pasts.held, agreement.past) == (0, 0)


def test_a_packet_of_a_sequence_that_claims_another_shape_is_not_decoded(small: sw.Model) -> None:
    agreement, found = sequences(small), list[object]()
    coder = sw.codec("h264:preset=ultrafast").encoder()
    packets = [coder.encode(np.ones((4, 15, n), np.float32)) for n in (16, 16, 15)]

    async def main() -> None:
        engine = Engine()
        for packet in packets:
            engine.take(Job(agreement, packet, inf, found.append, "a"))
        async with asyncio.timeout(60):
            while engine.inside:
                await asyncio.sleep(0.001)
        engine.close()

    asyncio.run(main())
    first, second, third = found
    assert isinstance(first, FrameError) and first.code == Code.DAMAGED
    assert "a tensor of shape (4, 15, 16) where (4, 15, 15) crosses" in str(first)
    assert isinstance(second, FrameError) and second.code == Code.STALE
    assert isinstance(third, Inference)


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


def test_memory_is_given_back_when_a_client_has_gone(
    small: sw.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Event()
    monkeypatch.setattr(batching, "return_memory", given.set)
    monkeypatch.setattr(batching, "_REST_SECONDS", 0.05)
    with cloud_here(small) as (_, address):
        with dial(address) as socket:
            agree(socket)
        assert given.wait(60)


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
