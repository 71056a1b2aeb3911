"""`splitwire codecs`: every codec with its parameters."""

from typing import Any

from rich.table import Table
from rich.text import Text

from splitwire.cli.options import AsJson
from splitwire.cli.terminal import console, print_json, warn


def codecs(as_json: AsJson = False) -> None:
    """List every codec with its parameters."""
    from splitwire.codecs.registry import missing_codecs

    if as_json:
        print_json(as_values())
    else:
        console.print(codec_table())
    for said in missing_codecs().values():
        warn(said)


def as_values() -> dict[str, Any]:
    """The same for programs: of each codec its parameters, with default and limits."""
    from splitwire.codecs.registry import codec_class, codec_names

    return {
        name: {f.name: {"default": f.default, **f.metadata} for f in codec_class(name).parameters()}
        for name in codec_names()
    }


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
