"""The command line: one thin command a verb. What it does lives in the rooms it calls."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from splitwire import cli_live
from splitwire.errors import DataError, SplitwireError
from splitwire.terminal import codec_table, console, cut_table, progress_bar, stream_table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build and score codecs for the feature tensors of split neural networks.",
)


def main() -> NoReturn:
    """Run the command line; what users can mend is one line on stderr and exit status 1."""
    try:
        app()
    except (SplitwireError, OSError) as error:
        print("splitwire:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(1)


ModelName = Annotated[
    str, typer.Argument(help="lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY.")
]
WEIGHTS_HELP = "A file of weights, or 'none' for untrained ones."


@app.command("eval")
def evaluate(
    experiment: Annotated[
        Path | None, typer.Argument(help="A TOML file; without one, the default experiment.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="As for `splits`.")] = None,
    weights: Annotated[str | None, typer.Option(help=WEIGHTS_HELP)] = None,
    cloud_weights: Annotated[
        str | None, typer.Option(help="Those that `train --tune` made, for the cloud half.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="'samples', or a folder of pictures.")] = None,
    splits: Annotated[str | None, typer.Option(help="Cut points, separated by spaces.")] = None,
    codecs: Annotated[
        str | None, typer.Option(help="Specs, separated by spaces; '+' sweeps a parameter.")
    ] = None,
    views: Annotated[int | None, typer.Option(help="Views of each photo, 1 to 10.")] = None,
    limit: Annotated[int | None, typer.Option(help="Take that many photos.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of crops, losses and intervals.")] = None,
    out: Annotated[
        Path, typer.Option(help="The run's folder; an interrupted run in it goes on.")
    ] = Path("runs/default"),
) -> None:
    """Score codecs on a split network: accuracy, bytes and latency. Writes a run and its report."""
    from splitwire.eval.experiment import load_experiment
    from splitwire.eval.run import Run

    plan = load_experiment(
        experiment,
        model=model,
        weights=weights,
        cloud_weights=cloud_weights,
        data=data,
        splits=None if splits is None else splits.split(),
        codecs=None if codecs is None else codecs.split(),
        views=views,
        limit=limit,
        seed=seed,
    )
    with progress_bar() as progress:
        bar = progress.add_task("Loading", total=None)
        run = Run(plan, out, progress.track)
        progress.update(bar, total=run.total, completed=len(run.done))
        for sample in run:
            progress.update(bar, advance=1, description=f"{sample.split} {sample.codec}")
    report(out)
    for curve, without in run.left_out.items():
        print(f"Left out: {curve} at {', '.join(sorted(without))}, where no profile is packaged")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The folder that `splitwire eval` wrote.")],
    anchor: Annotated[str, typer.Option(help="The curve that rates are compared with.")] = "h264",
    max_divergence: Annotated[
        float, typer.Option(help="Divergence (nats) that a recommendation may cost.")
    ] = 0.05,
) -> None:
    """Print a run's tables and draw its report, RUN/report.html."""
    from splitwire.eval.results import summarise
    from splitwire.eval.samples import read_run
    from splitwire.report.page import write_report
    from splitwire.report.table import show

    head, samples = read_run(run)
    results = summarise(samples, head["experiment"]["seed"])
    show(console, head, results, anchor, max_divergence)
    page = write_report(run, anchor, max_divergence)
    print(f"Report: {page}")


@app.command()
def calibrate(
    model: ModelName,
    split: Annotated[str, typer.Argument(help="The cut point; see `splitwire splits`.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="The profile; X.0, X.1, ... where several tensors cross."),
    ],
    data: Annotated[
        str, typer.Option(help="A folder of pictures, or 'scikit-image'. No labels are needed.")
    ] = "scikit-image",
    codec: Annotated[str, typer.Option(help="As for `encode`.")] = "ftc",
    crops: Annotated[int, typer.Option(min=1, help="Random crops to learn from.")] = 200,
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)] = "pretrained",
    seed: Annotated[int, typer.Option(min=0, help="Of the crops and of the labels drawn.")] = 0,
) -> None:
    """Learn a codec's profile for one split of a network, from pictures."""
    import time

    from splitwire.calibrate.calibrator import write_profiles

    since = time.perf_counter()
    with progress_bar() as progress:
        profiles = write_profiles(
            model,
            split,
            data,
            out,
            spec=codec,
            crops=crops,
            weights=weights,
            seed=seed,
            track=progress.track,
        )
    for profile in profiles:
        assert profile.path is not None
        size = profile.path.stat().st_size
        print(f"{profile.path}: {size:,} bytes, digest {profile.digest}, of {profile.codec}")
    print(f"learnt on {crops} crops of {data} in {time.perf_counter() - since:.0f} s")


@app.command()
def train(
    model: ModelName,
    split: Annotated[str, typer.Argument(help="The cut point; see `splitwire splits`.")],
    data: Annotated[Path, typer.Option(help="A folder of pictures. No labels are needed.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder; training in it goes on.")],
    architecture: Annotated[
        str, typer.Option(help="transform, factorised, hyperprior or FILE.py:NAME.")
    ] = "transform",
    rate: Annotated[
        str, typer.Option(help="λ at quality 50 (nats a bit); several train several profiles.")
    ] = "",
    tune: Annotated[
        str, typer.Option(help="Fine-tune the cloud's layers too, up to this cut point.")
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="Batches of 16 tensors.")] = 1000,
    crops: Annotated[int, typer.Option(min=16, help="Random crops to learn from.")] = 6400,
    pace: Annotated[float, typer.Option(help="Adam's rate of learning at its highest.")] = 4e-4,
    called: Annotated[str, typer.Option(help="What the profile calls the pictures.")] = "",
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)] = "pretrained",
    seed: Annotated[int, typer.Option(min=0, help="Of crops, order and qualities.")] = 0,
    device: Annotated[str, typer.Option(help="As torch names it; an accelerator if any.")] = "",
) -> None:
    """Train the learned codec for one split of a network, and write its profile."""
    from splitwire.terminal import training
    from splitwire.train.run import Plan, Training, rates
    from splitwire.train.trainer import Schedule

    schedule = Schedule(steps, pace, seed)
    for slope, folder in rates(rate, out):
        plan = Plan(
            model, split, str(data), schedule, weights, called, architecture, slope, crops, tune
        )
        with progress_bar() as progress:
            ready = Training(plan, folder, progress.track, device)
            profile = ready.run(training(progress, steps))
        assert profile.path is not None
        size = profile.path.stat().st_size
        print(f"{profile.path}: {size:,} bytes, digest {profile.digest}, of {profile.codec}")


@app.command()
def splits(
    model: ModelName,
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)] = "none",
    nodes: Annotated[bool, typer.Option(help="Every node, not the outputs of modules alone.")] = (
        False
    ),
    measure: Annotated[bool, typer.Option(help="Add the measured time to each point.")] = False,
) -> None:
    """List where a model can be cut, what crosses there and what is computed before it."""
    from splitwire.models.load import load_model
    from splitwire.models.measure import edge_seconds
    from splitwire.models.split import cut_points, split

    loaded = load_model(model, None if weights == "none" else weights)
    every = cut_points(loaded)
    points = [p for p in every if nodes or p.module or p.name in ("input", "output")]
    seconds: list[float] = []
    if measure:
        with progress_bar() as progress:
            tracked = progress.track(points, description="Measuring")
            seconds = [edge_seconds(split(loaded, point.name)) for point in tracked]
    console.print(cut_table(points, every[0].elements, seconds))


@app.command()
def codecs() -> None:
    """List every codec with its parameters."""
    console.print(codec_table())


@app.command()
def bench(
    long: Annotated[bool, typer.Option("--long", help="All shapes and peers: minutes.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture: .svg or .png.")] = Path(
        "roofline.svg"
    ),
) -> None:
    """Time the kernels beside their peers and beside the same bytes moved; draw the roofline."""
    from splitwire.bench import measure
    from splitwire.bench.report import draw_roofline, table

    with progress_bar() as progress:
        tracked = progress.track(measure.bench(long), measure.count(long), description="Timing")
        figures = list(tracked)
    bounded = [figure for figure in figures if "ideal" in figure.seconds]
    console.print(table(bounded))
    console.print(table([figure for figure in figures if figure not in bounded]))
    draw_roofline(bounded, out)
    print(f"Roofline: {out}")


@app.command()
def encode(
    tensor: Annotated[Path, typer.Argument(help="A .npy file of floating-point numbers.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The stream to write.")],
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...]; see `splitwire codecs`.")],
) -> None:
    """Code a tensor into a stream."""
    import io

    import numpy as np

    from splitwire.codecs import registry

    coder = registry.codec(codec)
    try:
        x = np.lib.format.read_array(io.BytesIO(_read(tensor)), allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{tensor} holds no array of numbers: {error}") from error
    stream = coder.encode(x)
    _write(out, stream)
    bits = 8 * len(stream) / x.size
    print(f"{out}: {len(stream):,} bytes, {bits:.3f} bits an element")


@app.command()
def decode(
    stream: Annotated[Path, typer.Argument(help="A file that `splitwire encode` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npy file to write.")],
    profile: Annotated[
        Path | None, typer.Option(help="The profile it was coded with, if any.")
    ] = None,
) -> None:
    """Decode a stream into a tensor; the stream says which codec."""
    import io

    import numpy as np

    from splitwire.codecs import registry
    from splitwire.codecs.profile import Profile

    y = registry.decode(_read(stream), Profile.load(profile) if profile else None)
    file = io.BytesIO()
    np.save(file, y)
    _write(out, file.getvalue())
    print(f"{out}: float32 of shape {y.shape}")


@app.command()
def inspect(stream: Annotated[Path, typer.Argument(help="A stream.")]) -> None:
    """Say what a stream's header says, in words."""
    from splitwire.codecs import bitstream

    data = _read(stream)
    header, payload = bitstream.read(data)
    console.print(stream_table(header, len(payload), len(data)))


cli_live.add_to(app)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
