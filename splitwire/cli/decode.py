"""`splitwire decode`: a stream into a tensor."""

import io
from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.files import read, write


def decode(
    stream: Annotated[Path, typer.Argument(help="A file that `splitwire encode` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npy file to write.")],
    profile: Annotated[
        Path | None, typer.Option(help="The profile it was coded with, if any.")
    ] = None,
) -> None:
    """Decode a stream into a tensor; the stream says which codec."""
    import numpy as np

    import splitwire
    from splitwire.codecs.profile import Profile

    y = splitwire.decode(read(stream), Profile.load(profile) if profile else None)
    file = io.BytesIO()
    np.save(file, y)
    write(out, file.getvalue())
    print(f"{out}: float32 of shape {y.shape}")
