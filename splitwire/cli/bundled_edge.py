"""`splitwire edge --bundle`: the first half of a bundle here, without torch."""

from typing import TYPE_CHECKING

from splitwire.cli.edge_options import Chosen, Frames, Reached, Slow
from splitwire.cli.options import Network, need
from splitwire.cli.shown_records import show
from splitwire.errors import BundleError

if TYPE_CHECKING:
    from splitwire.bundle.opened import Bundle
    from splitwire.runner.choice import AnyChoice
    from splitwire.tasks.base import Task


def run_bundles(
    network: Network, chosen: Chosen, frames: Frames, reached: Reached, slow: Slow
) -> None:
    """With what was exported; of several bundles the fastest is chosen, frame by frame.

    Raises:
        BundleError: an option needs the network itself, or the bundles are of different ones.
    """
    need("onnxruntime")
    for name, given in (("--adapt", chosen.adapt), ("--out", frames.out)):
        if given is not None:
            raise BundleError(f"{name} needs the network itself, which a bundle does without")
    from splitwire.bundle.opened import Bundle, one_network
    from splitwire.live import loops
    from splitwire.live.drive import Drive
    from splitwire.live.expected import Seen, expectations
    from splitwire.live.supply import supply
    from splitwire.runner.memory import keep_memory
    from splitwire.runner.threads import limit_blas

    limit_blas(1)  # of the edge's two threads neither is to wait for the other's
    keep_memory()
    address, link, slowness = reached.address(), slow.link(), slow.slowness()
    bundles = [Bundle(path) for path in chosen.bundle or ()]
    model = one_network(bundles)
    choices, task = [bundle.shared for bundle in bundles], _task(network, bundles[0])
    _, source = supply(model.preprocess, frames.source, frames.frames)
    expected: dict[AnyChoice, Seen] = {}
    if len(bundles) > 1:
        choices.append(bundles[0].edge_only)
        expected, source = expectations(choices, source, slowness)
    patient = (frames.deadline, frames.in_flight, slowness, link, False, frames.keyframes)
    drive = Drive(address, task, choices, dict(expected.items()), *patient)
    listeners = [seen.learn for seen in expected.values()]
    loops.run(show(drive, source, lambda uplink: None, *listeners), emulated=link is not None)


def _task(network: Network, bundle: "Bundle") -> "Task":
    """The task that the bundle says, or a user's own of the same name."""
    from splitwire.tasks.registry import load_task, tasks
    from splitwire.userfile import is_userfile

    wanted = bundle.manifest.task
    if network.task and is_userfile(network.task):
        task = load_task(network.task, bundle.halves.model)
        if task.name == wanted:
            return task
    if wanted not in tasks():
        raise BundleError(f"the bundle's task is {wanted!r}: name its file (--task FILE.py:CLASS)")
    return load_task(wanted, bundle.halves.model)
