"""Two runs side by side, as tables that a terminal and a page show alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan

from splitwire.eval.comparison import BEST, Comparison, Judged
from splitwire.eval.results import Estimate
from splitwire.eval.summary import Summary
from splitwire.report.findings import counts
from splitwire.report.rows import curve_name, delta_text, signed
from splitwire.report.units import significant, size_text


@dataclass(frozen=True)
class Grid:
    """A table: its title, what it says, its headings and its rows."""

    title: str
    note: str
    headings: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)


def about_run(summary: Summary) -> str:
    """A run in a line."""
    head = summary.head
    versions = f"splitwire {head.versions.get('splitwire', '?')}"
    return f"{head.model.name}, {counts(summary.results)}, {versions}, {head.started[:10]}"


def cautions(both: Comparison) -> list[str]:
    """What has to be known before the two are compared, in sentences."""
    first, second = both.base.head, both.other.head
    said = ["Both are of the same pictures, which are drawn again together." if both.paired else
            "The two are of different pictures: each run's are drawn by themselves, so intervals "
            "are wider, and a difference may be the pictures'."]  # fmt: skip
    if not both.comparable:
        units = f"{both.base.scoring.unit} and {both.other.scoring.unit}"
        said.append(f"Their divergences have other units ({units}), so no rates are compared.")
    elif first.model.digest != second.model.digest:
        said.append("They are of two networks: each divergence is from its own network's output.")
    if first.hardware != second.hardware:
        machines = f"{first.hardware.cpu} and {second.hardware.cpu}"
        said.append(f"Times are of two machines ({machines}).")
    if not first.trained or not second.trained:
        said.append("Weights are untrained, so that nothing follows for trained ones.")
    return said


def grids(both: Comparison) -> list[Grid]:
    """All that is compared, table by table; without those that have no row."""
    found = [_metrics(both), _times(both)]
    if both.comparable:
        found = [_rates(both), _bytes(both), *found]
    return [grid for grid in found if grid.rows]


def _rates(both: Comparison) -> Grid:
    grid = Grid(
        "Bjøntegaard delta rate",
        "Bytes in % at equal divergence, with the 95 % interval; negative: the second needs fewer. "
        f"Of {BEST} it is of the front of all its codecs and splits.",
        ("curve", "split", "% bytes"),
    )
    for rate in both.rates:
        name = rate.curve if rate.curve == BEST else curve_name(rate.curve, both.base)
        cell = delta_text(rate.delta)
        grid.rows.append([name, rate.split, rate.delta.reason if cell == "–" else cell])
    return grid


def _bytes(both: Comparison) -> Grid:
    unit = both.base.scoring.unit
    rows = [
        [significant(at.divergence), *map(_size, at.bytes), _percent(at.change)]
        for at in both.bytes
        if isfinite(at.change.mean)
    ]
    note = "Of each run's best codec and split, on the line between measured points."
    return Grid("Fewest bytes at a divergence", note, (unit, "first", "second", "%"), rows)


def _metrics(both: Comparison) -> Grid:
    note = "Of the uncompressed networks, and of each run's cheapest choice within its fidelity."
    headings = ("metric", "first", "second", "first", "second", "difference")
    return Grid("Metrics", note, headings, [_judged(one) for one in both.metrics])


def _judged(one: Judged) -> list[str]:
    scale, unit = (100, " %") if one.share else (1, "")
    values = [f"{significant(scale * value.mean)}{unit}" for value in one.values]
    ends = Estimate(*(scale * end for end in (one.change.mean, one.change.low, one.change.high)))
    return [one.metric, *one.labels, *values, _interval(ends, 1)]


def _times(both: Comparison) -> Grid:
    note = (
        "Of the second run over the first, on their own machines: geometric means over the choices "
        "that both timed; below 1 the second is faster."
    )
    rows = [
        [curve_name(pace.what, both.base), pace.stage, str(pace.choices), _ratio(pace.ratio)]
        for pace in both.times
    ]
    return Grid("Times", note, ("of", "stage", "choices", "ratio"), rows)


def _size(size: float) -> str:
    return "–" if isnan(size) else size_text(size)


def _percent(estimate: Estimate) -> str:
    return _interval(estimate, 1)


def _interval(estimate: Estimate, digits: int) -> str:
    """A difference and its interval; where that holds zero, none is shown."""
    if isnan(estimate.low):
        return signed(estimate.mean, digits)
    span = f"({signed(estimate.low, digits)} to {signed(estimate.high, digits)})"
    told = not estimate.low <= 0 <= estimate.high
    return f"{signed(estimate.mean, digits)} {span}" if told else f"none shown {span}"


def _ratio(estimate: Estimate) -> str:
    if isnan(estimate.low):
        return f"× {estimate.mean:.2f}"
    span = f"({estimate.low:.2f} to {estimate.high:.2f})"
    return f"× {estimate.mean:.2f} {span}" if not estimate.low <= 1 <= estimate.high else (
        f"none shown {span}"
    )  # fmt: skip
