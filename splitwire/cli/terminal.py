"""What commands share on a terminal: the console, the progress bar, a profile in a line."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from splitwire.codecs.profile import Profile

# FORCE_COLOR, which Jupyter sets for what a notebook runs, makes no terminal of a pipe.
console = Console(force_terminal=sys.stdout.isatty())


def warn(words: str) -> None:
    """Say on stderr what goes on otherwise than was asked for."""
    print("splitwire:", words, file=sys.stderr)


def print_json(value: object) -> None:
    """For programs: the same as a table shows, and more exactly."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """On Ctrl-C in the body, say what the same command does next; the exit status is 130."""
    try:
        yield
    except KeyboardInterrupt:
        warn(f"stopped; {what} with the same command")
        raise typer.Exit(130) from None


def progress_bar() -> Progress:
    """How far a sweep is; gone from the screen when it is done."""
    return Progress(
        TextColumn("{task.description:<32.32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def done_loading(progress: Progress, loading: TaskID) -> Callable[..., Iterable[Any]]:
    """`progress.track`, which first takes the bar of what was loaded off the screen."""

    def track(sequence: Iterable[Any], *, total: int, description: str) -> Iterable[Any]:
        progress.update(loading, visible=False)
        return progress.track(sequence, total=total, description=description)

    return track


def training(progress: Progress, steps: int) -> Callable[[dict[str, Any]], None]:
    """Shows each line of a training's history: bits an element, nats lost, time left."""
    bar = progress.add_task("Starting to train", total=steps)

    def tell(line: dict[str, Any]) -> None:
        progress.update(bar, completed=line["step"])
        if "bits" in line:
            said = f"{line['bits']:.3f} bits, {line['divergence']:.4f} nats"
            progress.update(bar, description=said)

    return tell


def written(profile: Profile) -> str:
    """A profile that was written to a file, in a line."""
    assert profile.path is not None
    size = profile.path.stat().st_size
    return f"{profile.path}: {size:,} bytes, digest {profile.digest}, of {profile.codec}"
