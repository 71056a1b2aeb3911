"""The edge: runs the first half of the network, sends what it coded, and waits for the prediction.

    picture ─▶ edge half ─▶ encode ─▶ (link, cloud) ─▶ prediction
              (a thread)   (a thread)      └ down, silent or late: the second half runs here

Several frames are under way at once, each in another stage; how many is bounded. Every frame ends
in one record: answered, run here by choice, fallen back, or refused with a reason.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic, perf_counter, sleep
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.codecs.base import Codec, Tensor
from splitwire.errors import RemoteError, SplitwireError
from splitwire.live.connection import Uplink
from splitwire.live.protocol import Answer, Code, Hello, Refusal
from splitwire.live.worker import Worker
from splitwire.models.split import Split
from splitwire.runner.local import encode

Outcome = Literal["answered", "local", "fell back", "refused"]

T = TypeVar("T")

_Coded = tuple[Sequence[torch.Tensor], bytes | None]


@dataclass(frozen=True, eq=False)
class Setting:
    """One way to run frames: where to cut, and with what to code.

    Attributes:
        split: the network in its halves.
        codec: what records call the codec; "none" where all runs on the edge.
        codecs: one a crossing tensor; none where nothing is sent.
        top: classes asked for.
    """

    split: Split
    codec: str
    codecs: Sequence[Codec] = ()
    top: int = 5

    @cached_property
    def hello(self) -> Hello | None:
        """What to agree on with the cloud; None where it is not needed."""
        if not self.codecs:
            return None
        profiles = tuple(codec.profile.digest for codec in self.codecs if codec.profile)
        spec = replace(self.codecs[0], profile=None).spec  # the profile's path is of this machine
        model = self.split.model
        return Hello(model.name, self.split.at, spec, model.digest, profiles, self.top)


@dataclass(frozen=True, eq=False)
class Record:
    """What became of one frame; times in seconds.

    Attributes:
        name: of the picture.
        setting: what it was to run with.
        outcome: how it ended.
        reason: why it fell back or was refused.
        packet: what was sent, or would have been; empty where none was made.
        seconds: by stage, those reached: edge, encode, link, decode, cloud. What ran here after a
            fallback counts as edge; link is what the round trip took beyond the cloud's share.
        total: from the beginning of the edge half to the prediction.
        classes: indexes, best first; none where there is no prediction.
        logits: one a class.
    """

    name: str
    setting: Setting
    outcome: Outcome
    reason: str | None
    packet: bytes
    seconds: dict[str, float]
    total: float
    classes: NDArray[np.uint32]
    logits: Tensor

    @property
    def bytes(self) -> int:
        """Length of its packet."""
        return len(self.packet)


@dataclass(eq=False)
class Edge:
    """The programme of an edge device.

    Args:
        uplink: the way to the cloud, opened.
        choose: the setting for the next frame.
        deadline: seconds after which a prediction is of no use: a frame whose answer cannot be here
            by then falls back.
        in_flight: frames under way at once.
        slowness: how many times slower than this machine to be, to stand for a weaker device.
    """

    uplink: Uplink
    choose: Callable[[], Setting]
    deadline: float = 2.0
    in_flight: int = 4
    slowness: float = 1.0
    _local: float = field(default=0.0, init=False)  # seconds that the second half took here

    def __post_init__(self) -> None:
        self._computing, self._coding = Worker("edge"), Worker("encode")
        self._loop = asyncio.get_running_loop()

    async def run(self, pictures: Iterable[tuple[str, Tensor]]) -> AsyncIterator[Record]:
        """The record of every picture, as each is done.

        Args:
            pictures: name and pixels float32 (3, H, W); taken from in a thread, one when a frame
                may start, so that a live source is never behind.
        """
        source = iter(pictures)
        tasks: set[asyncio.Task[Record]] = set()
        more = True
        while more or tasks:
            while more and len(tasks) < self.in_flight:
                taken = await self._loop.run_in_executor(None, next, source, None)
                more = taken is not None
                if taken is not None:
                    tasks.add(asyncio.create_task(self.frame(*taken)))
            if tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()

    async def frame(self, name: str, picture: Tensor) -> Record:
        """Run one frame to its end."""
        setting = self.choose()
        frame = _Frame(name, setting)
        try:
            features, packet = await self._coded(frame, picture)
        except SplitwireError as error:
            return frame.record("refused", str(error))
        if packet is None:
            return await self._finish_here(frame, features, "local", None)
        frame.packet = packet
        left = self.deadline - self._local - (perf_counter() - frame.begin)
        try:
            return await self._send(frame, packet, left)
        except (RemoteError, TimeoutError) as error:
            reason = str(error) or "no answer before the deadline"
        return await self._finish_here(frame, features, "fell back", reason)

    async def _send(self, frame: "_Frame", packet: bytes, patience: float) -> Record:
        """Ask the cloud; raises RemoteError or TimeoutError where the frame has to end here."""
        hello = frame.setting.hello
        assert hello is not None
        if patience <= 0:
            raise TimeoutError
        sent = monotonic()
        try:
            reply = await self.uplink.ask(hello, packet, patience)
        except TimeoutError:
            if self.uplink.heard < sent:  # not one late frame: the link is silent
                self.uplink.drop()
            raise
        away = self.uplink.heard - sent
        if isinstance(reply, Refusal):
            if reply.code in (Code.DAMAGED, Code.NO_PREDICTION):
                return frame.record("refused", reply.reason)
            raise RemoteError(f"the cloud is {reply.code.name.lower()}: {reply.reason}")
        return frame.answered(reply, away)

    async def _finish_here(
        self, frame: "_Frame", features: Sequence[torch.Tensor], how: Outcome, reason: str | None
    ) -> Record:
        begin = perf_counter()
        logits = await self._finished(frame, features)
        if how == "fell back":
            self._local = perf_counter() - begin
        if logits is None:
            return frame.record("refused", "the network's output holds NaN")
        best = np.argsort(-logits, kind="stable")[: frame.setting.top].astype(np.uint32)
        return frame.record(how, reason, best, logits[best])

    def _coded(self, frame: "_Frame", picture: Tensor) -> asyncio.Future[_Coded]:
        """The features and their packet; no packet where nothing is to be sent."""
        done: asyncio.Future[_Coded] = self._loop.create_future()
        codecs = frame.setting.codecs

        def compute() -> None:
            features = self._timed(frame, "edge", lambda: frame.start(picture))
            if not codecs:
                self._end(done, (features, None))
            elif self._computing.load > 1 or self._coding.load:
                self._coding.put(self._guarded(done, lambda: code(features)))
            else:  # nothing to compute meanwhile: to wake the other thread would only take time
                code(features)

        def code(features: Sequence[torch.Tensor]) -> None:
            packet = self._timed(frame, "encode", lambda: encode(features, codecs))
            self._end(done, (features, packet))

        self._computing.put(self._guarded(done, compute))
        return done

    def _finished(
        self, frame: "_Frame", features: Sequence[torch.Tensor]
    ) -> asyncio.Future[Tensor | None]:
        """The logits of the second half."""
        done: asyncio.Future[Tensor | None] = self._loop.create_future()

        def compute() -> None:
            self._end(done, self._timed(frame, "edge", lambda: frame.finish(features)))

        self._computing.put(self._guarded(done, compute))
        return done

    def _guarded(self, done: asyncio.Future[Any], work: Callable[[], None]) -> Callable[[], None]:
        """The work; what it raises is for whoever waits."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                self._end(done, error)

        return guarded

    def _end(self, done: asyncio.Future[T], result: T | Exception) -> None:
        """Hand a result to the loop, from another thread."""
        self._loop.call_soon_threadsafe(_settle, done, result)

    def _timed(self, frame: "_Frame", stage: str, work: Callable[[], T]) -> T:
        """Do the work, as slowly as the device is to be, and put its time down."""
        begin = perf_counter()
        result = work()
        if self.slowness > 1:
            sleep((self.slowness - 1) * (perf_counter() - begin))
        frame.seconds[stage] = frame.seconds.get(stage, 0.0) + perf_counter() - begin
        return result

    def close(self) -> None:
        """Let the threads end."""
        self._computing.close()
        self._coding.close()


def _settle(done: asyncio.Future[T], result: T | Exception) -> None:
    if done.done():  # nobody waits any more
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)


@dataclass(eq=False)
class _Frame:
    """A frame under way."""

    name: str
    setting: Setting
    begin: float = 0.0
    packet: bytes = b""
    seconds: dict[str, float] = field(default_factory=dict)

    def start(self, picture: Tensor) -> tuple[torch.Tensor, ...]:
        """The features; the frame's time begins when its turn on the processor comes."""
        self.begin = perf_counter()
        with torch.inference_mode():
            features: tuple[torch.Tensor, ...] = self.setting.split.edge(
                torch.from_numpy(picture)[None]
            )
        return features

    def finish(self, features: Sequence[torch.Tensor]) -> Tensor | None:
        """The logits of the second half, or None where they hold NaN."""
        with torch.inference_mode():
            output: Any = self.setting.split.cloud(*features)
        return None if output.isnan().any() else output[0].float().numpy()

    def answered(self, answer: Answer, away: float) -> Record:
        """The record of a frame that the cloud answered after so many seconds."""
        self.seconds |= {
            "link": max(0.0, away - answer.held),
            "decode": answer.decode,
            "cloud": answer.cloud,
        }
        return self.record("answered", None, answer.classes, answer.logits)

    def record(
        self,
        outcome: Outcome,
        reason: str | None,
        classes: NDArray[np.uint32] | None = None,
        logits: Tensor | None = None,
    ) -> Record:
        """How it ended."""
        return Record(
            self.name,
            self.setting,
            outcome,
            reason,
            self.packet,
            self.seconds,
            perf_counter() - self.begin,
            np.empty(0, np.uint32) if classes is None else classes,
            np.empty(0, np.float32) if logits is None else logits,
        )
