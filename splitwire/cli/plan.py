"""`splitwire plan`: what to deploy at which upload rate."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from splitwire.cli.options import AsJson, MaxDivergence, Run
from splitwire.cli.terminal import console, print_json

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.plan import Row
    from splitwire.eval.totals import Stretch


def plan(
    run: Run,
    bandwidth: Annotated[
        list[float] | None,
        typer.Option(help="An upload rate in bytes a second; may be given several times."),
    ] = None,
    max_divergence: MaxDivergence = None,
    radio: Annotated[str, typer.Option(help="3g, lte or wifi.")] = "wifi",
    every: Annotated[
        float, typer.Option(help="Seconds between pictures, on which the radio's tail depends.")
    ] = 1.0,
    watts: Annotated[
        float | None,
        typer.Option(help="Of the edge's processor at work, where the device does not say."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """For each upload rate, the fastest choice that keeps the fidelity, and what it costs."""
    from splitwire.eval.plan import RATES, Energy, check_rates, rows, worthwhile
    from splitwire.eval.radio import Radio
    from splitwire.eval.summary import Summary
    from splitwire.eval.totals import check_trained, choices

    rates = check_rates(bandwidth or RATES)
    summary = Summary.open(run, max_divergence)
    check_trained(summary)
    totals = choices(summary)
    head = summary.head
    factors = (head.edge.factor, head.cloud.factor)
    known = head.edge.watts if watts is None else watts
    energy = Energy(Radio.load(radio), *factors, head.path.rtt, known, every)
    if as_json:
        planned = rows(totals, rates, energy)
        print_json({"rates": list(map(_row, planned)), "fastest": _stretches(worthwhile(totals))})
        return
    limit = f"{summary.fidelity:g} {summary.scoring.unit}"
    console.print(
        plan_table(rows(totals, rates, energy), limit, f"{radio}, a picture every {every:g} s")
    )
    console.print(break_even_table(worthwhile(totals)))


def _row(row: "Row") -> dict[str, Any]:
    way, split, codec = row.total.result.choice
    choice = {"way": way, "split": split, "codec": codec, "bytes": row.total.bytes}
    costs = {"seconds": row.seconds, "radio_joules": row.radio.total, "compute_joules": row.compute}
    return {"rate": row.rate, **choice, **costs}


def _stretches(stretches: "Sequence[Stretch]") -> list[dict[str, Any]]:
    """In bytes a second; null where there is no end."""
    return [
        {
            "from": stretch.slowest,
            "to": stretch.fastest if math.isfinite(stretch.fastest) else None,
            **dict(zip(("way", "split", "codec"), stretch.total.result.choice, strict=True)),
        }
        for stretch in stretches
    ]


def plan_table(rows: "Sequence[Row]", limit: str, radio: str) -> Table:
    """The fastest choice at each upload rate."""
    table = Table(
        box=None,
        title=f"Fastest within {limit}; radio energy over {radio}, edge energy.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("KB/s up", justify="right")
    table.add_column("choice")
    for heading in ("bytes", "total ms", "radio mJ", "of it tail", "compute mJ"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row.rate / 1e3:,.0f}",
            Text(row.total.result.label),
            f"{row.total.bytes:,.0f}",
            f"{1e3 * row.seconds:.1f}",
            f"{1e3 * row.radio.total:.1f}",
            f"{1e3 * row.radio.tail:.1f}",
            "–" if row.compute is None else f"{1e3 * row.compute:.1f}",
        )
    return table


def break_even_table(stretches: "Sequence[Stretch]") -> Table:
    """Over which upload rates each choice is the fastest; where they meet is the break-even."""
    table = Table(box=None, title="Break-even rates", title_justify="left", title_style="dim")
    table.add_column("from KB/s", justify="right")
    table.add_column("to KB/s", justify="right")
    table.add_column("fastest")
    for stretch in stretches:
        table.add_row(
            f"{stretch.slowest / 1e3:,.0f}",
            f"{stretch.fastest / 1e3:,.0f}",
            Text(stretch.total.result.label),
        )
    return table
