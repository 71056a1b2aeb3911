"""The results on a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from splitwire.eval.summary import Summary
from splitwire.eval.totals import choices
from splitwire.report.columns import abbreviated, columns, explained
from splitwire.report.findings import counts, findings, untrained, warnings
from splitwire.report.rows import anchor_name, bd_rows, blocks, picks
from splitwire.report.units import drawn_again, each

WIDE = 100
"""Columns of terminal from which the table shows everything."""


def show(
    console: Console,
    summary: Summary,
    anchor: str | None = None,
) -> None:
    """Print a run: the results, what failed, and the delta rates.

    Args:
        console: where to.
        summary: of the run.
        anchor: the curve that the others are compared with; None for one that was run.

    Raises:
        ExperimentError: the run has no such curve.
    """
    anchor = anchor_name(summary, anchor)

    def say(words: str | Text, style: str = "") -> None:
        console.print(words, style=style or None, highlight=False, markup=False)

    results, wide = summary.results, console.width >= WIDE
    say(Text.assemble((summary.head.model.name, "bold"), f" on {counts(results)}"))
    if banner := untrained(summary.head):
        say(banner, "bold red")
    say(_legend(summary, wide), "dim")
    console.print(results_table(summary, wide))
    for sentence in findings(summary, choices(summary)):
        say(sentence)
    for warning in warnings(results, summary.head.profiles):
        say(warning, "red")
    table, note = bd_table(summary, anchor)
    if table:
        over = drawn_again(summary.clips)
        say(f"Bjøntegaard delta rate over log divergence (95 % interval over {over})", "bold")
        console.print(table)
    if note:
        say(note, "dim")


def _legend(summary: Summary, wide: bool) -> str:
    """What the columns and the codecs' names mean."""
    tails = "(p95)" if wide else "(a wider terminal shows p95 and every metric)"
    said = (
        f"Bytes a {each(summary.clips)}, bits a feature element; {explained(summary, wide)}; "
        f"encode and decode in ms on this machine, p50 {tails}."
    )
    return f"{said} {abbreviated(summary)}".rstrip()


def results_table(summary: Summary, wide: bool = True) -> Table:
    """Every result in a row, baselines first and then split by split.

    Green is the row with the fewest bytes within `max_divergence` of its block; red failed.
    """
    shown = columns(summary, wide)
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("codec", overflow="fold", min_width=12)
    for column in shown:
        heading = Text(column.heading.replace(" ", "\n"))  # longer than its cells may be
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    chosen = picks(summary)
    for title, rows in blocks(summary.results).items():
        table.add_row(Text(title, style="bold"))
        for result in rows:
            style = "red" if result.failed else "bold green" if result in chosen else ""
            name = result.name + (f" ({result.failed} failed)" if result.failed else "")
            table.add_row(Text(name), *(column.cell(result) for column in shown), style=style)
        table.add_section()
    return table


def bd_table(summary: Summary, anchor: str) -> tuple[Table | None, str]:
    """The delta rates: the table, or None without the anchor, and the note."""
    splits, rows, note = bd_rows(summary, anchor)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(f"% bytes against {anchor}")
    for split in splits:
        table.add_column(split, justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return (table if rows else None), note
