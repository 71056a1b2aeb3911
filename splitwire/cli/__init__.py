"""The command line: one thin command a verb, each in its file. What it does lives elsewhere."""

import sys
from typing import Annotated, Any, NoReturn

import typer

import splitwire
from splitwire.cli.attack import attack
from splitwire.cli.bench import bench
from splitwire.cli.calibrate import calibrate
from splitwire.cli.check import check
from splitwire.cli.cloud import cloud
from splitwire.cli.codecs import codecs
from splitwire.cli.compare import compare
from splitwire.cli.decode import decode
from splitwire.cli.demo import demo
from splitwire.cli.edge import edge
from splitwire.cli.encode import encode
from splitwire.cli.evaluate import evaluate
from splitwire.cli.export import export
from splitwire.cli.groups import grouped
from splitwire.cli.inspect import inspect
from splitwire.cli.map import map
from splitwire.cli.plan import plan
from splitwire.cli.report import report
from splitwire.cli.serve_ray import serve_ray
from splitwire.cli.splits import splits
from splitwire.cli.train import train
from splitwire.errors import SplitwireError
from splitwire.extras import explained

COMMANDS = (
    *(report, compare, calibrate, train, splits, codecs, encode, decode, inspect, bench),
    *(cloud, serve_ray, edge, plan, map, attack, demo, export, check),
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_UsageError: Any = typer.BadParameter.__base__  # click's, which newer typers hold inside


def _print_version(asked: bool) -> None:
    if asked:
        print(f"splitwire {splitwire.__version__}")
        raise typer.Exit


@app.callback()
def _splitwire(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Build and score codecs for the feature tensors of split neural networks."""


app.command("eval")(grouped(evaluate))
for command in COMMANDS:
    app.command()(grouped(command))


def main() -> NoReturn:
    """Run the command line; what users can mend is one line on stderr and exit status 1 or 2."""
    try:
        sys.exit(app(prog_name="splitwire", standalone_mode=False) or 0)
    except _UsageError as error:
        _explain(error)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (said := explained(error)) is error:
            raise
        print("splitwire:", said, file=sys.stderr)
    except (SplitwireError, OSError) as error:
        print("splitwire:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(1)


def _explain(error: Any) -> None:
    """Say what was wrong with the words of a command, in a line; without words, all that it takes.

    Args:
        error: click's, of which there are two kinds: its own, and the one inside newer typers.
    """
    said = error.format_message()
    if "\n" in said or not said:
        print(said or error.ctx.get_help(), file=sys.stderr)
        return
    command = error.ctx.command_path if error.ctx else "splitwire"
    print(f"splitwire: {said.rstrip('.')}; see {command} --help", file=sys.stderr)
