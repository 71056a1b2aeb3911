"""`splitwire attack`: what an eavesdropper gets out of the features that cross."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from splitwire.cli.options import ModelName, Profiles, Weights
from splitwire.cli.terminal import console, done_loading, going_on, progress_bar


@dataclass
class Judging:
    """What is sent, and who looks at what was seen of it."""

    on: Annotated[str, typer.Option(help="The pictures that are sent.")] = "samples"
    judge: Annotated[
        str, typer.Option(help="A classifier that looks at reconstructions; else MODEL itself.")
    ] = ""
    judge_weights: Weights = "pretrained"


@dataclass
class Effort:
    """How much the eavesdropper does."""

    crops: Annotated[int, typer.Option(min=8, help="Of these pictures, to learn from.")] = 400
    steps: Annotated[int, typer.Option(min=0, help="Batches of 8 that train a decoder.")] = 250
    optimise: Annotated[
        int, typer.Option(min=0, help="Steps of the second attack, by optimisation; 0 for none.")
    ] = 20
    seed: Annotated[int, typer.Option(min=0, help="Of crops, order and weights.")] = 0


def attack(
    model: ModelName,
    split: Annotated[list[str], typer.Option(help="A cut point; may be repeated.")],
    codec: Annotated[
        list[str], typer.Option(help="As for `encode`; may be repeated, the finest first.")
    ],
    data: Annotated[str, typer.Option(help="A folder of the eavesdropper's own pictures.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder; what is there goes on.")],
    judging: Judging,
    effort: Effort,
    weights: Weights = "pretrained",
    profiles: Profiles = None,
) -> None:
    """Measure what an eavesdropper gets of pictures, who knows network, codec and profile."""
    with progress_bar() as progress, going_on("what was attacked is kept, and goes on"):
        loading = progress.add_task("Loading", total=None)
        from splitwire.attack.plan import Plan
        from splitwire.attack.run import Attack
        from splitwire.report.attack_page import write_attack
        from splitwire.report.attack_table import WIDE, attack_table
        from splitwire.runner.threads import limit_threads

        limit_threads(1)
        asked = {**vars(judging), **vars(effort), "weights": weights}
        plan = Plan(model, tuple(split), tuple(codec), data, profiles=profiles or (), **asked)
        run = Attack(plan, out, done_loading(progress, loading))
        every = progress.add_task(f"Pictures of {plan.on}", total=run.total)
        for done, _ in enumerate(run, 1):
            progress.update(every, completed=done)
    console.print(attack_table(run.head, run.found, console.width >= WIDE))
    print(f"Pictures: {write_attack(out)}")
