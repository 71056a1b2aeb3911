"""The sections of time: over upload rates, and over the stages."""

from collections.abc import Sequence

from splitwire.eval.experiment import LinkPlan
from splitwire.eval.head import Head
from splitwire.eval.results import Result
from splitwire.eval.summary import Summary
from splitwire.eval.totals import Stretch, Total, best, envelope, stage_seconds
from splitwire.report import time_plots
from splitwire.report.findings import rates
from splitwire.report.plot_style import STAGE_COLOURS
from splitwire.report.section import Rows, Section
from splitwire.report.units import significant, time_text
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED


def total_time(summary: Summary, totals: Sequence[Total]) -> Section | None:
    """Total time against upload rate; None where nothing holds the fidelity."""
    if not totals:
        return None
    head = summary.head
    said = (
        f"From picture to prediction on {_devices(head)}, with a round trip of "
        f"{time_text(head.path.rtt)}{_losing(head)}: each way at its best choice within "
        f"{significant(summary.fidelity)} {summary.scoring.unit}. The background has the colour of "
        "the fastest way, and break-even rates are marked."
    )
    rows = [
        (rates(piece.slowest, piece.fastest), piece.total.result.label, _span(piece))
        for piece in envelope(totals)
    ]
    title = "Total time against upload rate"
    figures, data = [time_plots.total_time(totals)], [_lines(totals)]
    return Section("time", title, said, figures, stretches=rows, data=data)


def stages(summary: Summary, totals: Sequence[Total]) -> Section | None:
    """Where the time goes, link by link; None without links."""
    head, links = summary.head, summary.head.experiment.links
    if not totals or not links:
        return None
    factors = head.edge.factor, head.cloud.factor
    shown = [(_fastest_of_each(totals, link, head), link) for link in links]
    figures = [time_plots.stage_times(results, link, *factors) for results, link in shown]
    data = [
        [{"choice": r.label, **stage_seconds(r, link, *factors)} for r in results]
        for results, link in shown
    ]
    said = (
        f"Median time of each stage on {_devices(head)}: the baselines, then each codec at the "
        f"split and quality that are fastest within {significant(summary.fidelity)} "
        f"{summary.scoring.unit}."
    )
    legend = [(colour, stage) for stage, colour in STAGE_COLOURS.items()]
    title = "Where the time goes"
    return Section("stages", title, said, figures, legend=legend, data=data)


def _lines(totals: Sequence[Total]) -> Rows:
    """The total time of each way at its best, in seconds, along upload rates."""
    ways = {way: [t for t in totals if t.result.way == way] for way in time_plots.WAY_STYLES}
    return [
        {"way": way, "bytes_a_second": rate, "seconds": best(own, rate).seconds(rate)}
        for way, own in ways.items()
        if own
        for rate in time_plots.RATES
    ]


def _losing(head: Head) -> str:
    """What the link of the totals loses, in words."""
    loss = head.path.loss
    return f" and {significant(100 * loss)} % of segments lost and sent again" if loss else ""


def _devices(head: Head) -> str:
    both = (head.edge, head.cloud)
    return " and ".join(f"{d.name} (times here × {significant(d.factor)})" for d in both)


def _span(piece: Stretch) -> str:
    ends = (time_text(piece.total.seconds(rate)) for rate in (piece.slowest, piece.fastest))
    return " to ".join(dict.fromkeys(ends))


def _fastest_of_each(totals: Sequence[Total], link: LinkPlan, head: Head) -> list[Result]:
    """Edge only, cloud only, then the best of each curve, the fastest first."""
    groups: dict[str, list[tuple[float, Result]]] = {}
    for result in (total.result for total in totals):
        seconds = stage_seconds(result, link, head.edge.factor, head.cloud.factor)
        name = result.curve if result.way == SHARED else result.way
        groups.setdefault(name, []).append((sum(seconds.values()), result))
    winners = [min(group, key=lambda pair: pair[0]) for group in groups.values()]
    order = (EDGE_ONLY, CLOUD_ONLY, SHARED)
    winners.sort(key=lambda pair: (order.index(pair[1].way), pair[0]))
    return [result for _, result in winners]
