"""The results as tables: which rows and columns there are, and how they look on a terminal."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from splitwire.eval.curves import bd_rates, curves, find_anchor
from splitwire.eval.results import Estimate, Result, Spread
from splitwire.eval.totals import MAX_DIVERGENCE, faithful, smallest
from splitwire.report.findings import choices, on_bytes, on_time

WIDE = 100
"""Columns of terminal from which the table shows everything."""


@dataclass(frozen=True)
class Column:
    """A heading, and the text of its cell for a result; `wide` ones need a wide terminal."""

    heading: str
    cell: Callable[[Result], str]
    wide: bool = False


def number(value: float, form: str = ",.0f", scale: float = 1.0) -> str:
    """A number as text, or a dash where there is none."""
    return "–" if math.isnan(value) else format(scale * value, form)


def signed(percent: float) -> str:
    """A change in percent, with a minus as long as its plus."""
    return f"{percent:+.1f}".replace("-", "−")


def nats(value: float) -> str:
    """A divergence in six characters, for any size of it."""
    return number(value, ".4f" if value < 1 else ".3f" if value < 10 else ".2f")


def interval(estimate: Estimate) -> str:
    """The 95 % interval of a divergence, with a digit less than its mean."""
    return "–" if math.isnan(estimate.low) else f"{estimate.low:.3f}–{estimate.high:.3f}"


def milliseconds(spread: Spread, tail: bool = True) -> str:
    """The p50 and, in brackets, the p95."""
    if not spread.p95 > 0:  # NaN, or a stage that this way does not have
        return "–"
    p95 = f" ({_milliseconds(spread.p95)})" if tail else ""
    return _milliseconds(spread.p50) + p95


def _milliseconds(seconds: float) -> str:
    form = ".0f" if seconds >= 0.00995 else ".1f" if seconds >= 0.000995 else ".2f"
    return format(1e3 * seconds, form)


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return "100" if estimate.mean == 1 else number(estimate.mean, ".1f", 100)


def columns(labelled: bool, wide: bool = True) -> list[Column]:
    """The columns after the codec's name: accuracy only with labels, tails only where wide."""
    found = [
        Column("bytes", lambda r: number(r.bytes)),
        Column("p95", lambda r: number(r.bytes_p95), wide=True),
        Column("b/el", lambda r: number(r.bits_per_element, ".2f")),
        Column("KL", lambda r: nats(r.divergence.mean)),
        Column("95 %", lambda r: interval(r.divergence)),
        Column("agree", lambda r: _percent(r.agreement)),
    ]
    if labelled:
        found.append(Column("top1", lambda r: _percent(r.top1)))
        found.append(Column("top5", lambda r: _percent(r.top5), wide=True))
    found += [
        Column("encode", lambda r: milliseconds(r.times["encode"], wide)),
        Column("decode", lambda r: milliseconds(r.times["decode"], wide)),
    ]
    return [column for column in found if wide or not column.wide]


def is_labelled(results: Sequence[Result]) -> bool:
    """Whether any result was judged against labels."""
    return any(result.top1 is not None for result in results)


def blocks(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The rows by block: the baselines, edge only first, then one block a split."""
    found: dict[str, list[Result]] = {"baselines": []}
    for result in sorted(results, key=lambda r: r.way != "edge only"):
        title = result.split if result.way == "split" else "baselines"
        found.setdefault(title, []).append(result)
    return {title: rows for title, rows in found.items() if rows}


def picks(results: Sequence[Result], max_divergence: float = MAX_DIVERGENCE) -> list[Result]:
    """The cheapest faithful codec of each split, and the cheapest way to send the picture."""
    good = faithful(results, max_divergence)
    chosen = [smallest([r for r in good if r.split == split], "split") for split in blocks(good)]
    return [r for r in (*chosen, smallest(good, "cloud only")) if r]


def warnings(results: Sequence[Result]) -> list[str]:
    """What failed, and what its rows may not be used for, in at most a few sentences."""
    said = []
    some = [result for result in results if result.failed and result.samples]
    for result in some[:3]:
        where = f"{result.label} failed on {result.failed} of {result.failed + result.samples}"
        said.append(f"{where} pictures: its row is over the others, so compare it with nothing.")
    if len(some) > 3:
        said.append(f"The same goes for {len(some) - 3} more rows.")
    dead = [result.label for result in results if result.failed and not result.samples]
    if dead:
        rest = f" and {len(dead) - 3} more" if len(dead) > 3 else ""
        said.append(f"Failed on every picture: {', '.join(dead[:3])}{rest}.")
    return said


def counts(results: Sequence[Result]) -> str:
    """How much was measured, in words."""
    photos = max((result.photos for result in results), default=0)
    if not photos:
        return "no picture"
    pictures = max((result.samples for result in results), default=0)
    views = f", {pictures} views" if pictures > photos else ""
    return f"{photos} photo{'s' * (photos != 1)}{views}"


def results_table(
    results: Sequence[Result], width: int = WIDE, max_divergence: float = MAX_DIVERGENCE
) -> Table:
    """Every result in a row, baselines first and then split by split, for a terminal that wide.

    Green is the row with the fewest bytes within `max_divergence` (nats) of its block; red failed.
    """
    shown = columns(is_labelled(results), width >= WIDE)
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("codec", overflow="fold", min_width=12)
    for column in shown:
        table.add_column(column.heading, justify="right", no_wrap=True)
    chosen = picks(results, max_divergence)
    for title, rows in blocks(results).items():
        table.add_row(Text(title, style="bold"))
        for result in rows:
            style = "red" if result.failed else "bold green" if result in chosen else ""
            name = result.name + (f" ({result.failed} failed)" if result.failed else "")
            table.add_row(name, *(column.cell(result) for column in shown), style=style)
        table.add_section()
    return table


def bd_rows(
    results: Sequence[Result], anchor: str = "h264"
) -> tuple[list[str], dict[str, list[str]], str]:
    """The Bjøntegaard delta rates as text: the splits, the cells of each curve, and a note.

    The note has the reasons for the dashes. Without the anchor there are no rows, and the note
    says what anchors there are.
    """
    rates = bd_rates(results, anchor)
    if not rates:
        names = dict.fromkeys(name for split, name in curves(results) if split != "input")
        if find_anchor(list(names), anchor):
            return [], {}, f"{anchor} has no other curve of several qualities beside it."
        return [], {}, f"No curve {anchor} in this run; there is {', '.join(names) or 'none'}."
    splits = list(dict.fromkeys(split for split, _ in rates))
    rows = {}
    for name in dict.fromkeys(name for _, name in rates):
        cells = [rates.get((split, name)) for split in splits]
        rows[curve_name(name)] = [
            "–" if d is None or d.percent is None else signed(d.percent) for d in cells
        ]
    missing = [
        f"{curve_name(name)} at {split}: {delta.reason}"
        for (split, name), delta in rates.items()
        if delta.percent is None
    ]
    return splits, rows, "; ".join(missing)


def bd_table(results: Sequence[Result], anchor: str = "h264") -> tuple[Table | None, str]:
    """The same for a terminal: the table, or None without the anchor, and the note."""
    splits, rows, note = bd_rows(results, anchor)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column(f"% bytes against {anchor}")
    for split in splits:
        table.add_column(split, justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return (table if rows else None), note


def curve_name(curve: str) -> str:
    """A curve as a reader calls it."""
    if not curve.startswith("picture:"):
        return curve
    return "cloud only, " + curve.removeprefix("picture:format=").upper()


def show(
    console: Console,
    head: dict[str, Any],
    results: Sequence[Result],
    anchor: str = "h264",
    max_divergence: float = MAX_DIVERGENCE,
) -> None:
    """Print a run: the results, what failed, and the delta rates."""
    model = head.get("model", {}).get("name", "a model")
    console.print(f"[bold]{model}[/bold] on {counts(results)}", highlight=False)
    console.print(
        "Bytes a picture, bits a feature element; KL from the uncompressed network in nats, with a "
        "bootstrap interval over photos; agreement with it and accuracy in %; encode and decode in "
        "ms on this machine, p50"
        + (" (p95)." if console.width >= WIDE else " (a wider terminal shows p95 and top-5)."),
        style="dim",
        highlight=False,
    )
    console.print(results_table(results, console.width, max_divergence))
    totals = choices(head, results, max_divergence)
    for sentence in (on_bytes(results, max_divergence), *on_time(totals)):
        console.print(sentence, highlight=False)
    for warning in warnings(results):
        console.print(warning, style="red", highlight=False)
    table, note = bd_table(results, anchor)
    if table:
        console.print("[bold]Bjøntegaard delta rate over log divergence[/bold]", highlight=False)
        console.print(table)
    if note:
        console.print(note, style="dim", highlight=False)
