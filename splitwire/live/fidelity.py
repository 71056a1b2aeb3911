"""Which choices keep the fidelity, by a run of `eval` of the same network."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from splitwire.codecs.registry import codec
from splitwire.errors import ExperimentError
from splitwire.eval.head import profiles_of
from splitwire.eval.summary import Summary
from splitwire.eval.totals import check_trained, recommended
from splitwire.models.described import Described
from splitwire.runner.choice import AnyChoice, Key


def summary_of(run: Path, model: Described, max_divergence: float | None) -> Summary:
    """A run by which a network's choices can be judged.

    Args:
        run: the folder of an evaluation.
        model: the network, which has to be that of the run.
        max_divergence: that a choice may cost; None for what the task has.

    Raises:
        ExperimentError: the run is of another network, or its weights are untrained.
    """
    summary = Summary.open(run, max_divergence)
    if summary.head.model.deployed != model.digest:
        raise ExperimentError(f"{run} is a run of another network than {model.name}")
    check_trained(summary)
    return summary


def nothing_kept(run: Path, summary: Summary) -> ExperimentError:
    """That nothing keeps the fidelity."""
    return ExperimentError(
        f"nothing in {run} keeps {summary.fidelity:g} {summary.scoring.unit}: "
        "allow more --max-divergence"
    )


def check_profiles(run: Path, summary: Summary, choices: Iterable[AnyChoice], advice: str) -> None:
    """Refuse choices with other profiles than those of the run.

    Raises:
        ExperimentError: naming one, and with the advice.
    """
    for digest in profiles_of(c for choice in choices for c in choice.codecs):
        if digest not in summary.head.profiles:
            raise ExperimentError(
                f"the profile {digest} is not one that {run} was measured with: {advice}"
            )


def faithful_choices(
    run: Path, choices: Sequence[AnyChoice], max_divergence: float | None
) -> list[AnyChoice]:
    """Those of an edge's choices that keep the fidelity.

    Args:
        run: the folder of an evaluation.
        choices: of one network.
        max_divergence: that a choice may cost; None for what the task has.

    Raises:
        ExperimentError: as `summary_of`, a choice was not measured, or was with another profile, or
            none keeps the fidelity.
    """
    summary = summary_of(run, choices[0].split.model, max_divergence)
    measured = {_spelt(result.choice) for result in summary.results}
    kept = {_spelt(result.choice) for result in recommended(summary)}
    for choice in choices:
        if _spelt(choice.key) not in measured:
            raise ExperimentError(f"{run} did not measure {choice}, so nobody knows what it costs")
    check_profiles(run, summary, choices, f"export with --profiles {run}/profiles")
    found = [choice for choice in choices if _spelt(choice.key) in kept]
    if not found:
        raise nothing_kept(run, summary)
    return found


def _spelt(key: Key) -> Key:
    """A choice's key with its codec spelt as the codec does it, who may leave defaults out."""
    way, at, spec = key
    return (way, at, codec(spec).spec if spec else "")
