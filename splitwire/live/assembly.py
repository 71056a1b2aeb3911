"""Frames put together of datagrams, as far as these arrive in time.

A frame is closed, and run with what has arrived, at the first of:

    all    its last packet is here
    quiet  nothing more of it came for as long as packets of a frame usually are apart
    late   its patience, less what answers usually take from here on, has passed since its first

Packets are sent in one go, so that silence means loss: to wait for the deadline would make
each frame with a loss as late as that. What is usual is the mean and four mean deviations, as TCP
has it of round trips (RFC 6298); the five milliseconds beside it are for packets that overtake
each other. A packet that comes after its frame was closed is dropped and counted, and tells
how far apart packets may be.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from splitwire.codecs.packets.framing import place_of
from splitwire.live.limits import IN_FLIGHT
from splitwire.live.protocol import Frame, Piece

_QUIET = 0.004  # seconds, beside the usual
_READ = 0.001  # seconds in which this loop reads what came while something else held it up
_REMEMBERED = 256  # frames that were closed


@dataclass(frozen=True)
class Assembled(Frame):
    """A frame of which so many packets arrived.

    Attributes:
        packets: those, of one frame unless its client lies.
        of: how many it was sent in.
        arrived: when the first came (s, of `time.monotonic`).
    """

    packets: tuple[bytes, ...]
    of: int
    arrived: float


@dataclass
class Usual:
    """How long something usually takes, at most; seconds."""

    mean: float | None = None
    deviation: float = 0.0

    @property
    def most(self) -> float:
        """The mean and four deviations; nothing before the first measurement."""
        return (self.mean or 0.0) + 4 * self.deviation

    def saw(self, seconds: float) -> None:
        """It took so long."""
        if self.mean is None:
            self.mean, self.deviation = seconds, seconds / 2
            return
        self.deviation += (abs(seconds - self.mean) - self.deviation) / 4
        self.mean += (seconds - self.mean) / 8


@dataclass(eq=False)
class _UnderWay:
    first: Piece
    of: int
    begun: float
    last: float
    packets: dict[int, bytes] = field(default_factory=dict)
    closing: asyncio.TimerHandle | None = None


class Assembly:
    """The frames of one client that are under way.

    Args:
        done: called with each frame that is closed.
        late: called at each packet that comes after its frame was closed.
    """

    def __init__(self, done: Callable[[Assembled], None], late: Callable[[], None]) -> None:
        self._done, self._late = done, late
        self._loop = asyncio.get_running_loop()
        self._frames: OrderedDict[int, _UnderWay] = OrderedDict()
        self._closed: OrderedDict[int, float] = OrderedDict()  # and what last came of each
        self._run: dict[int, float] = {}  # when a frame that is not answered yet was closed
        self._apart, self._takes = Usual(), Usual()

    def take(self, datagram: bytes) -> None:
        """One packet of a frame, the first or another.

        Raises:
            RemoteError, BitstreamError: it is none.
        """
        now, piece = monotonic(), Piece.read(datagram)
        place, of = place_of(piece.packet)
        if piece.id in self._closed:
            self._late()
            self._apart.saw(now - self._closed[piece.id])
            self._closed[piece.id] = now
            return
        frame = self._frames.get(piece.id)
        if frame is None:
            if len(self._frames) >= IN_FLIGHT:
                self._close(next(iter(self._frames)))
            frame = self._frames[piece.id] = _UnderWay(piece, of, now, now)
        else:
            self._apart.saw(now - frame.last)
        frame.last = now
        frame.packets[place] = piece.packet
        if len(frame.packets) >= frame.of:
            self._close(piece.id)
        else:
            self._wait(piece.id, frame)

    def answered(self, number: int) -> None:
        """The answer to a frame is on its way."""
        if (closed := self._run.pop(number, None)) is not None:
            self._takes.saw(monotonic() - closed)

    def stop(self) -> None:
        """Forget all of them: the client has gone."""
        for frame in self._frames.values():
            if frame.closing is not None:
                frame.closing.cancel()
        self._frames.clear()

    def _wait(self, number: int, frame: _UnderWay) -> None:
        if frame.closing is not None:
            frame.closing.cancel()
        quiet = frame.last + self._apart.most + _QUIET
        late = frame.begun + frame.first.patience - self._takes.most
        wait = max(0.0, min(quiet, late) - monotonic())
        frame.closing = self._loop.call_later(wait, self._expire, number, frame)

    def _expire(self, number: int, frame: _UnderWay) -> None:
        """The time is over: what has come by now and was not read yet still counts."""
        frame.closing = self._loop.call_later(_READ, self._close, number)

    def _close(self, number: int) -> None:
        frame = self._frames.pop(number)
        if frame.closing is not None:
            frame.closing.cancel()
        self._remember(self._closed, number, frame.last)
        self._remember(self._run, number, monotonic())
        head = frame.first
        packets = tuple(packet for _, packet in sorted(frame.packets.items()))
        about = (head.agreement, number, head.patience, b"")
        self._done(Assembled(*about, packets, frame.of, frame.begun))

    def _remember(self, where: dict[int, float], number: int, when: float) -> None:
        where[number] = when
        if len(where) > _REMEMBERED:
            del where[next(iter(where))]
