"""What an attack got, as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from splitwire.attack.lines import ATTACKS, Head, Line
from splitwire.eval.results import Estimate
from splitwire.report.attack_rows import Row, rows
from splitwire.report.columns import number

WIDE = 210
"""Columns of terminal from which the table shows everything."""

_NARROW = ("codec", "bytes", "PSNR", "SSIM inversion", "seen inversion")
_WITH_INTERVAL = ("inversion", "optimisation")


def cells(head: Head, row: Row) -> dict[str, str]:
    """A row as it is read, by heading."""
    names = [name for name in ATTACKS if head.optimise or name != "optimisation"]
    return {
        "codec": row.codec,
        "bytes": number(row.bytes),
        "bound dB": f"{row.bound:.1f}",
        "PSNR": f"{row.scores['inversion']['psnr'].mean:.1f}",
        "over nearest": "+" * (row.ahead.mean > 0) + _interval(row.ahead, 1, 2),
        **{f"SSIM {name}": _cell(row, name, "ssim", 1, 2) for name in names},
        **{f"seen {name}": _cell(row, name, "top1", 100, 0) for name in names if name != "mean"},
    }


def judge_of(head: Head) -> str:
    """The judge's name alone."""
    return head.judge.rpartition(":")[2]


def explained(head: Head, count: int) -> str:
    """What was done to so many pictures, and what the columns mean."""
    attacks = "inversion, a decoder trained on them"
    if head.optimise:
        attacks += "; optimisation, pixels moved until their features fit"
    return (
        f"What one got of {count} pictures ({head.on}) who knows network, codec and profile and "
        f"has {head.crops} crops of {head.own} other pictures ({head.data}). Attacks on decoded "
        f"features: {attacks}. Beside them the nearest of these other pictures by features, their "
        "mean, and a JPEG of as many bytes. bound: the PSNR that no unbiased estimator exceeds; "
        "PSNR is that of inversion, and over nearest its SSIM less that of the nearest picture. "
        f"seen: pictures in % in which {judge_of(head)} sees the class that it sees in the "
        "original. Intervals are of 95 %, over pictures."
    )


def attack_table(head: Head, lines: Sequence[Line], wide: bool = True) -> Table:
    """For a terminal; where it is not `wide`, with what matters most."""
    found = rows(lines)
    said = explained(head, max((row.pictures for row in found), default=0))
    table = Table(box=None, title=Text(said, "dim"), title_justify="left")
    table.add_column("split")
    told = [(row.split, cells(head, row)) for row in found]
    shown = [heading for heading in (told[0][1] if told else {}) if wide or heading in _NARROW]
    for heading in shown:
        table.add_column(heading, justify="left" if heading == "codec" else "right")
    for split, row in told:
        table.add_row(Text(split), *(Text(row[heading]) for heading in shown))
    return table


def _cell(row: Row, name: str, measure: str, scale: float, digits: int) -> str:
    if name not in row.scores:
        return "–"
    return _interval(row.scores[name][measure], scale, digits, name in _WITH_INTERVAL)


def _interval(estimate: Estimate, scale: float, digits: int, whole: bool = True) -> str:
    """ "0.42 (0.38, 0.45)", or the mean alone."""
    mean, low, high = (scale * x for x in (estimate.mean, estimate.low, estimate.high))
    ends = f" ({low:.{digits}f}, {high:.{digits}f})" if whole and low == low else ""
    return f"{mean:.{digits}f}{ends}"
