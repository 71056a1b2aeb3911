"""The cloud's half at work: frames of all clients decoded, put in batches and run.

    packet ─▶ decode (a thread) ─▶ waiting, clients in turn ─▶ run (a thread) ─▶ answer

No time is spent waiting for a batch to fill: what has come while the last one ran is the next. A
batch is of one split, and no larger than pays: sizes are tried, and the fastest a frame is kept.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import isfinite
from threading import Lock
from time import monotonic
from weakref import WeakKeyDictionary

from splitwire.errors import SplitwireError, UnknownBaseError
from splitwire.live.inference import Inference, Job, Pace, run_batch
from splitwire.live.pasts import Pasts
from splitwire.live.protocol import Code, FrameError
from splitwire.live.turns import Turns
from splitwire.live.worker import Worker
from splitwire.models.split import Split
from splitwire.runner.local import decode
from splitwire.runner.memory import return_memory

_REST_SECONDS = 2.0  # without a frame, after which memory is given back


class Engine:
    """Runs frames; one for a cloud.

    Args:
        queue: frames that it holds at once, in decoding and waiting; one more is refused.
        budget: bytes that they may take, packets and what is decoded of them.
        pasts: bytes that may be remembered of packets that others build on.
    """

    def __init__(self, queue: int = 64, budget: int = 256 << 20, pasts: int = 256 << 20) -> None:
        self.queue, self.budget = queue, budget
        self.inside = self.held = 0
        self._owners: Counter[object] = Counter()  # frames of each client that are inside
        self._arrived, self._waiting = Turns[Job](urgent=False), Turns[Job]()
        self.pasts = Pasts(pasts)
        self._paces: WeakKeyDictionary[Split, Pace] = WeakKeyDictionary()
        self._loop = asyncio.get_running_loop()
        self._listing, self._in_turn = Lock(), Lock()
        self._resting: asyncio.TimerHandle | None = None
        self._decoding, self._running = Worker("decode"), Worker("cloud")

    def take(self, job: Job) -> None:
        """Begin with a frame."""
        if why := self._full(job):
            job.done(FrameError(Code.BUSY, why))
            return
        self.inside += 1
        self.held += job.size
        self._owners[job.client] += 1
        with self._listing:
            self._arrived.put(job)
        if self.inside == 1:  # nothing runs meanwhile: to wake another thread would only take time
            self._running.put(partial(self._decode, self._run))
        else:
            self._decoding.put(partial(self._decode, partial(self._running.put, self._run)))

    def forget(self, client: object) -> None:
        """Let go of what is remembered of a client that has gone."""

        def forget() -> None:
            with self._in_turn:
                self.pasts.forget(client)

        self._decoding.put(forget)

    def rest(self) -> None:
        """Give memory back if nothing comes for a while."""
        if self.inside == 0:
            if self._resting is not None:
                self._resting.cancel()
            self._resting = self._loop.call_later(_REST_SECONDS, self._rest)

    def close(self) -> None:
        """Let the threads end."""
        self._decoding.close()
        self._running.close()

    def _rest(self) -> None:
        if self.inside == 0:
            self._running.put(return_memory)

    def _full(self, job: Job) -> str | None:
        """Why there is no room for a frame, if there is none."""
        if self.inside >= self.queue:
            return f"{self.queue} frames wait already"
        if self.inside and self.held + job.size > self.budget:
            return f"{self.inside} frames of {self.held} bytes wait already"
        share = max(1, self.queue // len({*self._owners, job.client}))
        if self.inside >= self.queue // 2 and self._owners[job.client] >= share:
            return f"{share} frames of this client wait already, and many of others"
        return None

    def _end(self, job: Job, result: Inference | FrameError) -> None:
        self._loop.call_soon_threadsafe(self._ended, job, result)

    def _ended(self, job: Job, result: Inference | FrameError) -> None:
        self.inside -= 1
        self.held -= job.size
        self._owners[job.client] -= 1
        if not self._owners[job.client]:
            del self._owners[job.client]
        self.rest()
        job.done(result)

    def _decode(self, then: Callable[[], None]) -> None:
        """Decode the frame whose turn it is: there is one for each call.

        What packets build on is decoded before them: each thread takes and decodes one at a time,
        of each client in the order in which they came.
        """
        with self._in_turn:
            with self._listing:
                job = self._arrived.take()
            if job is None:
                return
            try:
                self._decode_one(job)
            except FrameError as error:
                self._end(job, error)
                return
        with self._listing:
            self._waiting.put(job)
        then()

    def _decode_one(self, job: Job) -> None:
        """Decode a frame; raises FrameError."""
        begin, choice = monotonic(), job.agreement.choice
        # A late one is decoded all the same where others may build on it, unless nobody is left.
        built_on = choice.predicts and not job.pieces
        if begin > job.expires and not (built_on and isfinite(job.expires)):
            raise FrameError(Code.LATE, "no time left to decode it")
        try:
            if job.pieces:
                job.tensors = job.agreement.assembled(job.pieces)
            else:
                decoders = self.pasts.decoders(job.client, job.agreement)
                job.tensors = decode(job.packet, decoders, choice.split.crossings)
        except UnknownBaseError as error:
            raise FrameError(Code.STALE, str(error)) from error
        except SplitwireError as error:
            raise FrameError(Code.DAMAGED, str(error)) from error
        except Exception as error:  # a fault of ours: still no other frame's
            said = f"{type(error).__name__}: {error}"[:200]
            raise FrameError(Code.DAMAGED, said) from error
        job.decode = monotonic() - begin

    def _run(self) -> None:
        """Run the next batch, unless all went with an earlier one."""
        with self._listing:
            batch = self._take(monotonic())
        if batch:
            pace = self._pace(batch[0].split)
            for job, result in zip(batch, run_batch(batch, pace), strict=True):
                self._end(job, result)

    def _take(self, now: float) -> list[Job]:
        """The next batch: the frame whose turn it is, and those of its split that leave it time."""
        for job in self._waiting.drop(lambda job: job.expires < now):
            self._end(job, FrameError(Code.LATE, "no time left to run it"))
        first = self._waiting.take()
        if first is None:
            return []

        def fits(job: Job) -> bool:
            return job.split is first.split

        same = [first, *filter(fits, self._waiting)]
        left = min(job.expires for job in same) - now
        size = self._pace(first.split).size(len(same), left)
        others = (self._waiting.take(fits) for _ in range(size - 1))
        return [first, *filter(None, others)]

    def _pace(self, split: Split) -> Pace:
        return self._paces.setdefault(split, Pace())
