"""Showing figures: a table of ratios, the same as Markdown, and a roofline picture."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from splitwire import kernels
from splitwire.bench.measure import Figure

PEERS = ("numpy", "torch", "torch.quantize_per_tensor", "torch.compile", "opencv", "numba")
HEADINGS = ("kernel", "size", "time (µs)", "GB/s", "of ideal", *PEERS)


def cells(figure: Figure) -> list[str]:
    """A row of the table: shares of the ideal, and how many times as long each peer takes."""
    seconds = figure.seconds["splitwire"]
    peers = [f"{figure.ratio(p):.1f}×" if p in figure.seconds else "–" for p in PEERS]
    return [
        figure.kernel,
        figure.size,
        f"{1e6 * seconds:,.1f}",
        f"{figure.bytes / seconds / 1e9:.1f}",
        f"{figure.ratio('ideal'):.0%}",
        *peers,
    ]


def table(figures: Sequence[Figure]) -> Table:
    """The ratios, for a terminal."""
    shown = Table(title=f"one thread, {kernels.isa}", box=None)
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading in ("kernel", "size") else "right")
    for figure in figures:
        shown.add_row(*cells(figure))
    return shown


def markdown(figures: Sequence[Figure]) -> str:
    """The ratios, for a document."""
    rows = [HEADINGS, ["---"] * 2 + ["--:"] * (len(HEADINGS) - 2), *map(cells, figures)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def draw_roofline(figures: Sequence[Figure], path: Path) -> None:
    """Bytes moved a second by each kernel, below the ideal of the same bytes, at every size.

    The suffix of `path` (.svg, .png) says which kind of picture.
    """
    from matplotlib.figure import Figure as Picture

    names = list(dict.fromkeys(f.kernel for f in figures))
    sizes = list(dict.fromkeys(f.size for f in figures))
    picture = Picture(figsize=(9, 1.2 + 3.0 * len(sizes)), layout="constrained")
    for axes, size in zip(picture.subplots(len(sizes), squeeze=False)[:, 0], sizes, strict=True):
        at = {f.kernel: f for f in figures if f.size == size}
        places = [names.index(name) for name in at]
        ideal = [f.bytes / f.seconds["ideal"] / 1e9 for f in at.values()]
        reached = [f.bytes / f.seconds["splitwire"] / 1e9 for f in at.values()]
        axes.bar(places, ideal, color="none", edgecolor="0.4", label="same bytes moved")
        axes.bar(places, reached, width=0.6, color="tab:blue", label="kernel")
        for place, figure, height in zip(places, at.values(), reached, strict=True):
            axes.annotate(f"{figure.ratio('ideal'):.0%}", (place, height), ha="center", va="bottom")
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
        axes.set_ylabel("GB/s")
        axes.set_title(size, loc="left")
    axes.legend()
    picture.suptitle(f"Bytes moved a second, one thread, {kernels.isa}")
    picture.savefig(path)
