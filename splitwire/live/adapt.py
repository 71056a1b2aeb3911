"""Adapting to the link: which choice to use now, given the rate that was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from splitwire.live.bandwidth import Bandwidth
from splitwire.runner.choice import AnyChoice

HYSTERESIS = 0.05
"""The share of the total time that a change must win: less is the noise of measuring."""


class Expected(Protocol):
    """The time that a choice takes: `eval`'s `Total`, or what an edge measures itself."""

    @property
    def bytes(self) -> float:
        """That are sent for a frame."""

    @property
    def fixed(self) -> float:
        """Seconds for all else, at a round trip of nought."""

    def seconds(self, rate: float) -> float:
        """The total at an upload rate in bytes a second."""


@dataclass(eq=False)
class Adaptive:
    """Chooses what has the least expected total time, frame by frame.

    Args:
        totals: choices with their total times at a round trip of nought, all of the fidelity that
            is wanted.
        bandwidth: what is measured.
    """

    totals: Mapping[AnyChoice, Expected]
    bandwidth: Bandwidth
    _now: AnyChoice | None = field(default=None, init=False)

    def __call__(self) -> AnyChoice:
        """The choice for the next frame."""
        fastest = min(self.totals, key=self.seconds)
        now = self._now
        if now is None or self.seconds(fastest) < (1 - HYSTERESIS) * self.seconds(now):
            self._now = now = fastest
        return now

    def seconds(self, choice: AnyChoice) -> float:
        """The total time that is to be expected now; what is not sent needs no link."""
        total, rate = self.totals[choice], self.bandwidth.rate
        if not total.bytes:
            return total.fixed
        return total.seconds(rate) + self.bandwidth.rtt if rate else inf
