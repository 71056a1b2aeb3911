"""The section of extremes: the picture that each codec serves best, and that which it serves worst.

Of each codec one setting is drawn: the cheapest that holds the fidelity; where none does, that
which comes closest. Beside what is made of the coded features stands what the uncompressed network
makes of the same picture.
"""

from pathlib import Path

from markupsafe import Markup

from splitwire.eval.extremes import Pair, extremes, picture_of
from splitwire.eval.results import Result
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import recommended
from splitwire.report.predictions import opened, panel, task_of
from splitwire.report.section import Section
from splitwire.report.units import significant, size_text
from splitwire.runner.choice import EDGE_ONLY, Key

_ROUNDING = 1e-4  # of the fidelity: what is nearer is that of outputs computed in batches


def best_and_worst(run: Path, summary: Summary) -> Section | None:
    """Pictures in pairs; None where the task draws on none, or the run kept none.

    A codec that serves all pictures alike, as one that loses nothing does, has neither.

    Raises:
        ExperimentError: a picture is damaged.
        TaskError: the task fails to draw.
    """
    task = task_of(summary)
    if task is None or not task.draws:
        return None
    whole = {s.photo: s for s in summary.samples if s.way == EDGE_ONLY and not s.view}
    found, panels = extremes(summary.samples), []
    for chosen in shown(summary, found):
        best, worst = found[chosen.choice]
        told_apart = (worst.divergence or 0) > _ROUNDING * task.fidelity
        for words, sample in {"best": best, "worst": worst}.items() if told_apart else ():
            path, alone = picture_of(run, sample.photo), whole.get(sample.photo)
            if alone is None or not path.is_file():
                continue
            picture = opened(path)
            title = f"{chosen.label}, {words}: {sample.photo}"
            panels.append(panel(task, picture, alone, f"{title}, uncompressed"))
            panels.append(panel(task, picture, sample, _told(sample, summary)))
    if not panels:
        return None
    said = "Of each codec, at its cheapest setting that holds the fidelity or else at the closest: "
    said += "the picture of the least divergence and that of the greatest, each as the "
    said += "uncompressed network sees it and, beside that, through the codec."
    return Section("extremes", "The best and the worst picture", said, panels=_in_pairs(panels))


def shown(summary: Summary, found: dict[Key, Pair]) -> list[Result]:
    """One result of each codec, in the order of the run."""
    good = {result.choice for result in recommended(summary)}
    chosen: dict[str, Result] = {}

    def rank(result: Result) -> tuple[bool, float]:
        fits = result.choice in good
        return (not fits, result.bytes if fits else result.divergence.mean)

    for result in summary.results:
        if result.usable and result.choice in found:
            before = chosen.setdefault(result.curve, result)
            chosen[result.curve] = min(before, result, key=rank)
    return list(chosen.values())


def _told(sample: Sample, summary: Summary) -> str:
    assert sample.divergence is not None
    far = significant(sample.divergence)
    return f"through the codec: {size_text(sample.bytes)}, {far} {summary.scoring.unit} away"


def _in_pairs(panels: list[Markup]) -> list[Markup]:
    pairs = zip(panels[::2], panels[1::2], strict=True)
    return [Markup('<div class="pair">{}{}</div>').format(one, other) for one, other in pairs]
