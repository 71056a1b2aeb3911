"""`splitwire compare`: runs side by side."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from splitwire.cli.options import AsJson, MaxDivergence
from splitwire.cli.terminal import console, print_json

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.comparison import Comparison
    from splitwire.report.side_by_side import Grid


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders that `splitwire eval` wrote, at least two.")
    ],
    page: Annotated[Path | None, typer.Option(help="Draw them as a page too, this file.")] = None,
    max_divergence: MaxDivergence = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs with the first: bytes at equal divergence, metrics and times, with intervals."""
    from splitwire.errors import ExperimentError
    from splitwire.eval.comparison import Comparison
    from splitwire.eval.summary import Summary
    from splitwire.report.side_by_side import about_run, cautions, grids

    if len(set(runs)) < 2:
        raise ExperimentError("one run has nothing to be compared with: give two or more folders")
    opened = {str(run): Summary.open(run, max_divergence) for run in runs}
    (first, base), *others = opened.items()
    pairs = {name: Comparison(base, run) for name, run in others}
    if page:
        from splitwire.report.comparison_page import write_comparison

        write_comparison(page, opened)
    if as_json:
        print_json({name: {"first": first, **as_values(both)} for name, both in pairs.items()})
        return
    for name, both in pairs.items():
        console.print(Text(f"first: {first}, {about_run(base)}", "bold"))
        console.print(Text(f"second: {name}, {about_run(both.other)}", "bold"))
        for words in cautions(both):
            console.print(words, markup=False, highlight=False)
        for grid in grids(both):
            console.print(Text(f"\n{grid.title}. {grid.note}", "dim"))
            console.print(table(grid))
    if page:
        print(f"Page: {page}")


def as_values(both: "Comparison") -> dict[str, Any]:
    """The same for programs; what nothing is known of is null."""
    parts: dict[str, Sequence[Any]] = {"metrics": both.metrics, "times": both.times}
    if both.comparable:
        parts = {"rates": both.rates, "bytes": both.bytes, **parts}
    told = {name: [_plain(asdict(row)) for row in rows] for name, rows in parts.items()}
    return {"paired": both.paired, **told}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and isnan(value) else value


def table(grid: "Grid") -> Table:
    """A table of a comparison on a terminal."""
    shown = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for place, heading in enumerate(grid.headings):
        shown.add_column(heading, justify="right" if place else "left", overflow="fold")
    for row in grid.rows:
        shown.add_row(*map(Text, row))
    return shown
