"""`splitwire train`: train the learned codec for one split of a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.options import DEVICE, CutPoint, ModelName, Weights
from splitwire.cli.terminal import done_loading, going_on, progress_bar, training, written


@dataclass
class Teaching:
    """What to train, and for how long."""

    architecture: Annotated[
        str, typer.Option(help="transform, factorised, hyperprior or FILE.py:NAME.")
    ] = "transform"
    tune: Annotated[
        str, typer.Option(help="Fine-tune the cloud's layers too, up to this cut point.")
    ] = ""
    crops: Annotated[int, typer.Option(min=16, help="Random crops to learn from.")] = 6400
    called: Annotated[str, typer.Option(help="What the profile calls the pictures.")] = ""
    weights: Weights = "pretrained"


@dataclass
class Pace:
    """How long and how fast."""

    steps: Annotated[int, typer.Option(min=1, help="Batches of 16 tensors.")] = 1000
    pace: Annotated[float, typer.Option(help="Adam's rate of learning at its highest.")] = 4e-4
    seed: Annotated[int, typer.Option(min=0, help="Of crops, order and qualities.")] = 0


def train(
    model: ModelName,
    split: CutPoint,
    data: Annotated[Path, typer.Option(help="A folder of pictures. No labels are needed.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder; training in it goes on.")],
    teaching: Teaching,
    pace: Pace,
    rate: Annotated[
        list[float] | None,
        typer.Option(help="λ at quality 50 (nats a bit); given twice, it trains two profiles."),
    ] = None,
    device: Annotated[str, typer.Option(help=DEVICE)] = "auto",
) -> None:
    """Train the learned codec for one split of a network, and write its profile."""
    with progress_bar() as progress, going_on("what was trained is kept, and goes on"):
        loading = progress.add_task("Loading", total=None)
        from splitwire.train.run import Plan, Training, rates
        from splitwire.train.trainer import Schedule

        schedule, track = Schedule(**vars(pace)), done_loading(progress, loading)
        for slope, folder in rates(rate or (), out):
            plan = Plan(model, split, str(data), schedule, rate=slope, **vars(teaching))
            ready = Training(plan, folder, track, device)
            progress.update(loading, visible=False)
            profile = ready.run(training(progress, pace.steps))
            progress.console.print(written(profile), markup=False, highlight=False, soft_wrap=True)
