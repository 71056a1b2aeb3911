"""`splitwire map`: what every cut of a network would cost, and the picture of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from splitwire.cli.options import ModelName, TaskName, Weights
from splitwire.cli.terminal import console, progress_bar

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.map_choice import Conditions, Form
    from splitwire.eval.map_file import Cut


@dataclass
class Mapping:
    """What to learn from."""

    data: Annotated[
        str, typer.Option(help="A folder of pictures, a hundred or more, or 'scikit-image'.")
    ] = "scikit-image"
    task: TaskName = None
    crops: Annotated[int, typer.Option(min=2, help="Random crops to learn from.")] = 64
    weights: Weights = "pretrained"
    out: Annotated[
        Path,
        typer.Option(help="The picture, .svg, .png or .pdf; the map lies beside it as .map."),
    ] = Path("map.svg")
    threads: Annotated[int, typer.Option(min=1, help="Of torch, for times too.")] = 1


@dataclass
class Place:
    """Where the halves run."""

    bandwidth: Annotated[float, typer.Option(help="Upload rate in bytes a second.")] = 1e6
    rtt: Annotated[float, typer.Option(help="Round trip in seconds.")] = 0.0
    edge: Annotated[str, typer.Option(help="The edge device, as experiments name it.")] = "this"
    cloud: Annotated[str, typer.Option(help="The cloud device.")] = "this"
    radio: Annotated[str, typer.Option(help="3g, lte or wifi.")] = "wifi"
    every: Annotated[float, typer.Option(help="Seconds between pictures.")] = 1.0
    watts: Annotated[
        float | None,
        typer.Option(help="Of the edge's processor at work, where the device does not say."),
    ] = None

    def conditions(self) -> "Conditions":
        """The same for a choice."""
        from splitwire.eval.devices import load_device
        from splitwire.eval.map_choice import Conditions
        from splitwire.eval.radio import Radio

        edge, cloud = (load_device(name) for name in (self.edge, self.cloud))
        watts, radio = self.watts or edge.watts, Radio.load(self.radio)
        factors = edge.factor, cloud.factor
        return Conditions(self.bandwidth, self.rtt, *factors, radio, watts, self.every)


def map(model: ModelName, mapping: Mapping, place: Place) -> None:
    """Tell for every cut of a network bytes, times, energy and memory, and draw it.

    One calibration serves all cuts. A map that was interrupted goes on where it stopped.
    """
    from splitwire.eval.netmap import NetMap
    from splitwire.models.load import load_model
    from splitwire.report.map_plot import save_map
    from splitwire.runner.threads import limit_blas, limit_threads
    from splitwire.tasks.registry import load_task

    limit_threads(mapping.threads)
    limit_blas(1)  # two that share an eigenvalue problem wait for each other
    at = place.conditions()
    loaded = load_model(model, None if mapping.weights == "none" else mapping.weights)
    task = load_task(mapping.task, loaded)
    with progress_bar() as progress:
        asked = (mapping.data, mapping.out.with_suffix(".map"), mapping.crops)
        netmap = NetMap(loaded, task, *asked, track=progress.track)
        every = progress.add_task(f"Cuts of {loaded.name}", total=len(netmap.points))
        for done, _ in enumerate(netmap, 1):
            progress.update(every, completed=done)
    save_map(mapping.out, netmap.head, netmap.found, at)
    console.print(choice_table(netmap.found, at))
    print(f"Map: {mapping.out}")


def choice_table(cuts: "list[Cut]", at: "Conditions") -> Table:
    """The fastest cut by what crosses, and then the cuts that no other beats."""
    from splitwire.eval.map_choice import FORMS, best, front, size

    table = Table(
        box=None,
        title="The fastest cut by what crosses, then all that are unbeaten in bytes, time, energy.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("")
    table.add_column("cut point")
    for heading in ("bytes", "±", "total ms", "edge ms", "edge mJ", "weights MB", "activations MB"):
        table.add_column(heading, justify="right")
    rows: list[tuple[str, Cut, Form]] = [(form, best(cuts, at, form), form) for form in FORMS]
    rows += [("unbeaten", cut, "coded") for cut in front(cuts, at)]
    for name, cut, form in rows:
        table.add_row(
            name,
            Text(cut.name),
            f"{size(cut, form):,.0f}",
            f"{cut.spread:,.0f}" if form == "coded" else "0",
            f"{1e3 * at.seconds(cut, form):.1f}",
            f"{1e3 * at.edge * cut.edge:.1f}",
            f"{1e3 * at.joules(cut, form):.1f}",
            f"{cut.weights / 1e6:.2f}",
            f"{cut.activations / 1e6:.2f}",
        )
    return table
