"""`splitwire report`: print a run and draw its page."""

from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.options import MaxDivergence, Run
from splitwire.cli.terminal import console


def report(
    run: Run,
    anchor: Annotated[
        str | None,
        typer.Option(help="The curve that rates are compared with; else one that was run."),
    ] = None,
    max_divergence: MaxDivergence = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="A folder for a paper's figures (SVG, PDF, CSV) and tables (LaTeX)."),
    ] = None,
) -> None:
    """Print a run's tables and draw its report, RUN/report.html."""
    from splitwire.eval.summary import Summary
    from splitwire.report.page import draw
    from splitwire.report.table import show

    summary = Summary.open(run, max_divergence)
    show(console, summary, anchor)
    print(f"Report: {draw(run, summary, anchor)}")
    if figures:
        from splitwire.report.paper import write_figures

        written = write_figures(run, summary, figures, anchor)
        print(f"Figures and tables: {len(written)} files in {figures}")
