"""What an eavesdropper got, drawn: curves along rate and depth, and the pictures themselves."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from splitwire.attack.files import seen_path, sent_path
from splitwire.attack.lines import Head, Line
from splitwire.disk import write_whole
from splitwire.report.attack_rows import Row, rows
from splitwire.report.attack_table import judge_of
from splitwire.report.plot_style import INK, LIGHT, MUTED, log_ticks, styled
from splitwire.report.units import size_text

_COLOURS = ("amber", "green", "blue", "purple", "vermilion", "brown", "crimson", "indigo")
_PANEL = (5.2, 3.9)  # inches
_CELL = 1.5


@styled
def curves(head: Head, lines: Sequence[Line]) -> Figure:
    """SSIM, and what is recognised, over bytes: a curve a split, with 95 % intervals.

    Dashes are a JPEG of as many bytes; dots the eavesdropper's nearest picture.
    """
    figure = Figure(figsize=(2 * _PANEL[0], _PANEL[1]), layout="constrained")
    found = rows(lines)
    for axes, measure in zip(figure.subplots(1, 2), ("ssim", "top1"), strict=True):
        axes.set(xscale="log", xlabel="bytes a picture", ylim=(-0.03, 1.03))
        _curves(axes, found, measure)
        log_ticks(axes.xaxis, size_text)
    similar, seen = figure.axes
    similar.set_title("structural similarity to the picture")
    seen.set_title(f"share that {judge_of(head)} recognises")
    named = similar.get_legend_handles_labels()
    figure.legend(*named, frameon=False, ncols=8, loc="outside lower center")
    return figure


def _curves(axes: Axes, found: Sequence[Row], measure: str) -> None:
    splits = list(dict.fromkeys(row.split for row in found))
    for split, colour in zip(splits, _COLOURS * len(splits), strict=False):
        some = sorted((row for row in found if row.split == split), key=lambda row: row.bytes)
        sizes = [row.bytes for row in some]
        told = [row.scores["inversion"][measure] for row in some]
        means = [e.mean for e in told]
        ends = [[e.mean - e.low for e in told], [e.high - e.mean for e in told]]
        axes.errorbar(sizes, means, np.nan_to_num(ends), color=LIGHT[colour], marker="o",
                      elinewidth=0.8, label=split)  # fmt: skip
        near = [row.scores["nearest"][measure].mean for row in some]
        axes.plot(sizes, near, ":", color=LIGHT[colour], linewidth=1.3)
    jpegs = sorted((r.bytes, r.scores["jpeg"][measure].mean) for r in found if "jpeg" in r.scores)
    if jpegs:
        axes.plot(*zip(*jpegs, strict=True), "--", color=INK, linewidth=1.2, label="JPEG")
    axes.plot([], [], ":", color=MUTED, label="nearest own picture")


@styled
def sheet(out: Path, lines: Sequence[Line], pictures: Sequence[str]) -> Figure:
    """What was sent and, to the right of it, what was seen at each split; a row a codec."""
    splits, codecs = (list(dict.fromkeys(getattr(x, k) for x in lines)) for k in ("split", "codec"))
    known = {(x.split, x.codec, x.picture): x for x in lines}
    count = len(pictures) * len(codecs)
    figure = Figure(figsize=(_CELL * (1 + len(splits)), 1.13 * _CELL * count), layout="constrained")
    grid = figure.subplots(count, 1 + len(splits), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for at, picture in enumerate(pictures):
        for row, codec in enumerate(codecs, at * len(codecs)):
            if codec == codecs[0]:
                _show(grid[row, 0], sent_path(out, picture), "sent")
            grid[row, 1].text(-0.04, 0.5, codec, rotation=90, ha="right", va="center", fontsize=7.5,
                              transform=grid[row, 1].transAxes)  # fmt: skip
            for column, split in enumerate(splits, 1):
                if line := known.get((split, codec, picture)):
                    ssim = line.scores["inversion"]["ssim"]
                    said = f"{split}, {size_text(line.bytes)}, {ssim:.2f}"
                    path = seen_path(out, split, codec, picture, "inversion")
                    _show(grid[row, column], path, said)
    return figure


def _show(axes: Axes, path: Path, title: str) -> None:
    axes.imshow(np.asarray(Image.open(path)))
    axes.set_title(title, fontsize=7.5, fontweight="normal", loc="center", pad=2)


@styled
def save(figure: Figure, path: Path) -> None:
    """Write a figure, in the format that its name ends on.

    Raises:
        StorageError: it cannot be written.
    """
    written = io.BytesIO()
    figure.savefig(written, format=path.suffix[1:], dpi=144)
    write_whole(path, written.getvalue())
