"""`splitwire calibrate`: learn a codec's profile for one split of a network."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from splitwire.cli.options import DEVICE, CutPoint, ModelName, TaskName, Weights
from splitwire.cli.terminal import done_loading, going_on, progress_bar, warn, written
from splitwire.codecs.profile import Provenance

FEW = 100  # photos below which the figures for others are a guess


@dataclass
class Learning:
    """What to learn from, and how much."""

    data: Annotated[
        str,
        typer.Option(
            help="A folder of pictures, a hundred or more, or 'scikit-image'. No labels are needed."
        ),
    ] = "scikit-image"
    codec: Annotated[str, typer.Option(help="As for `encode`.")] = "ftc"
    task: TaskName = None
    crops: Annotated[int, typer.Option(min=1, help="Random crops to learn from.")] = 200
    weights: Weights = "pretrained"
    device: Annotated[str, typer.Option(help=DEVICE)] = "cpu"
    seed: Annotated[int, typer.Option(min=0, help="Of the crops and of the labels drawn.")] = 0


def calibrate(
    model: ModelName,
    split: CutPoint,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="The profile; X.0, X.1, ... where several tensors cross."),
    ],
    learning: Learning,
) -> None:
    """Learn a codec's profile for one split of a network, from pictures."""
    since = perf_counter()
    with progress_bar() as progress, going_on("nothing was learnt yet: begin again"):
        loading = progress.add_task("Loading", total=None)
        from splitwire.calibrate.calibrator import Plan, write_profiles

        plan = Plan(model, split, **vars(learning))
        profiles = write_profiles(plan, out, done_loading(progress, loading))
    for profile in profiles:
        print(written(profile))
    crops = profiles[0].learnt.crops if profiles[0].learnt else plan.crops
    print(f"learnt on {crops} crops of {plan.data} in {perf_counter() - since:.0f} s")
    if crops < plan.crops:
        warn(f"stopped after {crops} of {plan.crops} crops: the profile is of those")
    if profiles[0].learnt is not None and profiles[0].learnt.measured:
        tell(profiles[0].learnt)


def tell(learnt: Provenance) -> None:
    """What held-out photos cost, and what more photos would bring."""
    others = f"{learnt.held_out} that were held out" if learnt.held_out else "the same"
    print(f"learnt from {learnt.photos} photos; on {others}:")
    for line in learnt.measured:
        print(f"  {line}")
    if learnt.half:
        print(
            f"learnt from half of the photos it takes {learnt.half:+.0%} bytes at equal loss: "
            "twice as many may save as much again, or less"
        )
    if learnt.photos < FEW:
        print(
            f"warning: {learnt.photos} photos are few, and others may lose several times as much: "
            f"name a folder of {FEW} or more (--data), and more crops (--crops)"
        )
