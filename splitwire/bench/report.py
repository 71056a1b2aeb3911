"""Showing figures: a table of ratios, the same as Markdown, and a roofline picture."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from splitwire import kernels
from splitwire.bench.measure import Figure

PEERS = ("numpy", "torch", "torch.quantize_per_tensor", "torch.compile", "opencv", "numba")
CODER_PEERS = ("splitwire unary", "constriction", "compressai", "zstd", "blosc2")


def rows(figures: Sequence[Figure]) -> list[list[str]]:
    """Headings, then a row a figure: how many times as long each peer takes that was measured."""
    peers = [p for p in ("ideal", *PEERS, *CODER_PEERS) if any(p in f.seconds for f in figures)]
    headings = ["kernel", "size", "time (µs)", "GB/s", *peers]
    return [[h.replace("ideal", "of ideal") for h in headings], *(_row(f, peers) for f in figures)]


def _row(figure: Figure, peers: Sequence[str]) -> list[str]:
    seconds = figure.seconds["splitwire"]
    measured = [_ratio(figure, peer) if peer in figure.seconds else "–" for peer in peers]
    speed = _three_digits(figure.bytes / seconds / 1e9)
    return [figure.kernel, figure.size, _three_digits(1e6 * seconds), speed, *measured]


def _ratio(figure: Figure, contender: str) -> str:
    ratio = figure.ratio(contender)
    if contender == "ideal":
        return f"{ratio:.0%}"
    return f"{_three_digits(ratio)}×"


def _three_digits(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}"


def table(figures: Sequence[Figure]) -> Table:
    """The ratios, for a terminal."""
    headings, *cells = rows(figures)
    shown = Table(
        title=f"one thread, {kernels.isa}", box=None, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for at, heading in enumerate(headings):
        broken = heading.replace(".", ".\n").replace("_", "_\n").replace(" ", "\n")
        shown.add_column(broken, justify="left" if at < 2 else "right", no_wrap=True)
    for row in cells:
        shown.add_row(*row)
    return shown


def markdown(figures: Sequence[Figure]) -> str:
    """The ratios, for a document."""
    headings, *cells = rows(figures)
    lines = [headings, ["---"] * 2 + ["--:"] * (len(headings) - 2), *cells]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


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
