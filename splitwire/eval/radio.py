"""The energy that an edge's radio takes for a frame: getting ready, sending, waiting, and the tail.

    promotion ─▶ sending ─▶ waiting for the answer ─▶ answer ─▶ tail ─▶ sleep, or the next frame

A radio stays ready for a while after the last byte, in case another comes: on LTE for 11.6 s, which
takes a hundred times what sending a feature tensor does. So what a frame takes depends on when the
next one comes. radios.toml has the figures and their source.
"""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from splitwire.errors import ExperimentError

ANSWER = 250
"""Bytes of an answer: five named classes (162, measured), and heads of message, frame and TCP."""


@dataclass(frozen=True)
class Joules:
    """What the radio takes for a frame, by what it does."""

    promotion: float = 0.0
    sending: float = 0.0
    waiting: float = 0.0
    answer: float = 0.0
    tail: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.promotion + self.sending + self.waiting + self.answer + self.tail


@dataclass(frozen=True)
class Radio:
    """A radio, by its powers (W) and times (s); `up` and `down` are W for each Mbit/s."""

    up: float
    down: float
    base: float
    promotion_watts: float
    promotion_seconds: float
    tail_watts: float
    tail_seconds: float

    @classmethod
    def load(cls, name: str) -> "Radio":
        """That of a name: "3g", "lte" or "wifi".

        Raises:
            ExperimentError: there is none of that name.
        """
        text = (files("splitwire.eval") / "radios.toml").read_text(encoding="utf-8")
        known = tomllib.loads(text)
        if name not in known:
            raise ExperimentError(f"unknown radio {name!r}; there are: {', '.join(sorted(known))}")
        return cls(**known[name])

    def joules(self, size: float, rate: float, wait: float, every: float) -> Joules:
        """What a frame takes that sends so many bytes; nothing where it sends none.

        Args:
            size: bytes to send.
            rate: bytes a second, of sending and, as nobody measured it, of the answer.
            wait: seconds from the last byte sent to the answer.
            every: seconds from one frame to the next.
        """
        if not size:
            return Joules()
        megabits = 8e-6 * rate
        idle = max(0.0, every - (size + ANSWER) / rate - wait)
        asleep = idle > self.tail_seconds
        return Joules(
            promotion=self.promotion_watts * self.promotion_seconds if asleep else 0.0,
            sending=(self.up * megabits + self.base) * size / rate,
            waiting=self.tail_watts * wait,
            answer=(self.down * megabits + self.base) * ANSWER / rate,
            tail=self.tail_watts * min(idle, self.tail_seconds),
        )
