"""The cloud's half at work: frames of all clients decoded, put in batches and run.

    packet ─▶ decode (a thread) ─▶ waiting, the earliest deadline first ─▶ run (a thread) ─▶ logits

No time is spent waiting for a batch to fill: what has come while the last one ran is the next. A
batch is of one split, and no larger than pays: sizes are tried, and the fastest a frame is kept.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from threading import Condition, Thread
from time import monotonic
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

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
    """What came of a frame.

    Attributes:
        classes: the best, in order; as many as were agreed on.
        logits: of those classes.
        decode: seconds of its decoding.
        cloud: seconds of the batch that it ran in.
    """

    classes: NDArray[np.uint32]
    logits: Tensor
    decode: float
    cloud: float


@dataclass(eq=False)
class _Job:
    """A frame in hand; its prediction is of use until `expires` (s, of `monotonic`)."""

    agreement: Agreement
    packet: bytes
    expires: float
    done: asyncio.Future[Inference]
    tensors: list[torch.Tensor] = field(default_factory=list)
    decode: float = 0.0

    def end(self, result: Inference | FrameError) -> None:
        """Hand the result to the loop, unless nobody waits for it any more."""
        self.done.get_loop().call_soon_threadsafe(self._set, result)

    def _set(self, result: Inference | FrameError) -> None:
        if self.done.done():
            return
        if isinstance(result, FrameError):
            self.done.set_exception(result)
        else:
            self.done.set_result(result)


class Engine:
    """Runs frames; one for a cloud.

    Args:
        queue: frames that it holds at once, in decoding and waiting; one more is refused.
    """

    def __init__(self, queue: int = 64) -> None:
        self.queue = queue
        self.inside = 0
        self._waiting: list[_Job] = []
        self._news = Condition()
        self._open = True
        self._paces: WeakKeyDictionary[Split, _Pace] = WeakKeyDictionary()
        # Threads hand frames to each other: a detour by the loop would cost each a tenth of a ms.
        self._decoding = ThreadPoolExecutor(1, "decode")
        Thread(target=self._run, name="cloud", daemon=True).start()

    async def infer(self, agreement: Agreement, packet: bytes, expires: float) -> Inference:
        """The prediction for a packet.

        Args:
            agreement: what it was sent under.
            packet: from outside: anything at all.
            expires: when nobody will want the answer any more (s, of `time.monotonic`).

        Raises:
            FrameError: it gets no prediction; the code says why.
        """
        if self.inside >= self.queue:
            raise FrameError(Code.BUSY, f"{self.queue} frames wait already")
        self.inside += 1
        try:
            job = _Job(agreement, packet, expires, asyncio.get_running_loop().create_future())
            self._decoding.submit(self._decode, job)
            return await job.done
        finally:
            self.inside -= 1

    def close(self) -> None:
        """Let the threads end."""
        self._decoding.shutdown(wait=False, cancel_futures=True)
        with self._news:
            self._open = False
            self._news.notify()

    def _decode(self, job: _Job) -> None:
        begin = monotonic()
        if job.done.done():  # its client has gone
            return
        if begin > job.expires:
            job.end(FrameError(Code.LATE, "no time left to decode it"))
            return
        try:
            crossings = job.agreement.split.crossings
            job.tensors = decode(job.packet, job.agreement.codecs, crossings)
        except SplitwireError as error:
            job.end(FrameError(Code.DAMAGED, str(error)))
            return
        except Exception as error:  # a fault of ours: still no other frame's
            job.end(FrameError(Code.DAMAGED, f"{type(error).__name__}: {error}"[:200]))
            return
        job.decode = monotonic() - begin
        with self._news:
            self._waiting.append(job)
            self._news.notify()

    def _run(self) -> None:
        """Run what waits, batch after batch."""
        while self._open:
            with self._news:
                self._news.wait_for(lambda: self._waiting or not self._open)
                batch = self._take(monotonic())
            if batch:
                pace = self._pace(batch[0].agreement.split)
                for job, result in zip(batch, run_batch(batch, pace), strict=True):
                    job.end(result)

    def _take(self, now: float) -> list[_Job]:
        """The next batch: the most urgent frame, and those of its split that leave it in time."""
        for job in self._waiting:
            if job.expires < now:
                job.end(FrameError(Code.LATE, "no time left to run it"))
        alive = [j for j in self._waiting if j.expires >= now and not j.done.done()]
        alive.sort(key=lambda job: job.expires)  # stable: of equals, the first to come
        same = [job for job in alive if job.agreement.split is alive[0].agreement.split]
        size = (
            self._pace(same[0].agreement.split).size(len(same), same[0].expires - now)
            if same
            else 0
        )
        self._waiting = [job for job in alive if job not in same[:size]]
        return same[:size]

    def _pace(self, split: Split) -> "_Pace":
        return self._paces.setdefault(split, _Pace())


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


def run_batch(batch: Sequence[_Job], pace: _Pace) -> list[Inference | FrameError]:
    """What comes of each of the decoded frames of one split."""
    begin = monotonic()
    try:
        with torch.inference_mode():
            rows = _forward(batch)
        found = [_best(row, job.agreement.top) for row, job in zip(rows, batch, strict=True)]
    except Exception as error:  # of any kind: whichever frame it was, the others go on
        if len(batch) > 1:
            pace.seconds[len(batch)] = inf  # nor can this network be run in batches
            return [result for job in batch for result in run_batch([job], pace)]
        return [FrameError(Code.NO_PREDICTION, f"{type(error).__name__}: {error}"[:200])]
    seconds = monotonic() - begin
    pace.learn(len(batch), seconds)
    return [
        FrameError(Code.NO_PREDICTION, "the network's output holds NaN")
        if best is None
        else Inference(*best, job.decode, seconds)
        for best, job in zip(found, batch, strict=True)
    ]


def _forward(batch: Sequence[_Job]) -> list[Tensor]:
    cloud = batch[0].agreement.split.cloud
    if len(batch) == 1:
        return [cloud(*batch[0].tensors)[0].float().numpy()]
    columns = [torch.stack(column) for column in zip(*(j.tensors for j in batch), strict=True)]
    # The graph was made for a batch of one; vmap knows what its operations do to several.
    return [row[0].float().numpy() for row in torch.vmap(cloud)(*columns)]


def _best(logits: Tensor, top: int) -> tuple[NDArray[np.uint32], Tensor] | None:
    """The best classes and their logits; None where any is NaN."""
    if np.isnan(logits).any():
        return None
    best = np.argsort(-logits, kind="stable")[:top].astype(np.uint32)
    return best, logits[best]
