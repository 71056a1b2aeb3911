"""The command line: one thin command a verb, each in its file. What it does lives elsewhere."""

import sys
from typing import NoReturn

import typer

from splitwire.cli.bench import bench
from splitwire.cli.calibrate import calibrate
from splitwire.cli.check import check
from splitwire.cli.cloud import cloud
from splitwire.cli.codecs import codecs
from splitwire.cli.decode import decode
from splitwire.cli.demo import demo
from splitwire.cli.edge import edge
from splitwire.cli.encode import encode
from splitwire.cli.evaluate import evaluate
from splitwire.cli.export import export
from splitwire.cli.groups import grouped
from splitwire.cli.inspect import inspect
from splitwire.cli.plan import plan
from splitwire.cli.report import report
from splitwire.cli.serve_ray import serve_ray
from splitwire.cli.splits import splits
from splitwire.cli.train import train
from splitwire.errors import SplitwireError
from splitwire.extras import explained

COMMANDS = (
    *(report, calibrate, train, splits, codecs, encode, decode, inspect, bench),
    *(cloud, serve_ray, edge, plan, demo, export, check),
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build and score codecs for the feature tensors of split neural networks.",
)
app.command("eval")(grouped(evaluate))
for command in COMMANDS:
    app.command()(grouped(command))


def main() -> NoReturn:
    """Run the command line; what users can mend is one line on stderr and exit status 1."""
    try:
        app()
    except ModuleNotFoundError as error:
        if (said := explained(error)) is error:
            raise
        print("splitwire:", said, file=sys.stderr)
    except (SplitwireError, OSError) as error:
        print("splitwire:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(1)
