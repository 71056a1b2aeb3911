"""`splitwire inspect`: what a stream says of itself."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from splitwire.cli.files import read
from splitwire.cli.options import AsJson
from splitwire.cli.terminal import console, print_json
from splitwire.codecs import bitstream
from splitwire.codecs.bitstream import Header


def inspect(
    stream: Annotated[Path, typer.Argument(help="A stream.")], as_json: AsJson = False
) -> None:
    """Say what a stream's header says, in words."""
    data = read(stream)
    header, payload = bitstream.read(data)
    if as_json:
        print_json(as_values(header, len(payload), len(data)))
        return
    console.print(stream_table(header, len(payload), len(data)))


def as_values(header: Header, payload: int, stream: int) -> dict[str, Any]:
    """The same for programs; what a stream that builds on another does not say is null."""
    alone = bool(header.shape)
    return {
        "codec": header.spec if alone else None,
        "shape": list(header.shape) if alone else None,
        "profile": header.digest,
        "position": header.sequence and header.sequence.position,
        "follows": header.sequence and header.sequence.follows,
        "payload": payload,
        "stream": stream,
    }


def stream_table(header: Header, payload: int, stream: int) -> Table:
    """What a stream's header says, in words, and its lengths in bytes."""
    table = Table(box=None, show_header=False)
    place = header.sequence
    if place:
        table.add_row("sequence", f"{place.identity.hex()}, stream {place.position}")
    if place and place.follows:
        table.add_row(
            "builds on", f"stream {place.position - place.follows}, and is coded as it is"
        )
    else:
        # Shown with escapes: whoever wrote it may mean no good.
        table.add_row("codec", Text(repr(header.spec)[1:-1]))
        table.add_row("shape", "×".join(map(str, header.shape)))
        table.add_row("profile", header.digest or "none")
        table.add_row("rate", f"{8 * stream / math.prod(header.shape):.3f} bits an element")
    table.add_row("payload", f"{payload:,} bytes")
    table.add_row("stream", f"{stream:,} bytes, CRC-32 correct")
    return table
