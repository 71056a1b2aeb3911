"""What carries a packet, and how long that takes."""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil, inf
from pathlib import Path
from random import Random
from typing import Protocol

from splitwire.errors import DataError
from splitwire.runner import tcp


@dataclass(frozen=True)
class Delivery:
    """What came of sending a packet.

    Attributes:
        data: the packet as it arrived; None if it did not.
        seconds: from sending to the arrival of the answer, computation left out.
    """

    data: bytes | None
    seconds: float


class Link(Protocol):
    """A way from the edge to the cloud and back."""

    def send(self, packet: bytes) -> Delivery:
        """Carry a packet to the cloud; the answer is small and costs half a round trip."""


class Wire:
    """A link within one process: what is sent is there at once."""

    def send(self, packet: bytes) -> Delivery:
        """The packet itself, in no time."""
        return Delivery(packet, 0.0)


@dataclass(frozen=True)
class Trace:
    """An upload rate over time: steps that repeat from the beginning after the last.

    Attributes:
        seconds: how long each step lasts.
        rates: bytes a second in each; 0 where nothing gets through.

    Raises:
        DataError: a number that is no such thing, or no step in which anything gets through.
    """

    seconds: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(0 < n < inf for n in self.seconds) or not all(0 <= n < inf for n in self.rates):
            raise DataError("a trace's steps need seconds > 0 and rates >= 0, all of them finite")
        if not any(self.rates):
            raise DataError("a trace needs a step of a positive rate")

    @classmethod
    def constant(cls, rate: float) -> "Trace":
        """The same rate for ever."""
        return cls((1.0,), (rate,))

    @classmethod
    def read(cls, path: str | Path) -> "Trace":
        """Lines of `seconds bytes_a_second`; empty lines and those that begin with # are skipped.

        Raises:
            DataError: the file cannot be read, or a line is no step that a trace can have.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read the trace {path}: {error}") from error
        steps = []
        for number, line in enumerate(map(str.strip, lines), 1):
            if not line or line.startswith("#"):
                continue
            try:
                seconds, rate = map(float, line.split())
            except ValueError:
                raise DataError(
                    f"{path}, line {number}: 'seconds bytes_a_second' expected, not {line!r}"
                ) from None
            steps.append((seconds, rate))
        try:
            return cls(tuple(s for s, _ in steps), tuple(r for _, r in steps))
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def at_most(self, rate: float) -> "Trace":
        """The same, but never faster than a rate in bytes a second."""
        return Trace(self.seconds, tuple(min(own, rate) for own in self.rates))

    def seconds_to_send(self, size: int, start: float) -> float:
        """How long `size` bytes take if sending begins at the time `start` (s)."""
        if not size:
            return 0.0
        ends = list(accumulate(self.seconds))
        carried = sum(s * r for s, r in zip(self.seconds, self.rates, strict=True))
        rounds = ceil(size / carried) - 1  # all but the last: it may end before a step of rate 0
        left = size - rounds * carried
        passed = rounds * ends[-1]
        at = start % ends[-1]
        step = min(bisect_right(ends, at), len(ends) - 1)
        while left > 0:
            span = ends[step] - at
            if self.rates[step] * span >= left:
                return passed + left / self.rates[step]
            left -= self.rates[step] * span
            passed += span
            step = (step + 1) % len(ends)
            at = ends[step] - self.seconds[step]
        return passed


@dataclass
class SimulatedLink:
    """TCP over a link of a stated rate, round trip and loss, in computed time.

    Packets go one after another: the clock of the trace moves on by the time each one took. All of
    them arrive; what losses cost is time: see tcp.py.

    Args:
        trace: the upload rate over time; `Trace.constant(rate)` for one that stays.
        rtt: round-trip time (s).
        loss: share of segments lost, at least 0 and less than 1.
        seed: of the losses.

    Raises:
        DataError: the loss is no such share.
    """

    trace: Trace
    rtt: float = 0.0
    loss: float = 0.0
    seed: int = 0
    clock: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.loss < 1:
            raise DataError(f"a link loses a share of at least 0 and less than 1, not {self.loss}")
        self._random = Random(self.seed)
        self._slowed = self.trace.at_most(tcp.highest_rate(self.loss, self.rtt))

    def send(self, packet: bytes) -> Delivery:
        """The packet, and the time that the trace, the round trip and the losses take."""
        waiting, again = tcp.recovery(len(packet), self.loss, self.rtt, self._random)
        sending = self._slowed.seconds_to_send(len(packet) + again, self.clock)
        seconds = self.rtt + waiting + sending
        self.clock += seconds
        return Delivery(packet, seconds)
