"""The report of a run: one self-contained page, drawn from its samples."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from splitwire.disk import write_whole
from splitwire.eval.headline import headline
from splitwire.eval.paired import shown
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import Total, choices, envelope
from splitwire.report.columns import abbreviated, columns, explained
from splitwire.report.findings import counts, findings, rates, untrained, warnings
from splitwire.report.live_section import live_tiles
from splitwire.report.measured import about, measured
from splitwire.report.rows import anchor_name, bd_rows, blocks, picks, signed
from splitwire.report.sections import sections
from splitwire.report.svg import palette_css
from splitwire.report.units import drawn_again, each, significant, size_text
from splitwire.runner.choice import SHARED, label


def write_report(run: Path, anchor: str | None = None, max_divergence: float | None = None) -> Path:
    """Write the page of a run into its folder.

    Args:
        run: the folder that `splitwire eval` wrote.
        anchor: the curve that the others are compared with; None for one that was run.
        max_divergence: the fidelity at which codecs are chosen, in the task's unit; None for
            the task's own.

    Returns:
        The path of the page, RUN/report.html.

    Raises:
        ExperimentError: there is no run there, or it has no such curve.
        StorageError: the page cannot be written.
        TaskError: its task or a metric cannot be had.
    """
    return draw(run, Summary.open(run, max_divergence), anchor)


def draw(run: Path, summary: Summary, anchor: str | None = None) -> Path:
    """The same of a run that is open already."""
    page = run / "report.html"
    text = render(run, summary, anchor)
    write_whole(page, text.encode())
    return page


def render(run: Path, summary: Summary, anchor: str | None = None) -> str:
    """The page as text; see `write_report`."""
    anchor = anchor_name(summary, anchor)
    results, totals = summary.results, choices(summary)
    splits, bd, bd_note = bd_rows(summary, anchor)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        title=_title(summary),
        about=about(summary),
        banner=untrained(summary.head),
        findings=findings(summary, totals),
        tiles=_tiles(summary, totals),
        sections=sections(run, summary, totals),
        columns=columns(summary),
        explained=explained(summary),
        abbreviated=abbreviated(summary),
        blocks=blocks(results),
        picks=picks(summary),
        warnings=warnings(results, summary.head.profiles),
        failures=_failures(summary.samples),
        anchor=anchor,
        bd_splits=splits,
        bd=bd,
        bd_note=bd_note,
        fidelity=f"{significant(summary.fidelity)} {summary.scoring.unit}",
        counts=counts(results),
        each=each(summary.clips),
        drawn=drawn_again(summary.clips),
        measured=measured(summary),
        light=Markup(palette_css(dark=False)),
        dark=Markup(palette_css(dark=True)),
    )


def _title(summary: Summary) -> str:
    name = summary.head.model.name
    return f"{name}, live" if summary.live else f"Splitting {name}"


def _tiles(summary: Summary, totals: Sequence[Total]) -> list[tuple[str, str]]:
    """The few numbers that a reader takes away, each with its words."""
    if summary.live:
        return live_tiles(summary.live)
    found, tiles = headline(summary), []
    if found and found.established:
        tiles.append(
            (size_text(found.chosen.bytes), f"a {each(found.chosen.clips)}: {found.chosen.label}")
        )
        if found.picture and found.saved and shown(found.saved):
            name = found.picture.name
            tiles.append((f"{signed(found.saved.mean, 0)} %", f"bytes against {name}"))
    wins = [piece for piece in envelope(totals) if piece.way == SHARED]
    if wins and len({total.result.way for total in totals}) > 1:
        low, high = min(w.slowest for w in wins), max(w.fastest for w in wins)
        tiles.append((rates(low, high), "splitting is the fastest way"))
    tiles.append((counts(summary.results), "measured"))
    return tiles


def _failures(samples: Sequence[Sample]) -> list[tuple[str, int, str]]:
    """The choice, the number of pictures, and the error, for each kind of failure."""
    seen = Counter((label(*s.choice), s.error) for s in samples if s.error is not None)
    return [(choice, count, error or "") for (choice, error), count in seen.items()]
