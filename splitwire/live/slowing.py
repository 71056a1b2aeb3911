"""Making a link slow on purpose, and an edge: what was asked for, checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from splitwire.errors import DataError, RemoteError
from splitwire.live.connection import Uplink
from splitwire.runner.link import Trace

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.devices import Device
    from splitwire.eval.experiment import LinkPlan

UNLIMITED = 1e9  # bytes a second


@dataclass(frozen=True)
class Slowed:
    """A link made slow on purpose.

    Attributes:
        trace: its rate over time.
        rtt: its round trip (s).
        file: where the trace came from, if from a file.
    """

    trace: Trace
    rtt: float
    file: Path | None = None

    @classmethod
    def of(cls, rate: float | None, trace: Path | None, rtt: float) -> "Slowed | None":
        """The link that was asked for; None where it is to stay as it is.

        Raises:
            DataError: a rate and a trace, or a trace that is none.
        """
        if rate is not None and trace is not None:
            raise DataError("a link is slowed by --rate or by --trace, not by both")
        if trace is not None:
            return cls(Trace.read(trace), rtt, trace)
        if rate is not None or rtt:
            return cls(Trace.constant(UNLIMITED if rate is None else rate), rtt)
        return None


def link_plan(name: str, uplink: Uplink, slowed: Slowed | None) -> "LinkPlan":
    """The link as a run's head has it: as it was set, or else as it was measured at the start.

    Raises:
        RemoteError: the link went down before it was measured.
    """
    from splitwire.eval.experiment import LinkPlan

    if slowed is None:
        rate = uplink.bandwidth.rate
        if rate is None:
            raise RemoteError("the link went down before it was measured")
        return LinkPlan(name, rate, uplink.bandwidth.rtt)
    if slowed.file is not None:
        return LinkPlan(name, rtt=slowed.rtt, trace=str(slowed.file))
    return LinkPlan(name, slowed.trace.rates[0], slowed.rtt)


def slowness(device: "Device", warn: Callable[[str], None]) -> float:
    """How many times slower than this machine to be, to stand for a device.

    Args:
        device: what to stand for.
        warn: called with a sentence where the device is the faster one, for which this machine
            stands as it is.
    """
    if device.factor < 1:
        warn(
            f"{device.name} is {1 / device.factor:.1f} times faster than this machine, which "
            "stands for it as it is: times of the edge will be too long"
        )
    return max(1.0, device.factor)
