"""`splitwire check`: a bundle beside the network that it was exported from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from splitwire.cli.terminal import console, progress_bar

if TYPE_CHECKING:  # which loads torch
    from splitwire.bundle.check import Differences, Verdict


def check(
    bundle: Annotated[Path, typer.Argument(help="The folder that `splitwire export` wrote.")],
    data: Annotated[str, typer.Option(help="'samples', or a folder of pictures.")] = "samples",
    limit: Annotated[int, typer.Option(min=1, help="Pictures at most.")] = 20,
    weights: Annotated[
        str | None, typer.Option(help="The network's, if neither pretrained nor untrained.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The network, where it is of a file: FILE.py:FACTORY.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task, where it is of a file: FILE.py:CLASS.")
    ] = None,
) -> None:
    """Run a bundle's halves under ONNX Runtime beside torch, and print how far they are apart.

    The exit status is 1 where outputs differ by more than 1e-3, or diverge by more than 1e-4.
    """
    from splitwire.bundle.check import check as compare
    from splitwire.bundle.opened import Bundle
    from splitwire.bundle.original import original
    from splitwire.data.photos import load_photos
    from splitwire.runner.threads import limit_threads
    from splitwire.tasks.registry import load_task

    limit_threads(1)  # one repeats best
    opened = Bundle(bundle)
    cut = original(opened.manifest, weights, model)
    photos = load_photos(data, limit, labelled=False)
    views = (photo.taken(cut.model.preprocess) for photo in photos)
    with progress_bar() as progress:
        tracked = progress.track(views, total=len(photos), description="Checking")
        verdict = compare(opened, cut, load_task(task or opened.manifest.task, cut.model), tracked)
    console.print(_table(verdict, opened.manifest.split))
    for fault in verdict.faults:
        print(f"out of bounds: {fault}")
    if verdict.faults:
        raise typer.Exit(1)


def _table(verdict: "Verdict", at: str) -> Table:
    seen = verdict.pictures
    title = f"{len(seen)} pictures at {at}, ONNX Runtime beside torch"
    table = Table(box=None, title=title, title_justify="left")
    for heading in ("", "mean", "most"):
        table.add_column(heading, justify="left" if not heading else "right")
    for words, values in _rows(seen):
        table.add_row(words, f"{sum(values) / len(values):.4g}", f"{max(values):.4g}")
    same = sum(picture.same for picture in seen)
    table.caption = (
        f"{same} of {len(seen)} packets are the same to the bit; all decode on both sides"
    )
    return table


def _rows(seen: "Sequence[Differences]") -> list[tuple[str, list[float]]]:
    return [
        ("features differ by", [p.features for p in seen]),
        ("outputs differ by, nothing coded", [p.outputs for p in seen]),
        ("divergence, nothing coded", [p.divergence for p in seen]),
        ("outputs differ by, for one stream", [p.decoded for p in seen]),
        ("bytes", [p.bytes for p in seen]),
        ("bytes of torch's", [p.torch_bytes for p in seen]),
        ("divergence through the codec", [p.coded for p in seen]),
        ("divergence through the codec, torch's", [p.torch_coded for p in seen]),
    ]
