"""`splitwire edge`: run the first half of a network here, the rest in the cloud."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.cli.options import MaxDivergence, Network, Profiles, TokenFile, load, need_live
from splitwire.cli.terminal import console, warn

if TYPE_CHECKING:  # which loads torch
    from collections.abc import Iterable

    from splitwire.eval.totals import Total
    from splitwire.live.address import Address
    from splitwire.live.connection import Uplink
    from splitwire.live.drive import Drive
    from splitwire.live.recording import Recording
    from splitwire.live.slowing import Slowed
    from splitwire.live.supply import Taken
    from splitwire.models.load import Model
    from splitwire.runner.choice import Choice

_CHOICE, _FRAMES, _CLOUD, _SLOW = "Split and codec", "Frames", "The cloud", "Being slow on purpose"


@dataclass
class Chosen:
    """Where to cut, and with what to code."""

    split: Annotated[str, typer.Option(help="The cut point.", rich_help_panel=_CHOICE)] = "blocks.3"
    codec: Annotated[str, typer.Option(help="NAME[:key=value,...].", rich_help_panel=_CHOICE)] = (
        "jpeg:quality=50"
    )
    adapt: Annotated[
        Path | None,
        typer.Option(
            help="A run of `eval`: choose way, split and codec by it, as it goes.",
            rich_help_panel=_CHOICE,
        ),
    ] = None
    max_divergence: MaxDivergence = None
    profiles: Profiles = None

    def totals(self, model: "Model", slowness: float) -> "dict[Choice, Total]":
        """What to choose among, with the total time of each; none where nothing is to be chosen."""
        from splitwire.live.choosing import choices_of_run

        if self.adapt is None:
            return {}
        return choices_of_run(
            self.adapt, model, self.max_divergence, slowness, *self.profiles or ()
        )

    def choice(self, model: "Model") -> "Choice":
        """The one choice."""
        from splitwire.calibrate.store import ProfileStore
        from splitwire.live.choosing import open_choice, shared

        store = ProfileStore(*self.profiles or ())
        return open_choice(model, shared(self.split, self.codec), store)


@dataclass
class Frames:
    """What to run, and how patiently."""

    source: Annotated[
        str,
        typer.Option(
            help="'samples', a folder of pictures, a video file, or /dev/video0.",
            rich_help_panel=_FRAMES,
        ),
    ] = "samples"
    frames: Annotated[
        int, typer.Option(help="Of a folder: how many to run.", min=1, rich_help_panel=_FRAMES)
    ] = 200
    out: Annotated[
        Path | None, typer.Option(help="A folder to write the run to.", rich_help_panel=_FRAMES)
    ] = None
    deadline: Annotated[
        float,
        typer.Option(
            help="Seconds a frame may take: then it is finished here.", rich_help_panel=_FRAMES
        ),
    ] = 2.0
    keyframes: Annotated[
        int,
        typer.Option(
            help="Of a codec that predicts: at least every so many frames one stands alone.",
            min=1,
            rich_help_panel=_FRAMES,
        ),
    ] = 250
    in_flight: Annotated[
        int, typer.Option(help="Frames under way at once.", min=1, max=8, rich_help_panel=_FRAMES)
    ] = 4


@dataclass
class Reached:
    """Which cloud, and how it is trusted."""

    connect: Annotated[str, typer.Option(help="https://HOST:PORT.", rich_help_panel=_CLOUD)]
    token_file: TokenFile = None
    authority: Annotated[
        Path | None,
        typer.Option(
            help="Certificates to trust beside the system's, as PEM.", rich_help_panel=_CLOUD
        ),
    ] = None

    def address(self) -> "Address":
        """Where it is."""
        from splitwire.live.address import Address
        from splitwire.live.tokens import read_token

        return Address(self.connect, read_token(self.token_file), self.authority)


@dataclass
class Slow:
    """A link and a device to stand for."""

    rate: Annotated[
        float | None, typer.Option(help="Of the link, in bytes a second.", rich_help_panel=_SLOW)
    ] = None
    trace: Annotated[
        Path | None,
        typer.Option(
            help="Or as a trace: lines of `seconds bytes_a_second`.", rich_help_panel=_SLOW
        ),
    ] = None
    rtt: Annotated[
        float, typer.Option(help="The link's round trip (s).", rich_help_panel=_SLOW)
    ] = 0.0
    device: Annotated[
        str,
        typer.Option(
            help="Be as slow as that device: see eval/devices.toml.", rich_help_panel=_SLOW
        ),
    ] = "this"

    def link(self) -> "Slowed | None":
        """The link that was asked for."""
        from splitwire.live.slowing import Slowed

        return Slowed.of(self.rate, self.trace, self.rtt)

    def slowness(self) -> float:
        """How many times slower than this machine to be."""
        from splitwire.eval.devices import load_device
        from splitwire.live.slowing import slowness

        return slowness(load_device(self.device), warn)


def edge(network: Network, chosen: Chosen, frames: Frames, reached: Reached, slow: Slow) -> None:
    """Run the first half here, the rest in the cloud: a folder, a video file or a camera."""
    need_live()
    from splitwire.live import loops
    from splitwire.live.drive import Drive
    from splitwire.live.recording import Recording
    from splitwire.live.supply import supply
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads
    from splitwire.tasks.registry import load_task

    limit_threads(1)  # of the edge's two threads neither is to wait for the other's
    keep_memory()
    address, link = reached.address(), slow.link()
    model = load(network.model, network.weights)
    task, slowness = load_task(network.task, model), slow.slowness()
    totals = chosen.totals(model, slowness)
    choices = list(totals) or [chosen.choice(model)]
    pictures, source = supply(model, frames.source, frames.frames)
    recording = None
    if frames.out:
        recording = Recording(frames.out, model, task, network.task, pictures, slowness)
    whole = recording is not None and pictures is not None
    drive = Drive(
        address,
        task,
        choices,
        totals,
        frames.deadline,
        frames.in_flight,
        slowness,
        link,
        whole,
        frames.keyframes,
    )
    loops.run(_run(drive, source, recording, frames.source), emulated=link is not None)
    if recording:
        _conclude(recording)
        print(f"Run: {frames.out} (splitwire report {frames.out})")


async def _run(
    drive: "Drive",
    source: "Iterable[Taken]",
    recording: "Recording | None",
    named: str,
) -> None:
    """Show each record as it comes, and write it down."""
    from splitwire.cli.frame_line import frame_line
    from splitwire.cli.live_table import LiveTable
    from splitwire.live.recording import LINK
    from splitwire.live.slowing import link_plan

    def begun(uplink: "Uplink") -> None:
        if recording:
            recording.begin(drive.choices, named, link_plan(LINK, uplink, drive.slowed))

    with LiveTable() as table:
        async for record in drive.run(source, begun):
            table.add(record, frame_line(record, drive.task))
            if recording:
                recording.add(record)


def _conclude(recording: "Recording") -> None:
    """Say what became of the frames."""
    from splitwire.report.findings import on_live

    for sentence in on_live(recording.close()):
        console.print(sentence, highlight=False)
