"""A run for a paper: each figure as SVG, PDF and CSV, each table as CSV and LaTeX.

Figures are those of the page, drawn again for one column (3.5 inches) with words of 8 points, so
that nothing is scaled; what the page has as a legend beside a figure is a part of it.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from splitwire.disk import write_whole, writing
from splitwire.eval.summary import Summary
from splitwire.eval.totals import choices
from splitwire.report.demonstration import accuracy_against_bytes
from splitwire.report.latex import booktabs
from splitwire.report.plot_style import TOLD, Style, styled
from splitwire.report.rows import anchor_name
from splitwire.report.section import Mark, Rows, Section
from splitwire.report.sections import sections
from splitwire.report.tables import delta_rates, results_rows, results_table

COLUMN, POINTS = 3.5, 8
"""Inches of a figure, and points of its words."""

_TALLEST = 5.6  # inches
_PER_ROW = 2  # words of a legend beside each other


def write_figures(
    run: Path, summary: Summary, folder: Path, anchor: str | None = None
) -> list[Path]:
    """Write all figures and tables of a run.

    Args:
        run: its folder.
        summary: of it.
        folder: where to; made if it is not there.
        anchor: the curve that delta rates are taken against; None for one that was run.

    Returns:
        The files, by name.

    Raises:
        ExperimentError: what the run's folder keeps for figures is damaged.
        StorageError: a file cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    told = [*sections(run, summary, choices(summary)), accuracy_against_bytes(summary)]
    files: dict[str, bytes] = {}
    for section in filter(None, told):
        files |= _of_section(section)
    files |= _tables(summary, anchor_name(summary, anchor))
    for name, data in files.items():
        write_whole(folder / name, data)
    return sorted(folder / name for name in files)


def _of_section(section: Section) -> dict[str, bytes]:
    """The files of each figure, by name."""
    found: dict[str, bytes] = {}
    for place, figure in enumerate(section.figures):
        title = figure.axes[0].get_title("left")
        name = "-".join(filter(None, (section.anchor, _safe(title))))
        sized(figure, section.legend)
        for form in ("svg", "pdf"):
            found[f"{name}.{form}"] = _saved(figure, form)
        if section.data:
            found[f"{name}.csv"] = as_csv(section.data[place])
    return found


def _safe(title: str) -> str:
    return re.sub(r"[^\w.]+", "-", title.partition(", ")[0]).strip("-")


@styled
def sized(figure: Figure, legend: Sequence[tuple[Mark, str]] = ()) -> None:
    """Make a figure of the page one of a column, with those of a legend that it shows."""
    for artist in figure.findobj(lambda one: str(one.get_gid() or "").startswith(TOLD)):
        artist.remove()
    width, height = figure.get_size_inches()
    figure.set_size_inches(COLUMN, min(height * COLUMN / width, _TALLEST))
    for axes in figure.axes:
        axes.tick_params(labelsize=POINTS)
    for text in figure.findobj(Text):
        text.set_fontsize(POINTS)
    for line in figure.findobj(Line2D):
        line.set(linewidth=0.7 * line.get_linewidth(), markersize=0.65 * line.get_markersize())
    drawn = [line for axes in figure.axes for line in axes.lines]
    kept = [(mark, words) for mark, words in legend if _is_drawn(mark, drawn)]
    if kept:
        rows = -(-len(kept) // _PER_ROW)
        figure.set_size_inches(COLUMN, figure.get_figheight() + 0.16 * rows)
        figure.legend(
            [_handle(mark) for mark, _ in kept],
            [words for _, words in kept],
            loc="outside lower center",
            ncols=_PER_ROW,
            fontsize=POINTS,
            frameon=False,
            handlelength=2.4,
        )


def _is_drawn(mark: Mark, lines: Iterable[Line2D]) -> bool:
    """Whether a figure has a curve of that look; one of colours has them all."""
    if isinstance(mark, str):
        return True
    look = (mark.colour, mark.marker)
    return any((line.get_color(), line.get_marker()) == look for line in lines)


def _handle(mark: Mark) -> Artist:
    if isinstance(mark, Style):
        return Line2D([], [], markersize=4, **mark.line)
    return Patch(color=mark)


@styled
def _saved(figure: Figure, form: str) -> bytes:
    import matplotlib

    file = io.BytesIO()
    undated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # text stays text
        figure.savefig(file, format=form, metadata=undated[form])
    return file.getvalue()


def as_csv(rows: Rows) -> bytes:
    """Rows as CSV, with a first line of names; a name that a row lacks is empty there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_told, rows))
    return file.getvalue().encode()


def _told(row: Mapping[str, object]) -> dict[str, object]:
    """A row, without what nothing is known of."""
    return {name: value for name, value in row.items() if value == value}


def _tables(summary: Summary, anchor: str) -> dict[str, bytes]:
    headings, blocks = results_table(summary)
    found = {
        "results.csv": as_csv(results_rows(summary)),
        "results.tex": booktabs(headings, blocks).encode(),
    }
    headings, rates, rows = delta_rates(summary, anchor)
    if rates:
        found["delta-rates.csv"] = as_csv(rates)
        found["delta-rates.tex"] = booktabs(headings, {"": rows}).encode()
    return found
