"""The commands of a deployment: cloud, edge, plan and demo."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.errors import DataError, RemoteError
from splitwire.terminal import LiveTable, break_even_table, console, plan_table

if TYPE_CHECKING:  # which loads torch
    from splitwire.models.load import Model

WEIGHTS = typer.Option(help="A file of weights, or 'none' for untrained ones.")
TokenFile = Annotated[
    Path | None,
    typer.Option(help="A file that holds the bearer token.", envvar="SPLITWIRE_TOKEN_FILE"),
]
MaxDivergence = Annotated[float, typer.Option(help="Divergence (nats) that a choice may cost.")]


def cloud(
    model: Annotated[
        str, typer.Option(help="The networks to serve, as for `splits`, separated by spaces.")
    ] = "lite0",
    weights: Annotated[str, WEIGHTS] = "pretrained",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.")] = 7070,
    token_file: TokenFile = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(help="TLS: the chain, as PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS: the private key, as PEM.")] = None,
    profiles: Annotated[Path | None, typer.Option(help="A folder of codec profiles.")] = None,
    clients: Annotated[int, typer.Option(help="Clients at once.", min=1)] = 64,
    max_message: Annotated[int, typer.Option(help="Bytes of one message.", min=1024)] = 16 << 20,
    message_seconds: Annotated[
        float, typer.Option(help="From a message's first byte to its last.", min=0.1)
    ] = 30.0,
    threads: Annotated[int, typer.Option(help="Of torch, for each batch.", min=1)] = 1,
) -> None:
    """Serve the second half of networks to edges, and a page to try them on."""
    _need_live()
    from splitwire.live.access import Access, check_exposure, read_token
    from splitwire.live.cloud import Cloud, Limits
    from splitwire.live.library import Library, read_profiles
    from splitwire.live.logs import begin_logging
    from splitwire.live.pages import pages, picture_sizes
    from splitwire.live.serve import check_certificate, serve
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads

    limit_threads(threads)
    keep_memory()
    token = read_token(token_file)
    check_exposure(host, token, open_to_all)
    check_certificate(certificate, key)
    known = read_profiles(profiles)
    networks = [_model(name, weights) for name in model.split()]
    begin_logging()
    access = Access(token)
    limits = Limits(clients=clients, message=max_message, seconds=message_seconds)
    server = Cloud(Library(networks, known), access, limits)
    app = server.app(pages(networks, access, {"sizes": picture_sizes(networks)}))
    serve(server, app, host, port, certificate, key)


def edge(
    connect: Annotated[str, typer.Option(help="The cloud: https://HOST:PORT.")],
    model: Annotated[str, typer.Option(help="As for `splits`.")] = "lite0",
    weights: Annotated[str, WEIGHTS] = "pretrained",
    split: Annotated[str, typer.Option(help="The cut point.")] = "blocks.3",
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...].")] = "jpeg:quality=50",
    adapt: Annotated[
        Path | None, typer.Option(help="A run of `eval`: choose split and codec by it, as it goes.")
    ] = None,
    max_divergence: MaxDivergence = 0.05,
    source: Annotated[
        str, typer.Option(help="'samples', a folder of pictures, a video file, or /dev/video0.")
    ] = "samples",
    frames: Annotated[int, typer.Option(help="Of a folder: how many to run.", min=1)] = 200,
    out: Annotated[Path | None, typer.Option(help="A folder to write the run to.")] = None,
    deadline: Annotated[
        float, typer.Option(help="Seconds a frame may take: then it is finished here.")
    ] = 2.0,
    in_flight: Annotated[int, typer.Option(help="Frames under way at once.", min=1, max=8)] = 4,
    token_file: TokenFile = None,
    authority: Annotated[
        Path | None, typer.Option(help="Certificates to trust beside the system's, as PEM.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Make the link as slow as that, in bytes a second.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Or as a trace: lines of `seconds bytes_a_second`.")
    ] = None,
    rtt: Annotated[float, typer.Option(help="With --rate or --trace: its round trip (s).")] = 0.0,
    device: Annotated[
        str, typer.Option(help="Be as slow as that device: see eval/devices.toml.")
    ] = "this",
) -> None:
    """Run the first half here, the rest in the cloud: a folder, a video file or a camera."""
    _need_live()
    from splitwire.eval.devices import load_device
    from splitwire.live import drive, loops
    from splitwire.live.access import read_token
    from splitwire.live.connection import Address, Uplink
    from splitwire.live.recording import Recording
    from splitwire.report.findings import on_live
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads

    limit_threads(1)  # of the edge's two threads neither is to wait for the other's
    keep_memory()
    address = Address(connect, read_token(token_file), authority)
    slowed = drive.slowed(rate, trace, rtt)
    network = _model(model, weights)
    slowness = drive.slowness(load_device(device))
    top = drive.ALL if out else drive.FEW
    choices = (
        drive.settings_of_run(adapt, network, max_divergence, slowness, top)
        if adapt
        else [(drive.setting(network, split, codec, top), None)]
    )
    pictures, supply = drive.pictures(network, source, frames)
    recording = Recording(out, network, pictures, slowness) if out else None
    plan = drive.Drive(address, choices, deadline, in_flight, slowness, slowed)

    def begun(uplink: Uplink) -> None:
        if recording:
            link = drive.link_as_measured(uplink, slowed, trace)
            recording.begin([setting for setting, _ in choices], source, link)

    async def run() -> None:
        with LiveTable() as table:
            async for record in plan.run(supply, begun):
                table.add(record)
                if recording:
                    recording.add(record)

    loops.run(run(), emulated=slowed is not None)
    if recording and out:
        for sentence in on_live(recording.close()):
            console.print(sentence, highlight=False)
        print(f"Run: {out} (splitwire report {out})")


def plan(
    run: Annotated[Path, typer.Argument(help="The folder that `splitwire eval` wrote.")],
    bandwidth: Annotated[
        str, typer.Option(help="Upload rates in bytes a second, separated by spaces.")
    ] = "",
    max_divergence: MaxDivergence = 0.05,
    radio: Annotated[str, typer.Option(help="3g, lte or wifi.")] = "wifi",
    watts: Annotated[
        float | None, typer.Option(help="Of the edge's processor at work: adds its energy.")
    ] = None,
) -> None:
    """For each upload rate, the fastest choice that keeps the fidelity, and what it costs."""
    from splitwire.eval.plan import RATES, Energy, rows, worthwhile
    from splitwire.eval.results import summarise
    from splitwire.eval.samples import read_run
    from splitwire.report.findings import choices, factors

    head, samples = read_run(run)
    totals = choices(head, summarise(samples), max_divergence)
    try:
        rates = [float(word) for word in bandwidth.split()] or RATES
    except ValueError as error:
        raise DataError(f"--bandwidth takes numbers of bytes a second: {error}") from None
    energy = Energy(radio, factors(head)[0], watts)
    console.print(plan_table(rows(totals, rates, energy), max_divergence, radio))
    console.print(break_even_table(worthwhile(totals)))


def demo(
    model: Annotated[str, typer.Option(help="Networks, separated by spaces.")] = "lite0",
    weights: Annotated[str, WEIGHTS] = "pretrained",
    port: Annotated[int, typer.Option(help="Of the page; 0: any that is free.")] = 7000,
    device: Annotated[
        str, typer.Option(help="What the edge is to be as slow as: see eval/devices.toml.")
    ] = "phone-2019",
) -> None:
    """Start a cloud, an edge and a page on this machine, to watch the three ways in a browser."""
    _need_live()
    from splitwire.eval.devices import load_device
    from splitwire.live.demo import CloudProcess, Demo
    from splitwire.live.drive import slowness
    from splitwire.live.library import Library
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads

    limit_threads(1)
    keep_memory()
    slow = slowness(load_device(device))
    library = Library([_model(name, weights) for name in model.split()], {})
    with CloudProcess(model, weights) as address:
        Demo(library, address, slow).serve_forever(port, lambda url: print(f"Open {url}"))


def _need_live() -> None:
    """Say in one line what to install, rather than fail in an import."""
    wanted = ("starlette", "uvicorn", "websockets", "prometheus_client")
    if missing := [name for name in wanted if find_spec(name) is None]:
        raise RemoteError(f'{missing[0]} is not installed; run: pip install "splitwire[live]"')


def _model(name: str, weights: str) -> "Model":
    from splitwire.models.load import load_model

    model = load_model(name, None if weights == "none" else weights)
    _ = model.graph, model.digest  # now, not when the first client waits
    return model


def add_to(app: typer.Typer) -> None:
    """Make the commands known."""
    for command in (cloud, edge, plan, demo):
        app.command()(command)
