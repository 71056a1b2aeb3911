"""The sections of time: over upload rates, and over the stages."""

from collections.abc import Sequence

from markupsafe import Markup

from splitwire.eval.experiment import LinkPlan
from splitwire.eval.head import Head
from splitwire.eval.results import Result
from splitwire.eval.summary import Summary
from splitwire.eval.totals import Stretch, Total, envelope, stage_seconds
from splitwire.report import time_plots
from splitwire.report.findings import rates
from splitwire.report.plot_style import STAGE_COLOURS
from splitwire.report.section import Section, drawn
from splitwire.report.svg import swatch
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
    return Section("time", title, said, drawn([time_plots.total_time(totals)], title), [], rows)


def stages(summary: Summary, totals: Sequence[Total]) -> Section | None:
    """Where the time goes, link by link; None without links."""
    head, links = summary.head, summary.head.experiment.links
    if not totals or not links:
        return None
    figures = [
        time_plots.stage_times(
            _fastest_of_each(totals, link, head), link, head.edge.factor, head.cloud.factor
        )
        for link in links
    ]
    said = (
        f"Median time of each stage on {_devices(head)}: the baselines, then each codec at the "
        f"split and quality that are fastest within {significant(summary.fidelity)} "
        f"{summary.scoring.unit}."
    )
    legend = [(Markup(swatch(colour)), stage) for stage, colour in STAGE_COLOURS.items()]
    title = "Where the time goes"
    return Section("stages", title, said, drawn(figures, title), legend)


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
