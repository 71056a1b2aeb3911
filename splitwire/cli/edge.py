"""`splitwire edge`: run the first half of a network here, the rest in the cloud."""

from typing import TYPE_CHECKING

from splitwire.cli.bundled_edge import run_bundles
from splitwire.cli.edge_options import Chosen, Frames, Reached, Slow
from splitwire.cli.options import Network, load, need
from splitwire.cli.shown_records import run_shown

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.head import Network as Described
    from splitwire.live.adapt import Expected
    from splitwire.models.load import Model
    from splitwire.models.split import Split
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
    from splitwire.live.drive import Drive
    from splitwire.live.recording import Recording
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
    choices = list(totals) or [chosen.choice(model, task.name)]
    pictures, source = supply(model.preprocess, frames.source, frames.frames)
    recording = None
    if frames.out:
        about = _described(model)
        recording = Recording(frames.out, *about, task, network.task, pictures, slowness)
    expected: dict[AnyChoice, Expected] = dict(totals.items())
    whole = recording is not None and pictures is not None
    patient = (frames.deadline, frames.in_flight, slowness, link, whole, frames.keyframes)
    drive = Drive(address, task, choices, expected, *patient)
    run_shown(drive, source, frames, recording)


def _described(model: "Model") -> "tuple[Described, Split]":
    """A network as a run's head tells of it, and its halves where all of it runs here."""
    from splitwire.eval.deployment import Deployment
    from splitwire.eval.head import Network as Described
    from splitwire.models.split import cut_points, split

    return Described.of(Deployment(model, model), cut_points(model)), split(model, "output")
