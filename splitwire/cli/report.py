"""`splitwire report`: print a run and draw its page."""

from typing import Annotated

import typer

from splitwire.cli.options import MaxDivergence, Run
from splitwire.cli.terminal import console


def report(
    run: Run,
    anchor: Annotated[str, typer.Option(help="The curve that rates are compared with.")] = "h264",
    max_divergence: MaxDivergence = None,
) -> None:
    """Print a run's tables and draw its report, RUN/report.html."""
    from splitwire.eval.summary import Summary
    from splitwire.report.page import draw
    from splitwire.report.table import show

    summary = Summary.open(run, max_divergence)
    show(console, summary, anchor)
    print(f"Report: {draw(run, summary, anchor)}")
