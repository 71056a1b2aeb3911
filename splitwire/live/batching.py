"""The cloud's half at work: frames of all clients decoded, put in batches and run.

    packet ─▶ decode (a thread) ─▶ waiting, the earliest deadline first ─▶ run (a thread) ─▶ answer

No time is spent waiting for a batch to fill: what has come while the last one ran is the next. A
batch is of one split, and no larger than pays: sizes are tried, and the fastest a frame is kept.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from threading import Lock
from time import monotonic
from weakref import WeakKeyDictionary

import torch

from splitwire.errors import SplitwireError, TaskError
from splitwire.live.answers import structured
from splitwire.live.library import Agreement
from splitwire.live.protocol import Code, FrameError
from splitwire.live.worker import Worker
from splitwire.models.split import Split
from splitwire.runner.local import decode
from splitwire.tasks.base import Output, tensors

MAX_BATCH = 8
_FORGET = 0.8  # how much of what is known of a pace outlives the next measurement


@dataclass(frozen=True)
class Inference:
    """What came of a frame.

    Attributes:
        body: of the answer.
        decode: seconds of its decoding.
        cloud: seconds of the batch that it ran in.
    """

    body: bytes
    decode: float
    cloud: float


@dataclass(eq=False)
class Job:
    """A frame in hand.

    Attributes:
        agreement: what it was sent under.
        packet: from outside: anything at all.
        expires: when nobody will want the answer any more (s, of `time.monotonic`); may be set to
            minus infinity when its client has gone.
        done: called, in the loop, with what came of it; once.
    """

    agreement: Agreement
    packet: bytes
    expires: float
    done: Callable[[Inference | FrameError], None]
    tensors: list[torch.Tensor] = field(default_factory=list)
    decode: float = 0.0

    @property
    def split(self) -> Split:
        """The halves that it runs in."""
        return self.agreement.choice.split


class Engine:
    """Runs frames; one for a cloud.

    Args:
        queue: frames that it holds at once, in decoding and waiting; one more is refused.
    """

    def __init__(self, queue: int = 64) -> None:
        self.queue = queue
        self.inside = 0
        self._waiting: list[Job] = []
        self._paces: WeakKeyDictionary[Split, _Pace] = WeakKeyDictionary()
        self._loop = asyncio.get_running_loop()
        self._listing = Lock()
        self._decoding, self._running = Worker("decode"), Worker("cloud")

    def take(self, job: Job) -> None:
        """Begin with a frame."""
        if self.inside >= self.queue:
            job.done(FrameError(Code.BUSY, f"{self.queue} frames wait already"))
            return
        self.inside += 1
        if self.inside == 1:  # nothing runs meanwhile: to wake another thread would only take time
            self._running.put(partial(self._decode, job, self._run))
        else:
            self._decoding.put(partial(self._decode, job, partial(self._running.put, self._run)))

    def close(self) -> None:
        """Let the threads end."""
        self._decoding.close()
        self._running.close()

    def _end(self, job: Job, result: Inference | FrameError) -> None:
        self._loop.call_soon_threadsafe(self._ended, job, result)

    def _ended(self, job: Job, result: Inference | FrameError) -> None:
        self.inside -= 1
        job.done(result)

    def _decode(self, job: Job, then: Callable[[], None]) -> None:
        begin = monotonic()
        if begin > job.expires:
            self._end(job, FrameError(Code.LATE, "no time left to decode it"))
            return
        try:
            choice = job.agreement.choice
            job.tensors = decode(job.packet, choice.codecs, choice.split.crossings)
        except SplitwireError as error:
            self._end(job, FrameError(Code.DAMAGED, str(error)))
            return
        except Exception as error:  # a fault of ours: still no other frame's
            self._end(job, FrameError(Code.DAMAGED, f"{type(error).__name__}: {error}"[:200]))
            return
        job.decode = monotonic() - begin
        with self._listing:
            self._waiting.append(job)
        then()

    def _run(self) -> None:
        """Run the next batch, unless all went with an earlier one."""
        with self._listing:
            batch = self._take(monotonic())
        if batch:
            pace = self._pace(batch[0].split)
            for job, result in zip(batch, run_batch(batch, pace), strict=True):
                self._end(job, result)

    def _take(self, now: float) -> list[Job]:
        """The next batch: the most urgent frame, and those of its split that leave it in time."""
        late = [job for job in self._waiting if job.expires < now]
        for job in late:
            self._end(job, FrameError(Code.LATE, "no time left to run it"))
        alive = [job for job in self._waiting if job not in late]
        alive.sort(key=lambda job: job.expires)  # stable: of equals, the first to come
        same = [job for job in alive if job.split is alive[0].split]
        left = same[0].expires - now if same else 0.0
        size = self._pace(same[0].split).size(len(same), left) if same else 0
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


def run_batch(batch: Sequence[Job], pace: _Pace) -> list[Inference | FrameError]:
    """What comes of each of the decoded frames of one split."""
    begin = monotonic()
    try:
        with torch.inference_mode():
            outputs = _forward(batch)
            found = [_answer(job, output) for job, output in zip(batch, outputs, strict=True)]
    except Exception as error:  # of any kind: whichever frame it was, the others go on
        if len(batch) > 1:
            pace.seconds[len(batch)] = inf  # nor can this network be run in batches
            return [result for job in batch for result in run_batch([job], pace)]
        return [FrameError(Code.NO_PREDICTION, f"{type(error).__name__}: {error}"[:200])]
    seconds = monotonic() - begin
    pace.learn(len(batch), seconds)
    return [
        body if isinstance(body, FrameError) else Inference(body, job.decode, seconds)
        for body, job in zip(found, batch, strict=True)
    ]


def _answer(job: Job, output: Output) -> bytes | FrameError:
    try:
        return job.agreement.answer(output)
    except TaskError as error:
        return FrameError(Code.NO_PREDICTION, str(error))


def _forward(batch: Sequence[Job]) -> list[Output]:
    """The output of each frame, its batch dimension of 1 included."""
    cloud = batch[0].split.cloud
    if len(batch) == 1:
        return [cloud(*batch[0].tensors)]

    def flat(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(tensors(cloud(*inputs)))

    columns = [torch.stack(column) for column in zip(*(j.tensors for j in batch), strict=True)]
    # The graph was made for a batch of one; vmap knows what its operations do to several.
    rows = zip(*torch.vmap(flat)(*columns), strict=True)
    return [structured(batch[0].split.model, row) for row in rows]
