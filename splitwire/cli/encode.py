"""`splitwire encode`: a tensor into a stream."""

import io
from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.files import read, write
from splitwire.errors import DataError


def encode(
    tensor: Annotated[Path, typer.Argument(help="A .npy file of floating-point numbers.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The stream to write.")],
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...]; see `splitwire codecs`.")],
) -> None:
    """Code a tensor into a stream."""
    import numpy as np

    from splitwire.codecs import registry

    coder = registry.codec(codec)
    try:
        x = np.lib.format.read_array(io.BytesIO(read(tensor)), allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{tensor} holds no array of numbers: {error}") from error
    stream = coder.encode(x)
    write(out, stream)
    bits = 8 * len(stream) / x.size
    print(f"{out}: {len(stream):,} bytes, {bits:.3f} bits an element")
