"""Total time from picture to prediction against the upload rate, and which way is the fastest.

For a split and codec, with p50 times measured here and each device's factor,

    total(rate) = edge factor · (edge + encode) + round trip + bytes / rate
                + cloud factor · (decode + cloud)

which is a straight line in 1/rate: a fixed part and a slope, the bytes. The fastest choice at every
rate is then the lower envelope of a few lines, and the rates at which the winner changes
(break-even) are their crossings, in closed form. A link that loses segments adds what TCP is
expected to wait and to send again, and above the rate that it lets through nothing gets faster; see
runner/tcp.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan

from splitwire.errors import ExperimentError
from splitwire.eval.experiment import LinkPlan
from splitwire.eval.results import Result
from splitwire.eval.summary import Summary
from splitwire.runner.choice import EDGE_ONLY, Way
from splitwire.runner.local import COMPUTED, STAGES
from splitwire.runner.tcp import expected_recovery, highest_rate

SLOWEST, FASTEST = 1e4, 1e8
"""The upload rates looked at, in bytes a second: from a bad cell to a local network."""


@dataclass(frozen=True)
class Total:
    """The seconds that a result takes in all: `fixed`, and `bytes` over the upload rate.

    Above `ceiling`, in bytes a second, a faster link carries no more.
    """

    result: Result
    fixed: float
    bytes: float
    ceiling: float = inf

    def seconds(self, rate: float) -> float:
        """The total at an upload rate in bytes a second."""
        return self.fixed + self.bytes / min(rate, self.ceiling)


@dataclass(frozen=True)
class Stretch:
    """The upload rates, in bytes a second, over which one choice is the fastest."""

    total: Total
    slowest: float
    fastest: float

    @property
    def way(self) -> Way:
        """Edge only, cloud only, or shared."""
        return self.total.result.way


def total(
    result: Result, edge: float = 1.0, cloud: float = 1.0, rtt: float = 0.0, loss: float = 0.0
) -> Total:
    """A result's total time; edge only touches no link, so it pays no round trip.

    Args:
        result: with times measured here.
        edge: what those times are multiplied by to be the edge device's.
        cloud: the same for the cloud device.
        rtt: round trip of the link, in seconds.
        loss: share of segments that it loses.
    """
    p50 = {stage: spread.p50 for stage, spread in result.times.items()}
    if result.way == EDGE_ONLY:
        return Total(result, edge * p50["edge"], 0.0)
    here, there = p50["edge"] + p50["encode"], p50["decode"] + p50["cloud"]
    waiting, again = expected_recovery(result.bytes, loss, rtt)
    fixed = edge * here + rtt + waiting + cloud * there
    return Total(result, fixed, result.bytes + again, highest_rate(loss, rtt))


def stage_seconds(result: Result, link: LinkPlan, edge: float, cloud: float) -> dict[str, float]:
    """The p50 seconds of each stage on the devices and over one link, in order.

    The link's time is what the run measured or simulated on it, loss and trace included; for a
    link that the run did not know, the round trip and the bytes over the rate.

    Args:
        result: with times measured here.
        link: of the run, or another.
        edge: the edge device's factor.
        cloud: the cloud device's factor.
    """
    p50 = {stage: spread.p50 for stage, spread in result.times.items()}
    if result.way == EDGE_ONLY:
        return {"edge": edge * p50["edge"]}
    known = result.links.get(link.name)
    factors = {"edge": edge, "encode": edge, "decode": cloud, "cloud": cloud}
    seconds = {stage: factors[stage] * p50[stage] for stage in COMPUTED}
    seconds["link"] = known.p50 if known else link.rtt + result.bytes / (link.rate or inf)
    return {stage: seconds[stage] for stage in STAGES}


def choices(summary: Summary) -> list[Total]:
    """The total time of every result to recommend, on the run's devices."""
    head = summary.head
    return [
        total(result, head.edge.factor, head.cloud.factor, head.path.rtt, head.path.loss)
        for result in recommended(summary)
        if not isnan(result.times["edge"].p50)  # of a run that is not finished
    ]


def recommended(summary: Summary) -> list[Result]:
    """The faithful results of a run; none of untrained weights, whose divergences mean nothing."""
    return faithful(summary.results, summary.fidelity) if summary.head.trained else []


def check_trained(summary: Summary) -> None:
    """Refuse to choose by a run of untrained weights.

    Raises:
        ExperimentError: saying what to do.
    """
    if not summary.head.trained:
        raise ExperimentError(
            "this run's weights are untrained, so it recommends nothing: measure trained ones "
            "(--weights PATH)"
        )


def faithful(results: Iterable[Result], max_divergence: float) -> list[Result]:
    """The results fit to be recommended: none failed, mean divergence within the limit."""
    return [r for r in results if r.usable and r.divergence.mean <= max_divergence]


def smallest(results: Iterable[Result], way: Way) -> Result | None:
    """The result of that way with the fewest bytes, or None where there is none."""
    return min((r for r in results if r.way == way), key=lambda r: r.bytes, default=None)


def best(totals: Sequence[Total], rate: float) -> Total:
    """The fastest choice at an upload rate in bytes a second."""
    return min(totals, key=lambda one: (one.seconds(rate), one.bytes))


def envelope(
    totals: Sequence[Total], slowest: float = SLOWEST, fastest: float = FASTEST
) -> list[Stretch]:
    """The fastest choice at every upload rate, as stretches in order of rising rate.

    All are over one link, so that they have one ceiling, above which nothing changes. Walks from
    the fastest link down. From the current line only one with fewer bytes can take over, at the
    rate (bytes − bytes′) / (fixed′ − fixed) where the two cost the same; the highest such rate
    below the present one is the next to come.
    """
    if not totals:
        return []
    stretches: list[Stretch] = []
    ceiling = min(total.ceiling for total in totals)  # edge only, which sends nothing, has none
    now, rate = best(totals, fastest), max(slowest, min(fastest, ceiling))
    while rate > slowest:
        takers = [
            (min(rate, (now.bytes - other.bytes) / (other.fixed - now.fixed)), -other.bytes, index)
            for index, other in enumerate(totals)
            if other.bytes < now.bytes and other.fixed > now.fixed
        ]
        turn, _, index = max(takers, default=(0.0, 0.0, 0))
        stretches.insert(0, Stretch(now, max(turn, slowest), rate))
        now, rate = totals[index], turn
    if not stretches:
        return [Stretch(now, slowest, fastest)]
    return [*stretches[:-1], replace(stretches[-1], fastest=fastest)]


def merge(stretches: Sequence[Stretch]) -> list[tuple[Way, float, float]]:
    """Stretches of one way made one: the way, its slowest and its fastest rate, rates rising.

    The inner ends are the break-even rates.
    """
    merged: list[tuple[Way, float, float]] = []
    for stretch in stretches:
        start = merged.pop()[1] if merged and merged[-1][0] == stretch.way else stretch.slowest
        merged.append((stretch.way, start, stretch.fastest))
    return merged
