"""`splitwire train`: train the learned codec for one split of a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from splitwire.cli.options import DEVICE, CutPoint, ModelName, Weights, need
from splitwire.cli.terminal import done_loading, going_on, progress_bar, training, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splitwire.codecs.profile import Profile
    from splitwire.train.run import Plan


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
    ray: Annotated[
        str | None, typer.Option(help="Train each λ on a cluster of Ray, as for `eval`.")
    ] = None,
) -> None:
    """Train the learned codec for one split of a network, and write its profile."""
    if ray is not None:
        need("ray")
    with progress_bar() as progress, going_on("what was trained is kept, and goes on"):
        loading = progress.add_task("Loading", total=None)
        from splitwire.train.run import Plan, Training, rates
        from splitwire.train.trainer import Schedule

        schedule, track = Schedule(**vars(pace)), done_loading(progress, loading)
        plans = [
            (Plan(model, split, str(data), schedule, rate=slope, **vars(teaching)), folder)
            for slope, folder in rates(rate or (), out)
        ]
        if ray is not None:
            for profile in track(_on_ray(ray, device, plans), total=len(plans), description="λ"):
                _tell(progress, profile)
            return
        for plan, folder in plans:
            ready = Training(plan, folder, track, device)
            progress.update(loading, visible=False)
            _tell(progress, ready.run(training(progress, pace.steps)))


def _on_ray(address: str, device: str, plans: "list[tuple[Plan, Path]]") -> "Iterator[Profile]":
    from splitwire.runner.ray_pool import RayPool
    from splitwire.train.several import Trainings

    return RayPool(address).results(Trainings(device), plans)


def _tell(progress: Progress, profile: "Profile") -> None:
    progress.console.print(written(profile), markup=False, highlight=False, soft_wrap=True)
