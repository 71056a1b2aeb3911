"""`splitwire splits`: where a network can be cut."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from splitwire.cli.options import AsJson, ModelName, Weights
from splitwire.cli.terminal import console, print_json, progress_bar

if TYPE_CHECKING:  # which loads torch
    from splitwire.models.split import CutPoint, Split


def splits(
    model: ModelName,
    weights: Weights = "none",
    nodes: Annotated[
        bool, typer.Option("--nodes", help="Every node, not the outputs of modules alone.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Add the measured time to each point.")
    ] = False,
    map: Annotated[
        Path | None,
        typer.Option(
            help="Of `splitwire map`: adds the bytes that it tells; unbeaten ones marked."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List where a model can be cut, what crosses there and what is computed before it."""
    from splitwire.models.load import load_model
    from splitwire.models.measure import edge_seconds
    from splitwire.models.split import cut_points, split

    loaded = load_model(model, None if weights == "none" else weights)
    every = cut_points(loaded)
    points = [p for p in every if nodes or p.module or p in (every[0], every[-1])]
    seconds: list[float] = []
    if measure:
        with progress_bar() as progress:
            tracked = progress.track(points, description="Measuring")
            seconds = [edge_seconds(split(loaded, point.name)) for point in tracked]
    whole = split(loaded, every[-1].name)
    if as_json:
        print_json(as_values(points, whole.difference, seconds))
        return
    console.print(exactness(whole), style="dim", highlight=False)
    told = map_column(map, loaded.name) if map else {}
    console.print(cut_table(points, every[0].elements, seconds, told))


def map_column(path: Path, model: str) -> dict[str, str]:
    """What a map tells of each node's cut: bytes, with a star where none before takes as few.

    Raises:
        ExperimentError: it is no map, or one of another network.
    """
    from splitwire.errors import ExperimentError
    from splitwire.eval.map_choice import shallow_front
    from splitwire.eval.map_file import read_map

    head, cuts = read_map(path)
    if head.model != model:
        raise ExperimentError(f"{path} is a map of {head.model}, not of {model}")
    fewest = {cut.node for cut in shallow_front(cuts)}
    return {cut.node: f"{'* ' if cut.node in fewest else ''}{cut.bytes:,.0f}" for cut in cuts}


def as_values(
    points: "Sequence[CutPoint]", difference: float, seconds: Sequence[float]
) -> dict[str, Any]:
    """The same for programs: shapes with the batch, shares from 0 to 1, seconds where measured."""
    rows = [
        {
            "name": point.name,
            "node": point.node,
            "shapes": [list(crossing.shape) for crossing in point.crossings],
            "elements": point.elements,
            "edge_share": point.edge_share,
        }
        for point in points
    ]
    timed = [row | {"seconds": time} for row, time in zip(rows, seconds, strict=False)]
    return {"difference": difference, "points": timed or rows}


def exactness(cut: "Split") -> str:
    """How the graph that is cut agrees with the network."""
    if not cut.difference:
        return "Cut, uncompressed, its output is the network's to the bit (on a picture of noise)."
    return (
        f"Cut, uncompressed, its output differs by up to {cut.difference:.2g} (on a picture of "
        "noise): the whole network runs through other kernels."
    )


def cut_table(
    points: "Sequence[CutPoint]",
    picture: int,
    seconds: Sequence[float] = (),
    told: Mapping[str, str] | None = None,
) -> Table:
    """Where a network can be cut; `picture` is how many numbers the picture has.

    seconds: of each point, where measured. told: by node, what a map says of its bytes.
    """
    from splitwire.runner.local import coded_shape

    table = Table(
        box=None,
        title="× picture: bytes at 8 bits over the picture's. MACs: multiply-accumulates before.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("cut point", min_width=max(len(p.name) for p in points))  # to be copied whole
    table.add_column("crossing shapes")
    headings = ["elements", "× picture", "MACs"]
    headings += ["ms"] * bool(seconds) + ["bytes of ftc"] * bool(told)
    for heading in headings:
        table.add_column(heading, justify="right")
    for at, point in enumerate(points):
        shapes = ["×".join(map(str, coded_shape(c.shape))) for c in point.crossings]
        table.add_row(
            Text(point.name),
            ", ".join(shapes),
            f"{point.elements:,}",
            f"{point.elements / picture:.3f}",
            f"{point.edge_share:.1%}",
            *[f"{1e3 * time:.2f}" for time in seconds[at : at + 1]],
            *([told.get(point.node, "")] if told else []),
        )
    return table
