"""What an attack got, as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from splitwire.attack.lines import Head, Line
from splitwire.eval.results import Estimate
from splitwire.report.attack_rows import Row, rows
from splitwire.report.columns import number

SSIM_OF = ("inversion", "optimisation", "nearest", "mean", "jpeg")
SEEN_OF = ("inversion", "optimisation", "nearest", "jpeg")


def headings(head: Head) -> list[str]:
    """Of `cells`."""
    left_out = () if head.optimise else ("optimisation",)
    return [
        "codec",
        "bytes",
        "bound dB",
        "PSNR",
        "over nearest",
        *(f"SSIM {name}" for name in SSIM_OF if name not in left_out),
        *(f"seen {name}" for name in SEEN_OF if name not in left_out),
    ]


def cells(head: Head, row: Row) -> list[str]:
    """A row as it is read: intervals are of 95 %, over pictures."""
    left_out = () if head.optimise else ("optimisation",)

    def told(name: str, measure: str) -> str:
        found = row.scores.get(name)
        if found is None:
            return "–"
        scale, digits = (100, 0) if measure == "top1" else (1, 2)
        return interval(found[measure], scale, digits, name in ("inversion", "optimisation"))

    psnr = row.scores["inversion"]["psnr"].mean
    return [
        row.codec,
        number(row.bytes),
        f"{row.bound:.1f}",
        f"{psnr:.1f}",
        "+" * (row.ahead.mean > 0) + interval(row.ahead, 1, 2),
        *(told(name, "ssim") for name in SSIM_OF if name not in left_out),
        *(told(name, "top1") for name in SEEN_OF if name not in left_out),
    ]


def interval(estimate: Estimate, scale: float, digits: int, whole: bool = True) -> str:
    """ "0.42 (0.38, 0.45)", or the mean alone."""
    mean, low, high = (scale * x for x in (estimate.mean, estimate.low, estimate.high))
    ends = f" ({low:.{digits}f}, {high:.{digits}f})" if whole and low == low else ""
    return f"{mean:.{digits}f}{ends}"


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
        f"has {head.crops} crops of {head.own} pictures of his own ({head.data}). Attacks on "
        f"decoded features: {attacks}. Beside them his nearest picture by these features, the mean "
        "of his pictures, and a JPEG of as many bytes. bound: the PSNR that no unbiased estimator "
        "exceeds; PSNR is that of inversion, and over nearest its SSIM less that of the nearest "
        f"picture. seen: pictures in % in which {judge_of(head)} sees the class that it sees in "
        "the original. Intervals are of 95 %, over pictures."
    )


def attack_table(head: Head, lines: Sequence[Line]) -> Table:
    """For a terminal."""
    found = rows(lines)
    said = Text(explained(head, max((row.pictures for row in found), default=0)), "dim")
    table = Table(box=None, title=said, title_justify="left")
    for at, heading in enumerate(["split", *headings(head)]):
        table.add_column(heading, justify="left" if at < 2 else "right")
    for row in found:
        table.add_row(*(Text(cell) for cell in (row.split, *cells(head, row))))
    return table
