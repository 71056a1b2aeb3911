"""The edge: runs the first half of the network, sends what it coded, and waits for the prediction.

    picture ─▶ edge half ─▶ encode ─▶ (link, cloud) ─▶ prediction
              (a thread)   (a thread)      └ down, silent or late: the second half runs here

Several frames are under way at once, each in another stage; how many is bounded. Every frame ends
in one record: answered, run here by choice, fallen back, or refused with a reason.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from splitwire.codecs.base import Tensor
from splitwire.errors import DataError, RemoteError, SplitwireError, TaskError
from splitwire.live.answers import read_output, read_prediction, write_prediction
from splitwire.live.connection import Uplink
from splitwire.live.handshake import Hello
from splitwire.live.packing import packing
from splitwire.live.protocol import Answer, Code, Refusal
from splitwire.live.record import Frame, Record
from splitwire.live.sequence import KEYFRAMES, PacketSequence
from splitwire.live.shown import shown
from splitwire.live.supply import Taken
from splitwire.live.worker import Worker
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import as_array, encode
from splitwire.tasks.base import Output, Prediction, Task

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.samples import Outcome

T = TypeVar("T")

_Features = Sequence[Any]

_CLOCKS = 1e-3  # seconds that two machines' clocks may differ by over a frame


def hello(choice: AnyChoice, task: Task, whole: bool) -> Hello:
    """What to agree on with the cloud for frames that are sent."""
    split, codecs = choice.split, choice.codecs
    profiles = tuple(codec.profile.digest for codec in codecs if codec.profile)
    spec = replace(codecs[0], profile=None).spec  # the profile's path is of this machine
    model = split.model
    return Hello(model.name, split.at, spec, task.name, model.digest, profiles, whole)


@dataclass(eq=False)
class Edge:
    """The programme of an edge device.

    Args:
        uplink: the way to the cloud, opened.
        task: what makes a prediction of an output.
        choose: the choice for the next frame.
        deadline: seconds after which a prediction is of no use: a frame whose answer cannot be here
            by then falls back.
        in_flight: frames under way at once.
        slowness: how many times slower than this machine to be, to stand for a weaker device.
        whole: whether the cloud is to answer with its whole output.
        keyframes: of frames that build on those before, at least every so many stand alone.
    """

    uplink: Uplink
    task: Task
    choose: Callable[[], AnyChoice]
    deadline: float = 2.0
    in_flight: int = 4
    slowness: float = 1.0
    whole: bool = False
    keyframes: int = KEYFRAMES
    _sequence: PacketSequence | None = field(default=None, init=False)
    _local: float = field(default=0.0, init=False)  # seconds that the second half took here
    _hellos: dict[AnyChoice, Hello] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._computing, self._coding = Worker("edge"), Worker("encode")
        self._loop = asyncio.get_running_loop()

    async def run(self, pictures: Iterable[Taken]) -> AsyncIterator[Record]:
        """The record of every picture, as each is done.

        Args:
            pictures: taken from in a thread, one when a frame may start, so that a live source is
                never behind.
        """
        source = enumerate(pictures, 1)
        tasks: set[asyncio.Task[Record]] = set()
        more = True
        while more or tasks:
            while more and len(tasks) < self.in_flight:
                taken = await self._loop.run_in_executor(None, next, source, None)
                more = taken is not None
                if taken is not None:
                    number, (name, picture) = taken
                    tasks.add(asyncio.create_task(self.frame(name, picture, number=number)))
            if tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()

    async def frame(
        self,
        name: str,
        picture: Tensor | DataError,
        choice: AnyChoice | None = None,
        number: int = 1,
    ) -> Record:
        """Run one frame to its end, as is chosen, or as `choose` says.

        Args:
            name: of the picture.
            picture: pixels float32 (3, H, W), or why there are none.
            choice: what to run with.
            number: of the frame.
        """
        frame = Frame(number, name, choice or self.choose())
        if isinstance(picture, DataError):
            return frame.record("refused", str(picture))
        try:
            features = await self._coded(frame, picture)
        except SplitwireError as error:
            return frame.record("refused", str(error))
        if not frame.choice.codecs:
            return await self._finish_here(frame, features, "local", None)
        left = self.deadline - self._local - (perf_counter() - frame.begin)
        try:
            return await self._send(frame, left)
        except (RemoteError, TimeoutError) as error:
            reason = str(error) or "no answer before the deadline"
        return await self._finish_here(frame, features, "fell back", reason)

    def refresh(self) -> None:
        """Have the next frame build on none before it; while none is being coded."""
        self._sequence = None

    async def _send(self, frame: Frame, patience: float) -> Record:
        """Ask the cloud; raises RemoteError or TimeoutError where the frame has to end here."""
        if patience <= 0:
            frame.tell(None)
            raise TimeoutError
        if frame.sequence and frame.sequence.connection != self.uplink.reconnects:
            raise RemoteError("the link went down after the frame was coded")
        if frame.choice not in self._hellos:
            self._hellos[frame.choice] = hello(frame.choice, self.task, self.whole)
        asked = self._hellos[frame.choice]
        sent = monotonic()
        try:
            packet = frame.packets or frame.packet
            reply = await self.uplink.ask(asked, packet, patience, frame.tell)
        except TimeoutError:
            if self.uplink.silent(sent):  # not one late frame
                self.uplink.drop()
            elif frame.packets:
                self.uplink.losses.saw(len(frame.packets), 0)
            raise
        frame.id, away = reply.id, self.uplink.heard - sent
        if isinstance(reply, Refusal):
            if reply.code in (Code.DAMAGED, Code.NO_PREDICTION):
                return frame.record("refused", reply.reason)
            if reply.code is Code.STALE:  # in words that are the same each time
                raise RemoteError("the cloud has not got what the frame builds on")
            raise RemoteError(f"the cloud is {reply.code.name.lower()}: {reply.reason}")
        _check_times(reply, away)
        if reply.packets and frame.packets:
            frame.arrived = min(reply.packets[0], len(frame.packets))
            self.uplink.losses.saw(len(frame.packets), frame.arrived)
        frame.seconds |= {
            "link": max(0.0, away - reply.held),
            "decode": reply.decode,
            "cloud": reply.cloud,
        }
        return self._answered(frame, reply.body)

    def _answered(self, frame: Frame, body: bytes) -> Record:
        """The record of a frame that the cloud answered; RemoteError where that was no answer."""
        if not self.whole:
            return frame.record("answered", prediction=self._told(body))
        output = read_output(body, frame.choice.split.model)
        try:
            return frame.record("answered", output=output, prediction=self._predicted(output))
        except TaskError as error:
            raise RemoteError(f"the cloud sent no output of the task: {error}") from error

    def _told(self, body: bytes) -> Prediction:
        prediction = read_prediction(body)
        try:
            self.task.check_prediction(prediction)
        except Exception as error:  # of any kind: the task may be a user's own, the words a liar's
            raise RemoteError(f"the cloud sent no prediction: {shown(error)}") from error
        return prediction

    async def _finish_here(
        self, frame: Frame, features: _Features, how: "Outcome", reason: str | None
    ) -> Record:
        begin = perf_counter()
        try:
            output = await self._finished(frame, features)
            prediction = self._predicted(output)
        except TaskError as error:
            return frame.record("refused", str(error))
        if how == "fell back":
            self._local = perf_counter() - begin
        return frame.record(how, reason, prediction, output)

    def _predicted(self, output: Output) -> Prediction:
        return read_prediction(write_prediction(self.task, output))

    def _coded(self, frame: Frame, picture: Tensor) -> asyncio.Future[_Features]:
        """The features of a frame, once it has its packet; none where nothing is to be sent."""
        done: asyncio.Future[_Features] = self._loop.create_future()

        def compute() -> None:
            features = self._timed(frame, "edge", lambda: frame.start(picture))
            if not frame.choice.codecs:
                self._end(done, features)
            elif self._computing.load > 1 or self._coding.load:
                self._coding.put(self._guarded(done, lambda: code(features)))
            else:  # nothing to compute meanwhile: to wake the other thread would only take time
                code(features)

        def code(features: _Features) -> None:
            self._timed(frame, "encode", lambda: self._encode(frame, features))
            self._end(done, features)

        self._computing.put(self._guarded(done, compute))
        return done

    def _encode(self, frame: Frame, features: _Features) -> None:
        """Give a frame its packet: frames are coded in their order, no two at once."""
        choice, connection = frame.choice, self.uplink.reconnects
        if self.uplink.address.datagrams:
            codec = packing(choice, self.uplink.losses.share)
            frame.packets = codec.packets(as_array(features[0]), frame.number)
            return
        if not choice.predicts:
            frame.packet = encode(features, choice.codecs)
            return
        if self._sequence is None or not self._sequence.fits(choice, connection):
            self._sequence = PacketSequence(choice, connection, self.keyframes)
        frame.packet, frame.sequence = self._sequence.encode(features), self._sequence

    def _finished(self, frame: Frame, features: _Features) -> asyncio.Future[Output]:
        """The output of the second half."""
        done: asyncio.Future[Output] = self._loop.create_future()

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

    def _timed(self, frame: Frame, stage: str, work: Callable[[], T]) -> T:
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


def _check_times(answer: Answer, away: float) -> None:
    """Refuse parts that are longer than their whole, of a frame that was away for so long (s)."""
    stages = answer.decode + answer.cloud
    if stages > answer.held + _CLOCKS or answer.held > away + _CLOCKS:
        raise RemoteError(
            f"the cloud sent times that cannot be: {stages:.6f} s of stages in {answer.held:.6f} s "
            f"there, in a round trip of {away:.6f} s"
        )


def _settle(done: asyncio.Future[T], result: T | Exception) -> None:
    if done.done():  # nobody waits any more
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
