"""Frames in hand, and a batch of them run through the network's second half."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from math import inf
from time import monotonic

import torch

from splitwire.errors import TaskError
from splitwire.live.library import Agreement
from splitwire.live.protocol import Code, FrameError
from splitwire.models.batch import Batched, Frame
from splitwire.models.split import Split
from splitwire.tasks.base import Output

MAX_BATCH = 8
_FORGET = 0.8  # how much of what is known of a pace outlives the next measurement
_HOPE = 0.99  # by which what is not run seems faster: one slow moment does not decide for ever


@dataclass(frozen=True)
class Inference:
    """What came of a frame.

    Attributes:
        body: of the answer.
        decode: seconds of its decoding.
        cloud: seconds of the batch that it ran in.
        queue: seconds that it waited, for its decoding and for that batch.
        batch: frames in that batch.
    """

    body: bytes
    decode: float
    cloud: float
    queue: float = 0.0
    batch: int = 1


@dataclass(eq=False)
class Job:
    """A frame in hand.

    Attributes:
        agreement: what it was sent under.
        packet: from outside: anything at all.
        expires: when nobody will want the answer any more (s, of `time.monotonic`); may be set to
            minus infinity when its client has gone.
        done: called, in the loop, with what came of it; once.
        client: whose it is.
        pieces: what arrived of it in several packets, instead of the one.
        tensors: what was decoded.
        decode: seconds that this took.
        taken: when it was taken in hand (s, of `time.monotonic`).
    """

    agreement: Agreement
    packet: bytes
    expires: float
    done: Callable[[Inference | FrameError], None]
    client: object = None
    pieces: Sequence[bytes] = ()
    tensors: list[torch.Tensor] = field(default_factory=list)
    decode: float = 0.0
    taken: float = field(default_factory=monotonic)

    @property
    def size(self) -> int:
        """Bytes that it holds: its packet, and what is decoded of it."""
        return len(self.packet) + sum(map(len, self.pieces)) + self.agreement.decoded

    @property
    def split(self) -> Split:
        """The halves that it runs in."""
        return self.agreement.choice.split

    def ended(self, body: bytes, begin: float, seconds: float, batch: int) -> Inference:
        """What came of it, of a batch of so many that began then and took so long."""
        queue = max(0.0, begin - self.taken - self.decode)
        return Inference(body, self.decode, seconds, queue, batch)


@dataclass
class Pace:
    """Seconds a frame in batches of 1, 2, 4, 8: which size pays for one split on this machine."""

    seconds: dict[int, float] = field(default_factory=dict)
    half: Batched | None = None

    def size(self, waiting: int, left: float) -> int:
        """The batch to run of so many frames, the first of which has so many seconds left."""
        sizes = [n for n in (1, 2, 4, MAX_BATCH) if n <= waiting]
        # Twice as many take at most twice as long; if those come too late, so do more.
        in_time = takewhile(lambda n: n == 1 or n * self.seconds.get(n // 2, 0.0) <= left, sizes)
        return min(in_time, key=lambda n: self.seconds.get(n, 0.0))

    def learn(self, size: int, seconds: float) -> None:
        """A batch of that size took so long (s)."""
        each = seconds / size
        known = self.seconds.get(size, each)
        for other in self.seconds:
            self.seconds[other] *= _HOPE
        self.seconds[size] = _FORGET * known + (1 - _FORGET) * each


def run_batch(batch: Sequence[Job], pace: Pace) -> list[Inference | FrameError]:
    """What comes of each of the decoded frames of one split."""
    try:
        with torch.inference_mode():
            run = _runner(batch, pace)
            begin = monotonic()
            outputs = run([job.tensors for job in batch])
            found = [_answer(job, output) for job, output in zip(batch, outputs, strict=True)]
    except Exception as error:  # of any kind: whichever frame it was, the others go on
        if len(batch) > 1:
            pace.seconds[len(batch)] = inf  # nor can this network be run in batches
            return [result for job in batch for result in run_batch([job], pace)]
        return [FrameError(Code.NO_PREDICTION, f"{type(error).__name__}: {error}"[:200])]
    seconds = monotonic() - begin
    pace.learn(len(batch), seconds)
    return [
        body if isinstance(body, FrameError) else job.ended(body, begin, seconds, len(batch))
        for body, job in zip(found, batch, strict=True)
    ]


def _answer(job: Job, output: Output) -> bytes | FrameError:
    try:
        return job.agreement.answer(output)
    except TaskError as error:
        return FrameError(Code.NO_PREDICTION, str(error))


def _runner(batch: Sequence[Job], pace: Pace) -> Callable[[Sequence[Frame]], list[Output]]:
    """What gives the output of each frame, its batch dimension of 1 included."""
    split = batch[0].split
    if len(batch) == 1:
        return lambda frames: [split.finish(frames[0])]
    if pace.half is None:
        pace.half = Batched(split.edge, split.cloud, split.model.input_shape, split.model.device)
    return pace.half
