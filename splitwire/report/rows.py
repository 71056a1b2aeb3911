"""The rows of the results: in which order they stand, which are picked, and the delta rates."""

from collections.abc import Sequence
from math import isnan

from splitwire.codecs.spec import Spec
from splitwire.errors import ExperimentError, did_you_mean
from splitwire.eval.curves import anchor_of, curves, find_anchor
from splitwire.eval.delta_rates import Delta, bd_rates
from splitwire.eval.results import Result
from splitwire.eval.spelling import PICTURES, picture_format
from splitwire.eval.summary import Summary
from splitwire.eval.totals import recommended, smallest
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED

BASELINES = "baselines"


def blocks(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The rows by block: the baselines, edge only first, then one block a split."""
    found: dict[str, list[Result]] = {BASELINES: []}
    for result in sorted(results, key=lambda r: r.way != EDGE_ONLY):
        found.setdefault(result.split or BASELINES, []).append(result)
    return {title: rows for title, rows in found.items() if rows}


def picks(summary: Summary) -> list[Result]:
    """The cheapest faithful codec of each split, and the cheapest way to send the picture."""
    good = recommended(summary)
    splits = dict.fromkeys(result.split for result in good)
    chosen = [smallest([r for r in good if r.split == split], SHARED) for split in splits]
    return [r for r in (*chosen, smallest(good, CLOUD_ONLY)) if r]


def bd_rows(summary: Summary, anchor: str) -> tuple[list[str], dict[str, list[str]], str]:
    """The Bjøntegaard delta rates as text: the splits, the cells of each curve, and a note.

    A cell has the rate and its 95 % interval; where that holds zero, it says that no difference is
    shown. The note has the reasons for the dashes, or why there are no rows.
    """
    rates = bd_rates(summary, anchor)
    if summary.live:  # no sweep, so no curves
        return [], {}, ""
    if not rates:
        if not anchor:
            return [], {}, "No codec was run at several qualities, so there are no curves."
        return [], {}, f"{anchor} has no other curve of several qualities beside it."
    splits = list(dict.fromkeys(split for split, _ in rates))
    rows = {}
    for name in dict.fromkeys(name for _, name in rates):
        cells = [rates.get((split, name)) for split in splits]
        rows[curve_name(name, summary)] = [delta_text(delta) for delta in cells]
    missing = [
        f"{curve_name(name, summary)} at {split}: {delta.reason}"
        for (split, name), delta in rates.items()
        if delta.percent is None
    ]
    return splits, rows, "; ".join(missing)


def anchor_name(summary: Summary, anchor: str | None) -> str:
    """The curve that others are compared with: the one asked for, or one that was run.

    Raises:
        ExperimentError: the run has no curve of the name asked for.
    """
    if anchor:
        names = list(dict.fromkeys(name for split, name in curves(summary.results) if split))
        if find_anchor(names, anchor):
            return anchor
        raise ExperimentError(
            f"no curve {anchor!r} in this run{did_you_mean(anchor, names)}; "
            f"there is {', '.join(names) or 'none'}"
        )
    curve = anchor_of(summary.results)
    return curve_name(curve, summary) if curve else ""


def delta_text(delta: Delta | None) -> str:
    """A delta rate with its interval; "none shown" where that holds zero, a dash for none."""
    if delta is None or delta.percent is None:
        return "–"
    if isnan(delta.low):
        return signed(delta.percent)
    span = f"({signed(delta.low, 0)} to {signed(delta.high, 0)})"
    return f"{signed(delta.percent)} {span}" if delta.shown else f"none shown {span}"


def curve_name(curve: str, summary: Summary) -> str:
    """A curve as a reader calls it."""
    spec = Spec.parse(curve)
    if spec.name in PICTURES:
        return f"cloud only, {picture_format(spec)}"
    return spec.name if summary.abbreviations.get(spec.name) == curve else curve


def signed(percent: float, digits: int = 1) -> str:
    """A change in percent, with a minus as long as its plus."""
    return f"{percent:+.{digits}f}".replace("-", "−")
