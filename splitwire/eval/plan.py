"""What to deploy: the fastest choice that keeps the fidelity, at every upload rate; its energy."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from splitwire.errors import ExperimentError
from splitwire.eval.radio import Joules, Radio
from splitwire.eval.totals import FASTEST, SLOWEST, Stretch, Total, best, envelope

RATES = (50e3, 100e3, 200e3, 450e3, 1e6, 2e6, 3e6, 6e6, 12e6)
"""Upload rates that are tabled unless told otherwise, in bytes a second."""


@dataclass(frozen=True)
class Row:
    """The choice at one upload rate.

    Attributes:
        rate: bytes a second.
        total: the choice.
        seconds: from picture to prediction.
        radio: what the radio takes a picture.
        compute: joules a picture that the edge's processor takes; None where its power is unknown.
    """

    rate: float
    total: Total
    seconds: float
    radio: Joules
    compute: float | None


@dataclass(frozen=True)
class Energy:
    """What the edge's parts take.

    Attributes:
        radio: its figures.
        edge: factor from times measured here to the edge device's.
        cloud: the same for the cloud device, which is waited for.
        rtt: round trip of the link, in seconds.
        watts: of the edge's processor at work; None where unknown.
        every: seconds from one picture to the next.
    """

    radio: Radio
    edge: float = 1.0
    cloud: float = 1.0
    rtt: float = 0.0
    watts: float | None = None
    every: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.every < inf:
            raise ExperimentError(f"pictures come every so many seconds, not every {self.every:g}")

    def radioing(self, total: Total, rate: float) -> Joules:
        """What the radio takes for a picture at an upload rate in bytes a second."""
        if not total.bytes:
            return Joules()
        times = total.result.times
        wait = self.rtt + self.cloud * (times["decode"].p50 + times["cloud"].p50)
        return self.radio.joules(total.bytes, min(rate, total.ceiling), wait, self.every)

    def computing(self, total: Total) -> float | None:
        """Joules of the edge half and of encoding."""
        if self.watts is None:
            return None
        times = total.result.times
        return self.watts * self.edge * (times["edge"].p50 + times["encode"].p50)


def check_rates(rates: Sequence[float]) -> Sequence[float]:
    """Upload rates in bytes a second, once each is seen to be one.

    Raises:
        ExperimentError: one is not a number above 0.
    """
    for rate in rates:
        if not 0 < rate < inf:
            raise ExperimentError(f"an upload rate is a number of bytes a second, not {rate:g}")
    return rates


def rows(totals: Sequence[Total], rates: Sequence[float], energy: Energy) -> list[Row]:
    """The fastest of the choices at each rate.

    Raises:
        ExperimentError: there is nothing to choose from.
    """
    if not totals:
        raise ExperimentError(
            "nothing in this run keeps the fidelity on every picture: allow more --max-divergence"
        )
    found = []
    for rate in rates:
        chosen = best(totals, rate)
        joules = energy.radioing(chosen, rate)
        found.append(Row(rate, chosen, chosen.seconds(rate), joules, energy.computing(chosen)))
    return found


def worthwhile(totals: Sequence[Total]) -> list[Stretch]:
    """The choices that are the fastest at some rate, and over which rates: the rest never are."""
    return envelope(totals, SLOWEST, FASTEST)
