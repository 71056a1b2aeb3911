"""What to deploy: for every upload rate the fastest choice that keeps the fidelity, and its energy.

Radio power is linear in the rate while sending (Huang and others, "A Close Examination of
Performance and Power Characteristics of 4G LTE Networks", MobiSys 2012): mW = a · Mbit/s + b.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from splitwire.errors import ExperimentError
from splitwire.eval.totals import FASTEST, SLOWEST, Stretch, Total, best, envelope

RADIOS = {"3g": (869.0, 818.0), "lte": (438.0, 1288.0), "wifi": (283.0, 133.0)}
RATES = (50e3, 100e3, 200e3, 450e3, 1e6, 2e6, 3e6, 6e6, 12e6)
"""Upload rates that are tabled unless told otherwise, in bytes a second."""


@dataclass(frozen=True)
class Row:
    """The choice at one upload rate.

    Attributes:
        rate: bytes a second.
        total: the choice.
        seconds: from picture to prediction.
        radio: joules a picture that the radio takes to send it.
        compute: joules a picture that the edge's processor takes; None where its power is unknown.
    """

    rate: float
    total: Total
    seconds: float
    radio: float
    compute: float | None


@dataclass(frozen=True)
class Energy:
    """What the edge's parts take.

    Attributes:
        radio: "3g", "lte" or "wifi".
        edge: factor from times measured here to the edge device's.
        watts: of its processor at work; None where unknown.
    """

    radio: str
    edge: float = 1.0
    watts: float | None = None

    def __post_init__(self) -> None:
        if self.radio not in RADIOS:
            raise ExperimentError(f"unknown radio {self.radio!r}; there are: {', '.join(RADIOS)}")

    def sending(self, size: float, rate: float) -> float:
        """Joules to send so many bytes at so many bytes a second."""
        slope, base = RADIOS[self.radio]
        return 1e-3 * (slope * 8e-6 * rate + base) * size / rate

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
        joules = energy.sending(chosen.bytes, rate)
        found.append(Row(rate, chosen, chosen.seconds(rate), joules, energy.computing(chosen)))
    return found


def worthwhile(totals: Sequence[Total]) -> list[Stretch]:
    """The choices that are the fastest at some rate, and over which rates: the rest never are."""
    return envelope(totals, SLOWEST, FASTEST)
