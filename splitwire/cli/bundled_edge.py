"""`splitwire edge --bundle`: the first half of a bundle here, without torch."""

from typing import TYPE_CHECKING

from splitwire.cli.edge_options import Chosen, Frames, Reached, Slow
from splitwire.cli.options import Network, need
from splitwire.cli.shown_records import run_shown
from splitwire.errors import BundleError

if TYPE_CHECKING:
    from splitwire.bundle.manifest import Manifest
    from splitwire.bundle.opened import Bundle
    from splitwire.eval.head import Network as Described
    from splitwire.runner.choice import AnyChoice
    from splitwire.tasks.base import Task


def run_bundles(
    network: Network, chosen: Chosen, frames: Frames, reached: Reached, slow: Slow
) -> None:
    """With what was exported; of several bundles the fastest is chosen, frame by frame.

    Raises:
        BundleError: they are of different networks, or nobody knows what one of them costs.
        ExperimentError: as `faithful_choices`.
    """
    need("onnxruntime")
    from splitwire.bundle.opened import Bundle, one_network
    from splitwire.live.drive import Drive
    from splitwire.live.expected import Seen, expectations
    from splitwire.live.supply import supply
    from splitwire.runner.memory import keep_memory, one_heap
    from splitwire.runner.threads import limit_blas

    limit_blas(1)  # of the edge's two threads neither is to wait for the other's
    keep_memory()
    one_heap()
    address, link, slowness = reached.address(), slow.link(), slow.slowness()
    bundles = [Bundle(path) for path in chosen.bundle or ()]
    model, first = one_network(bundles), bundles[0]
    choices, task = _choices(bundles, chosen), _task(network, first)
    pictures, source = supply(model.preprocess, frames.source, frames.frames)
    recording = None
    if frames.out:
        from splitwire.live.recording import Recording

        about = (_described(first.manifest), first.halves)
        recording = Recording(frames.out, *about, task, network.task, pictures, slowness)
    expected: dict[AnyChoice, Seen] = {}
    if len(choices) > 1:
        expected, source = expectations(choices, source, slowness)
    whole = recording is not None and pictures is not None
    patient = (frames.deadline, frames.in_flight, slowness, link, whole, frames.keyframes)
    drive = Drive(address, task, choices, dict(expected.items()), *patient)
    run_shown(drive, source, frames, recording, *(seen.learn for seen in expected.values()))


def _choices(bundles: "list[Bundle]", chosen: Chosen) -> "list[AnyChoice]":
    """What frames may run with: what keeps the fidelity, if a run is to say so.

    Nothing is sent where a network is no faster for it: both halves here are a choice too, wherever
    there is any.
    """
    shared = [bundle.shared for bundle in bundles]
    if chosen.adapt is not None:
        from splitwire.live.fidelity import faithful_choices

        if small := [b.manifest.split for b in bundles if b.manifest.precision != "float32"]:
            raise BundleError(
                f"--adapt knows the fidelity of float32, and the half up to {small[0]} is in int8: "
                "leave --adapt out, or export without --int8"
            )
        shared = faithful_choices(chosen.adapt, shared, chosen.max_divergence)
    return shared if len(bundles) == 1 and chosen.adapt is None else [*shared, bundles[0].edge_only]


def _described(said: "Manifest") -> "Described":
    """The network as a run's head tells of it."""
    from splitwire.eval.head import Network as Described

    return Described(
        name=said.network,
        digest=said.digest,
        deployed=said.digest,
        macs=sum(said.macs),
        picture=said.input.elements,
        points=(),
        weights=said.weights,
        trained=said.trained,
    )


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
