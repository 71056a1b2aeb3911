"""Adapting to the link: which setting to use now, given the rate that was measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from splitwire.eval.totals import Total
from splitwire.live.bandwidth import Bandwidth
from splitwire.live.edge import Setting

HYSTERESIS = 0.05
"""The share of the total time that a change must win: less is the noise of measuring."""


@dataclass(eq=False)
class Adaptive:
    """Chooses the setting with the least expected total time, frame by frame.

    Args:
        choices: settings and their total times with a round trip of nought, all of the fidelity
            that is wanted.
        bandwidth: what is measured.
    """

    choices: Sequence[tuple[Setting, Total]]
    bandwidth: Bandwidth
    _now: tuple[Setting, Total] | None = field(default=None, init=False)

    def __call__(self) -> Setting:
        """The setting for the next frame."""
        fastest = min(self.choices, key=lambda choice: self.seconds(choice[1]))
        if self._now is None or self.seconds(fastest[1]) < (1 - HYSTERESIS) * self.seconds(
            self._now[1]
        ):
            self._now = fastest
        return self._now[0]

    def seconds(self, total: Total) -> float:
        """The total time that is to be expected now; what is not sent needs no link."""
        if not total.bytes:
            return total.fixed
        rate = self.bandwidth.rate
        return total.seconds(rate) + self.bandwidth.rtt if rate else inf
