"""The page of a comparison: the tables, and the fronts of all runs in one figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from splitwire.disk import write_whole
from splitwire.eval.comparison import Comparison, shared_points
from splitwire.eval.curves import FLOOR, pareto
from splitwire.eval.results import Result
from splitwire.eval.summary import Summary
from splitwire.report.plot_style import (
    LIGHT,
    MUTED,
    Style,
    log_ticks,
    panel,
    styled,
    tell,
)
from splitwire.report.section import Section
from splitwire.report.side_by_side import about_run, cautions, grids
from splitwire.report.svg import palette_css
from splitwire.report.tables import result_row
from splitwire.report.units import each, significant, size_text

_LOOKS = (("blue", "o"), ("vermilion", "^"), ("green", "P"), ("purple", "v"), ("amber", "D"))


def write_comparison(page: Path, runs: Mapping[str, Summary]) -> None:
    """Write the page.

    Args:
        page: where to.
        runs: by name, at least two; each other is compared with the first.

    Raises:
        StorageError: it cannot be written.
    """
    (first, base), *others = runs.items()
    pairs = {name: Comparison(base, run) for name, run in others}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("comparison.html").render(
        first=first,
        runs={name: about_run(run) for name, run in runs.items()},
        section=_fronts(runs),
        pairs={name: (cautions(both), grids(both)) for name, both in pairs.items()},
        light=Markup(palette_css(dark=False)),
        dark=Markup(palette_css(dark=True)),
    )
    write_whole(page, text.encode())


def _fronts(runs: Mapping[str, Summary]) -> Section | None:
    """What is the best of each run, at every rate; None where units differ, or none has a curve."""
    units = {run.scoring.unit for run in runs.values()}
    fronts = {
        name: [p for p in pareto(shared_points(run)) if p.divergence.mean >= FLOOR]
        for name, run in runs.items()
    }
    if len(units) > 1 or not any(fronts.values()):
        return None
    looks = {
        name: Style(LIGHT[colour], marker, "-")
        for name, (colour, marker) in zip(runs, _LOOKS * len(runs), strict=False)
    }
    said = "Of each run's codecs and splits those that no other beats in bytes and divergence."
    figures = [_figure(runs, fronts, looks)]
    data = [[{"run": name, **result_row(p)} for name, front in fronts.items() for p in front]]
    legend = [(looks[name], name) for name in runs]
    return Section("fronts", "Each run's best", said, figures, legend=legend, data=data)


@styled
def _figure(
    runs: Mapping[str, Summary], fronts: Mapping[str, Sequence[Result]], looks: Mapping[str, Style]
) -> Figure:
    base = next(iter(runs.values()))
    unit = base.scoring.unit
    figure, axes = panel("", f"bytes a {each(base.clips)}", f"divergence in {unit}")
    axes.set(xscale="log", yscale="log")
    axes.axhline(base.fidelity, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.2)
    for name, front in fronts.items():
        far = [point.divergence.mean for point in front]
        axes.plot([point.bytes for point in front], far, **looks[name].line)
        for point in front:
            words = f"{point.label}: {size_text(point.bytes)}"
            tell(axes, point.bytes, point.divergence.mean, words)
    log_ticks(axes.xaxis, size_text)
    log_ticks(axes.yaxis, significant)
    return figure
