"""What the command line shows: tables and the progress bar."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from splitwire.codecs.bitstream import Header

if TYPE_CHECKING:  # which loads torch
    from splitwire.models.split import CutPoint

console = Console()


def progress_bar() -> Progress:
    """How far a sweep is; gone from the screen when it is done."""
    return Progress(
        TextColumn("{task.description:<32.32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def codec_table() -> Table:
    """Every codec that is installed, with its parameters."""
    from splitwire.codecs.parameter import expectation, format_value
    from splitwire.codecs.registry import codec_class, codec_names

    table = Table("codec", "parameter", "default", "takes", box=None)
    for name in codec_names():
        cls = codec_class(name)
        about = (cls.__doc__ or "").strip().split("\n")[0]
        table.add_row(Text(name, "bold"), "", "", Text(about))
        for field in cls.parameters():
            about = field.metadata["about"]
            if type(field.default) is not str or field.metadata["choices"]:
                about += f": {expectation(field)}"
            table.add_row("", field.name, Text(format_value(field.default)), Text(about))
    return table


def cut_table(points: "Sequence[CutPoint]", picture: int, seconds: Sequence[float] = ()) -> Table:
    """Where a network can be cut; `picture` is how many numbers the picture has."""
    from splitwire.runner.local import coded_shape

    table = Table(
        box=None,
        title="× picture: bytes at 8 bits over the picture's. MACs: multiply-accumulates before.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("cut point", min_width=max(len(p.name) for p in points))  # to be copied whole
    table.add_column("crossing shapes")
    headings = ["elements", "× picture", "MACs"]
    for heading in [*headings, "ms"] if seconds else headings:
        table.add_column(heading, justify="right")
    for at, point in enumerate(points):
        shapes = ["×".join(map(str, coded_shape(c.shape))) for c in point.crossings]
        table.add_row(
            Text(point.name),
            ", ".join(shapes),
            f"{point.elements:,}",
            f"{point.elements / picture:.3f}",
            f"{point.edge_share:.1%}",
            *[f"{1e3 * time:.2f}" for time in seconds[at : at + 1]],
        )
    return table


def stream_table(header: Header, payload: int, stream: int) -> Table:
    """What a stream's header says, in words, and its lengths in bytes."""
    table = Table(box=None, show_header=False)
    table.add_row("codec", Text(repr(header.spec)[1:-1]))  # whoever wrote it may mean no good
    table.add_row("shape", "×".join(map(str, header.shape)))
    table.add_row("profile", header.digest or "none")
    table.add_row("payload", f"{payload:,} bytes")
    table.add_row("stream", f"{stream:,} bytes, CRC-32 correct")
    table.add_row("rate", f"{8 * stream / math.prod(header.shape):.3f} bits an element")
    return table
