"""The cloud's half at work: frames of all clients decoded, put in batches and run.

    packet ─▶ decode (a thread) ─▶ waiting, the earliest deadline first ─▶ run (a thread) ─▶ logits

No time is spent waiting for a batch to fill: what has come while the last one ran is the next. A
batch is of one split, and no larger than pays: sizes are tried, and the fastest a frame is kept.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from weakref import WeakKeyDictionary

import torch

from splitwire.codecs.base import Tensor
from splitwire.errors import SplitwireError
from splitwire.models.split import Split
from splitwire.runner.library import Agreement
from splitwire.runner.local import decode
from splitwire.runner.protocol import Code, FrameError

MAX_BATCH = 8
_FORGET = 0.8  # how much of what is known of a pace outlives the next measurement


@dataclass(frozen=True)
class Inference:
    """A frame's logits, and the seconds of its decoding and of the batch that it ran in."""

    logits: Tensor
    decode: float
    cloud: float


@dataclass(eq=False)
class _Waiting:
    """A decoded frame that waits for its turn, until `expires` (s, of the loop's clock)."""

    split: Split
    tensors: list[torch.Tensor]
    expires: float
    done: asyncio.Future[tuple[Tensor, float]]


class Engine:
    """Runs frames; one for a cloud.

    Args:
        queue: frames that it holds at once, in decoding and waiting; one more is refused.
    """

    def __init__(self, queue: int = 64) -> None:
        self.queue = queue
        self.inside = 0
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._paces: WeakKeyDictionary[Split, _Pace] = WeakKeyDictionary()
        self._decoding = ThreadPoolExecutor(1, "decode")
        self._running = ThreadPoolExecutor(1, "cloud")

    async def infer(self, agreement: Agreement, packet: bytes, expires: float) -> Inference:
        """The logits for a packet.

        Args:
            agreement: what it was sent under.
            packet: from outside: anything at all.
            expires: when nobody will want the answer any more (s, of the loop's clock).

        Raises:
            FrameError: it gets no prediction; the code says why.
        """
        if self.inside >= self.queue:
            raise FrameError(Code.BUSY, f"{self.queue} frames wait already")
        self.inside += 1
        try:
            tensors, seconds = await self._decode(agreement, packet, expires)
            logits, cloud = await self._wait(agreement.split, tensors, expires)
        finally:
            self.inside -= 1
        return Inference(logits, seconds, cloud)

    async def run(self) -> None:
        """Run what waits, batch after batch, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            batch = self._take(loop.time())
            if not batch:
                self._wake.clear()
                continue
            work = partial(_run, batch[0].split, [one.tensors for one in batch], self._pace(batch))
            results = await loop.run_in_executor(self._running, work)
            for one, result in zip(batch, results, strict=True):
                if one.done.done():  # its client has gone
                    continue
                if isinstance(result, FrameError):
                    one.done.set_exception(result)
                else:
                    one.done.set_result(result)

    def close(self) -> None:
        """Let the threads end."""
        self._decoding.shutdown(wait=False, cancel_futures=True)
        self._running.shutdown(wait=False, cancel_futures=True)

    async def _decode(
        self, agreement: Agreement, packet: bytes, expires: float
    ) -> tuple[list[torch.Tensor], float]:
        loop = asyncio.get_running_loop()

        def work() -> tuple[list[torch.Tensor], float]:
            if loop.time() > expires:
                raise FrameError(Code.LATE, "no time left to decode it")
            begin = perf_counter()
            try:
                tensors = decode(packet, agreement.codecs, agreement.split.crossings)
            except SplitwireError as error:
                raise FrameError(Code.DAMAGED, str(error)) from error
            return tensors, perf_counter() - begin

        return await loop.run_in_executor(self._decoding, work)

    async def _wait(
        self, split: Split, tensors: list[torch.Tensor], expires: float
    ) -> tuple[Tensor, float]:
        done: asyncio.Future[tuple[Tensor, float]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(split, tensors, expires, done))
        self._wake.set()
        return await done

    def _take(self, now: float) -> list[_Waiting]:
        """The next batch: the most urgent frame, and those of its split that leave it in time."""
        for one in self._waiting:
            if one.expires < now and not one.done.done():
                one.done.set_exception(FrameError(Code.LATE, "no time left to run it"))
        self._waiting = [one for one in self._waiting if not one.done.done()]
        if not self._waiting:
            return []
        self._waiting.sort(key=lambda one: one.expires)  # stable: of equals, the first to come
        first = self._waiting[0]
        same = [one for one in self._waiting if one.split is first.split]
        batch = same[: self._pace(same).size(len(same), first.expires - now)]
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    def _pace(self, batch: Sequence[_Waiting]) -> "_Pace":
        return self._paces.setdefault(batch[0].split, _Pace())


@dataclass
class _Pace:
    """Seconds a frame in batches of 1, 2, 4, 8: which size pays for one split on this machine."""

    seconds: dict[int, float] = field(default_factory=dict)

    def size(self, waiting: int, left: float) -> int:
        """The batch to run of so many frames, the first of which has so many seconds left."""
        sizes = [n for n in (1, 2, 4, MAX_BATCH) if n <= waiting]
        in_time = [n for n in sizes if n == 1 or n * self.seconds.get(n // 2, 0.0) <= left]
        return min(in_time, key=lambda n: self.seconds.get(n, 0.0))

    def learn(self, size: int, seconds: float) -> None:
        """A batch of that size took so long (s)."""
        each = seconds / size
        known = self.seconds.get(size, each)
        self.seconds[size] = _FORGET * known + (1 - _FORGET) * each


def _run(
    split: Split, frames: list[list[torch.Tensor]], pace: _Pace
) -> list[tuple[Tensor, float] | FrameError]:
    """The logits of every frame, or why it has none; in the engine's thread."""
    begin = perf_counter()
    try:
        with torch.inference_mode():
            rows = _forward(split, frames)
    except Exception as error:  # of any kind: whichever frame it was, the others go on
        if len(frames) > 1:
            pace.seconds[len(frames)] = float("inf")  # nor can this network be run in batches
            return [result for frame in frames for result in _run(split, [frame], pace)]
        return [FrameError(Code.NO_PREDICTION, f"{type(error).__name__}: {error}"[:200])]
    seconds = perf_counter() - begin
    pace.learn(len(frames), seconds)
    return [_judged(row, seconds) for row in rows]


def _forward(split: Split, frames: list[list[torch.Tensor]]) -> list[Tensor]:
    if len(frames) == 1:
        return [split.cloud(*frames[0])[0].float().numpy()]
    columns = [torch.stack(column) for column in zip(*frames, strict=True)]
    # The graph was made for a batch of one; vmap knows what its operations do to several.
    output = torch.vmap(split.cloud)(*columns)
    return [row[0].float().numpy() for row in output]


def _judged(logits: Tensor, seconds: float) -> tuple[Tensor, float] | FrameError:
    if (logits != logits).any():
        return FrameError(Code.NO_PREDICTION, "the network's output holds NaN")
    return logits, seconds
