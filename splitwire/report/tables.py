"""The tables of a run as rows: with all digits for programs, and as they are read."""

from splitwire.eval.delta_rates import bd_rates
from splitwire.eval.results import Estimate, Result
from splitwire.eval.summary import Summary
from splitwire.report.columns import columns
from splitwire.report.rows import bd_rows, blocks, curve_name
from splitwire.report.section import Rows

Cells = list[list[str]]


def estimate_row(name: str, estimate: Estimate) -> dict[str, object]:
    """An estimate and the ends of its interval."""
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def results_rows(summary: Summary) -> Rows:
    """Every result: bytes, divergence and metrics with their intervals, times in seconds."""
    return [result_row(result) for result in summary.results]


def result_row(result: Result) -> dict[str, object]:
    """One result; what nothing is known of is NaN."""
    row: dict[str, object] = {
        "way": result.way,
        "split": result.split,
        "codec": result.spec,
        "photos": result.photos,
        "samples": result.samples,
        "failed": result.failed,
        "bytes": result.bytes,
        "bytes_p95": result.bytes_p95,
        "bits_per_element": result.bits_per_element,
        **estimate_row("divergence", result.divergence),
    }
    for name, estimate in result.metrics.items():
        row |= estimate_row(name, estimate)
    for stage, spread in result.times.items():
        row |= {f"{stage}_p50": spread.p50, f"{stage}_p95": spread.p95}
    return row


def results_table(summary: Summary) -> tuple[list[str], dict[str, Cells]]:
    """The same as they are read: headings, and rows by block; what failed is left out."""
    shown = columns(summary, wide=False)
    found = {
        title: [
            [result.name, *(column.cell(result) for column in shown)]
            for result in results
            if result.usable
        ]
        for title, results in blocks(summary.results).items()
    }
    return ["codec", *(column.heading for column in shown)], found


def delta_rates(summary: Summary, anchor: str) -> tuple[list[str], Rows, Cells]:
    """The Bjøntegaard delta rates: headings, rows for programs, and rows as they are read."""
    splits, cells, _ = bd_rows(summary, anchor)
    found = bd_rates(summary, anchor) if splits else {}
    rows = [
        {
            "curve": curve_name(curve, summary),
            "split": split,
            "anchor": anchor,
            "percent": delta.percent,
            "low": delta.low,
            "high": delta.high,
        }
        for (split, curve), delta in found.items()
        if delta.percent is not None
    ]
    return [f"% bytes against {anchor}", *splits], rows, [[name, *c] for name, c in cells.items()]
