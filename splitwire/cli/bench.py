"""`splitwire bench`: the kernels beside their peers."""

from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.terminal import console, progress_bar


def bench(
    long: Annotated[bool, typer.Option("--long", help="All shapes and peers: minutes.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture: .svg or .png.")] = Path(
        "roofline.svg"
    ),
) -> None:
    """Time the kernels beside their peers and beside the same bytes moved; draw the roofline."""
    from splitwire.bench import measure
    from splitwire.bench.report import draw_roofline, table

    with progress_bar() as progress:
        tracked = progress.track(measure.bench(long), measure.count(long), description="Timing")
        figures = list(tracked)
    bounded = [figure for figure in figures if "ideal" in figure.seconds]
    console.print(table(bounded))
    console.print(table([figure for figure in figures if figure not in bounded]))
    draw_roofline(bounded, out)
    print(f"Roofline: {out}")
