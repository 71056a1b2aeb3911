"""`splitwire eval`: score codecs on a split network."""

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitwire.cli.options import DEVICE, WEIGHTS, TaskName, need
from splitwire.cli.report import report
from splitwire.cli.terminal import going_on, progress_bar, warn

if TYPE_CHECKING:
    from splitwire.runner.pool import Pool

Words = list[str] | None

DRIFT = 0.1  # of the logarithm of the machine's pace, from which on it is said


@dataclass
class Changes:
    """What of an experiment is to be other than in its file."""

    models: Annotated[
        Words,
        typer.Option(
            "--model", help="As for `splits`; of several each has a run, in a folder below --out."
        ),
    ] = None
    weights: Annotated[str | None, typer.Option(help=WEIGHTS)] = None
    cloud_weights: Annotated[
        str | None, typer.Option(help="Those that `train --tune` made, for the cloud half.")
    ] = None
    task: TaskName = None
    metrics: Annotated[
        Words, typer.Option("--metric", help="One of your own, FILE.py:NAME; may be repeated.")
    ] = None
    data: Annotated[
        str | None,
        typer.Option(
            help="'samples', a picture, a folder of them, a video; clips: see --sequence."
        ),
    ] = None
    sequence: Annotated[
        bool | None,
        typer.Option(
            "--sequence",
            help="Frames in order, predicted over time: 'moving', a video file, or a folder of "
            "clips or of frames.",
        ),
    ] = None
    frame_rate: Annotated[
        float | None, typer.Option(help="Frames a second, where a clip does not say.")
    ] = None
    stride: Annotated[int | None, typer.Option(help="Take one frame in so many.")] = None
    length: Annotated[int | None, typer.Option(help="Take that many frames of a clip.")] = None
    splits: Annotated[
        Words, typer.Option("--split", help="A cut point; may be given several times.")
    ] = None
    map: Annotated[
        str | None,
        typer.Option(help="Of `splitwire map`: chooses splits that none are given of; is drawn."),
    ] = None
    codecs: Annotated[
        Words, typer.Option("--codec", help="A spec; '+' sweeps a parameter. May be repeated.")
    ] = None
    views: Annotated[int | None, typer.Option(help="Views of each photo, 1 to 10.")] = None
    limit: Annotated[int | None, typer.Option(help="Take that many photos, or clips.")] = None
    seed: Annotated[int | None, typer.Option(help="Of crops, losses and intervals.")] = None
    device: Annotated[str | None, typer.Option(help=DEVICE)] = None
    precision: Annotated[str | None, typer.Option(help="Of the halves: float32, bf16 or fp16.")] = (
        None
    )
    timed: Annotated[
        int | None, typer.Option(help="Pictures that each choice is timed on, alone.")
    ] = None


def evaluate(
    changes: Changes,
    experiment: Annotated[
        Path | None, typer.Argument(help="A TOML file; without one, the default experiment.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The run's folder; an interrupted run in it goes on. runs/default, or runs/video."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes for what is not timed; each loads the network.")
    ] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Do that on a cluster of Ray: HOST:PORT, 'auto', or 'local' to start one for it."
        ),
    ] = None,
) -> None:
    """Score codecs on a split network: accuracy, bytes and latency. Writes a run and its report."""
    given = asdict(changes)
    if ray is not None:
        need("ray")
        if workers > 1:
            raise typer.BadParameter("a cluster has its own number: leave out --workers or --ray")
    from splitwire.eval.experiment import networks

    below = _below(given.pop("models") or networks(experiment))
    if len(below) > 1:
        _check(experiment, given, list(filter(None, below)))
    folders = [
        _run(experiment, out, place, given | {"model": model}, _pool(workers, ray))
        for model, place in below.items()
    ]
    if len(folders) > 1:
        _side_by_side(folders)
    _fail_for_the_dead(folders)


def _below(models: list[str]) -> dict[str | None, str]:
    """The folder of each network below --out, which one alone has to itself; None: the file's."""
    if len(set(models)) < 2:
        return {models[0] if models else None: ""}
    return {name: re.sub("[/:]", "_", name) for name in models}


def _run(
    experiment: Path | None,
    out: Path | None,
    below: str,
    changes: dict[str, Any],
    pool: "Pool | None",
) -> Path:
    """Measure one network, and report; its folder, which is `below` the others'."""
    with progress_bar() as progress, going_on("what was measured is kept, and goes on"):
        bar = progress.add_task("Loading", total=None)
        from splitwire.eval.experiment import load_experiment
        from splitwire.eval.run import Run

        plan = load_experiment(experiment, **changes)
        folder = (out or Path("runs", "video" if plan.sequence else "default")) / below
        run = Run(plan, folder, progress.track, pool)
        progress.update(bar, total=run.total, completed=len(run.done))
        for sample in run:
            said = f"{sample.split} {sample.codec}".strip() or sample.way
            progress.update(bar, advance=1, description=said)
    report(folder)
    print(f"Measured on: {run.pictures.described}")
    if run.drift and abs(math.log(run.drift)) > DRIFT:
        warn(
            f"the reference network took × {run.drift:.2f} as long after the run as before it, so "
            "times are that uncertain: measure on a quieter machine, or with a stored factor "
            f"(edge = '{folder}:NAME')"
        )
    for curve, without in run.left_out.items():
        print(f"Left out: {curve} at {', '.join(sorted(without))}, for want of a trained profile")
    for curve, what in run.missing.items():
        print(f"Left out: {curve}, for want of {what}")
    return folder


def _check(experiment: Path | None, changes: dict[str, Any], models: list[str]) -> None:
    """Refuse a network that cannot be had, or cut so, before any of them is measured."""
    from splitwire.eval.deployment import Deployment
    from splitwire.eval.experiment import load_experiment

    for model in models:
        plan = load_experiment(experiment, **changes, model=model)
        deployment = Deployment.load(plan)
        for at in plan.splits:
            deployment.cut(at)


def _side_by_side(folders: list[Path]) -> None:
    """Draw the runs of several networks beside the first's."""
    from splitwire.eval.summary import Summary
    from splitwire.report.comparison_page import write_comparison

    page = folders[0].parent / "comparison.html"
    write_comparison(page, {folder.name: Summary.open(folder) for folder in folders})
    print(f"Side by side: {page}")


def _pool(workers: int, ray: str | None) -> "Pool | None":
    """Those who do the fidelity pass; None for this process."""
    from splitwire.runner.pool import Processes

    if ray is None:
        return Processes(workers) if workers > 1 else None
    from splitwire.runner.ray_pool import RayPool

    return RayPool(ray)


def _fail_for_the_dead(folders: list[Path]) -> None:
    """End with status 1 and the reasons, where a choice failed on every picture."""
    from splitwire.eval.failures import dead
    from splitwire.eval.samples import read_run

    reasons = [reason for folder in folders for reason in dead(read_run(folder)[1]).items()]
    for why, (first, *others) in reasons:
        more = f" and {len(others)} more choices" if others else ""
        warn(f"{first}{more} failed on every picture, mend that and give another --out: {why}")
    if reasons:
        raise typer.Exit(1)
