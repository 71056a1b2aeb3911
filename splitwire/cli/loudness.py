"""How much a command says: `--quiet` and `--verbose`, which every command takes."""

import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_PANEL = "How much is said"


@dataclass
class Loudness:
    """Less or more than usual."""

    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors alone.", rich_help_panel=_PANEL)
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Print the traceback of an error, and what torch says of a network.",
            rich_help_panel=_PANEL,
        ),
    ] = False

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Say as much in the body."""
        log = logging.getLogger("splitwire")
        before = log.level
        try:
            with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
                if self.verbose:
                    log.setLevel(logging.DEBUG)
                if self.quiet:
                    with redirect_stdout(nowhere):
                        yield
                else:
                    yield
        except Exception as error:
            if self.verbose and not isinstance(error, typer.Exit):
                traceback.print_exc()
            raise
        finally:
            log.setLevel(before)
