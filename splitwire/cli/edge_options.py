"""The options of `splitwire edge`, in groups."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitwire.cli.options import MaxDivergence, Profiles, TokenFile, need
from splitwire.cli.terminal import warn

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.totals import Total
    from splitwire.live.address import Address
    from splitwire.live.slowing import Slowed
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
    bundle: Annotated[
        list[Path] | None,
        typer.Option(
            help="Instead of network, split and codec: a folder of `splitwire export`. Of several "
            "the fastest is chosen, as it goes.",
            rich_help_panel=_CHOICE,
        ),
    ] = None
    adapt: Annotated[
        Path | None,
        typer.Option(
            help="A run of `eval`: choose way, split and codec by it, as it goes; of bundles, "
            "among those that keep the fidelity in it.",
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

    def choice(self, model: "Model", task: str) -> "Choice":
        """The one choice, for a task of that name."""
        from splitwire.calibrate.store import ProfileStore
        from splitwire.live.choosing import open_choice, shared

        store = ProfileStore(*self.profiles or ())
        return open_choice(model, shared(self.split, self.codec), store, task)


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

    connect: Annotated[
        str,
        typer.Option(
            help="https://HOST:PORT, or quic://HOST:PORT for datagrams.", rich_help_panel=_CLOUD
        ),
    ]
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

        if self.connect.startswith("quic:"):
            need("aioquic")
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
        if self.device == "this":
            return 1.0
        from splitwire.eval.devices import load_device
        from splitwire.live.slowing import slowness

        return slowness(load_device(self.device), warn)
