"""Choices by their names: opened for a network, one by one or those that a run recommends."""

from pathlib import Path

from splitwire.calibrate.store import VARIABLE, ProfileStore
from splitwire.codecs.registry import codec
from splitwire.eval.deployment import Deployment
from splitwire.eval.plan import worthwhile
from splitwire.eval.profiles import run_store
from splitwire.eval.totals import Total, recommended, total
from splitwire.live.fidelity import check_profiles, nothing_kept, summary_of
from splitwire.models.load import Model
from splitwire.models.split import Split, split
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Choice, Key
from splitwire.tasks.registry import task_class


def open_choice(
    model: Model, key: Key, store: ProfileStore, task: str, cut: Split | None = None
) -> Choice:
    """A choice of a network, with the profiles that its codecs need.

    Args:
        model: the network.
        key: its way, cut point and codec.
        store: of profiles.
        task: of the network, by name.
        cut: the halves, where somebody has them already.

    Raises:
        SplitwireError: there is no such cut point or codec, the codec lacks its profile, or was
            trained with another cloud.
    """
    way, at, spec = key
    if way == EDGE_ONLY:
        return Choice.edge_only(model)
    if way == CLOUD_ONLY:
        return Choice.cloud_only(split(model, "input"), codec(spec), spec)
    halves = cut or split(model, at)
    codecs = store.codecs(halves, codec(spec), task)
    Deployment(model, model).check(codecs)
    return Choice.shared(halves, codecs, spec)


def shared(at: str, spec: str) -> Key:
    """The key of a network cut at a point, with a codec."""
    return (SHARED, at, spec)


def choices_of_run(
    run: Path, model: Model, max_divergence: float | None, slowness: float = 1.0, *folders: Path
) -> dict[Choice, Total]:
    """The choices of a run that keep the fidelity and are the fastest at some rate.

    Each with its total time for an edge so many times slower than this machine, and a round trip
    of nought.

    Args:
        run: the folder of an evaluation.
        model: the network, which has to be that of the run.
        max_divergence: that a choice may cost; None for what the task has.
        slowness: of the edge.
        folders: of profiles, beside the run's own.

    Raises:
        ExperimentError: the run is of another network, its weights are untrained, nothing in it
            keeps the fidelity, or what it was measured with is hidden by other profiles.
    """
    summary = summary_of(run, model, max_divergence)
    found = [total(r, slowness) for r in recommended(summary)]
    kept = {stretch.total.result.choice: stretch.total for stretch in worthwhile(found)}
    if not kept:
        raise nothing_kept(run, summary)
    store, task = run_store(run, *folders), task_class(summary.head.experiment.task).name
    opened = {open_choice(model, key, store, task): total for key, total in kept.items()}
    check_profiles(run, summary, opened, f"take its file out of --profiles and {VARIABLE}")
    return opened
