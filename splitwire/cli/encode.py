"""`splitwire encode`: a tensor into a stream."""

from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.files import write


def encode(
    tensor: Annotated[
        str,
        typer.Argument(
            help="A .npy, .npz or .pt file of floating-point numbers; FILE:NAME where it holds "
            "several tensors."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The stream to write.")],
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...]; see `splitwire codecs`.")],
) -> None:
    """Code a tensor into a stream."""
    from splitwire.codecs import registry
    from splitwire.data.tensors import load_tensor

    coder = registry.codec(codec)
    x = load_tensor(tensor)
    stream = coder.encode(x)
    write(out, stream)
    bits = 8 * len(stream) / x.size
    print(f"{out}: {len(stream):,} bytes, {bits:.3f} bits an element")
