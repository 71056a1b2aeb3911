"""`splitwire edge`: run the first half of a network here, the rest in the cloud."""

from typing import TYPE_CHECKING

from splitwire.cli.bundled_edge import run_bundles
from splitwire.cli.edge_options import Chosen, Frames, Reached, Slow
from splitwire.cli.options import Network, load, need
from splitwire.cli.shown_records import show
from splitwire.cli.terminal import console

if TYPE_CHECKING:  # which loads torch
    from splitwire.live.adapt import Expected
    from splitwire.live.connection import Uplink
    from splitwire.live.recording import Recording
    from splitwire.runner.choice import AnyChoice


def edge(network: Network, chosen: Chosen, frames: Frames, reached: Reached, slow: Slow) -> None:
    """Run the first half here, the rest in the cloud: a folder, a video file or a camera."""
    need("websockets")
    if chosen.bundle:
        run_bundles(network, chosen, frames, reached, slow)
    else:
        run_network(network, chosen, frames, reached, slow)


def run_network(
    network: Network, chosen: Chosen, frames: Frames, reached: Reached, slow: Slow
) -> None:
    """With a network that torch runs."""
    from splitwire.live import loops
    from splitwire.live.drive import Drive
    from splitwire.live.recording import LINK, Recording
    from splitwire.live.slowing import link_plan
    from splitwire.live.supply import supply
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_threads
    from splitwire.tasks.registry import load_task

    limit_threads(1)  # of the edge's two threads neither is to wait for the other's
    keep_memory()
    address, link = reached.address(), slow.link()
    model = load(network.model, network.weights, network.accelerator)
    task, slowness = load_task(network.task, model), slow.slowness()
    totals = chosen.totals(model, slowness)
    choices = list(totals) or [chosen.choice(model)]
    pictures, source = supply(model.preprocess, frames.source, frames.frames)
    recording = None
    if frames.out:
        recording = Recording(frames.out, model, task, network.task, pictures, slowness)
    expected: dict[AnyChoice, Expected] = dict(totals.items())
    whole = recording is not None and pictures is not None
    patient = (frames.deadline, frames.in_flight, slowness, link, whole, frames.keyframes)
    drive = Drive(address, task, choices, expected, *patient)

    def begun(uplink: "Uplink") -> None:
        if recording:
            recording.begin(choices, frames.source, link_plan(LINK, uplink, link))

    done = [recording.add] if recording else []
    loops.run(show(drive, source, begun, *done), emulated=link is not None)
    if recording:
        _conclude(recording)
        print(f"Run: {frames.out} (splitwire report {frames.out})")


def _conclude(recording: "Recording") -> None:
    """Say what became of the frames."""
    from splitwire.report.findings import on_live

    for sentence in on_live(recording.close()):
        console.print(sentence, highlight=False)
