"""Figures of the features themselves, and of the network that they come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from splitwire.eval.plot_style import (
    INK,
    LIGHT,
    MUTED,
    SIZE,
    log_ticks,
    panel,
    size_text,
    styled,
)

Array = NDArray[Any]
DEVIATIONS = 3
"""Half the clip range of the quantising codecs by default, in standard deviations."""


@styled
def histogram(x: Array, title: str = "") -> Figure:
    """How often each feature value occurs, with the normal of the same mean and deviation.

    The shaded part is the clip range, mean ± 3 deviations; the share outside it is written.

    Args:
        x: a feature tensor of any shape.
        title: the split.
    """
    values = np.asarray(x, dtype=np.float64).ravel()
    mean, deviation = float(values.mean()), max(float(values.std()), 1e-12)
    low, high = mean - DEVIATIONS * deviation, mean + DEVIATIONS * deviation
    outside = float(np.mean((values < low) | (values > high)))
    reach = (mean - 5 * deviation, mean + 5 * deviation)
    figure, axes = panel(title, "feature value", "density")
    axes.axvspan(low, high, color=LIGHT["slate"], alpha=0.13, linewidth=0)
    axes.hist(values, 120, range=reach, density=True, color=LIGHT["blue"], alpha=0.75)
    grid = np.linspace(*reach, 300)
    bell = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    axes.plot(grid, bell, color=LIGHT["vermilion"], linewidth=1.6)
    words = (
        f"mean {mean:.2g}\ndeviation {deviation:.2g}\nfrom {values.min():.3g} to {values.max():.3g}"
        f"\n{100 * outside:.2g} % outside"
    )
    axes.text(0.985, 0.97, words, transform=axes.transAxes, ha="right", va="top", fontsize=8.5)
    axes.set(xlim=reach)
    axes.grid(axis="x", visible=False)
    return figure


@styled
def mosaic(x: Array, decoded: Array) -> list[Figure]:
    """A feature tensor as sent, as decoded, and what changed, each as one grey mosaic.

    All channels are quantised to 8 bits over the clip range of `x` and laid out as a codec would
    lay them out. The third panel is the difference, red where a value rose and blue where it fell,
    on a scale of its own.

    Args:
        x: float32, any shape that a codec takes.
        decoded: the same tensor after encoding and decoding.
    """
    from splitwire import kernels
    from splitwire.codecs.layout import to_planes

    lowest, highest, mean, deviation = kernels.moments(x)
    lo = max(lowest, mean - DEVIATIONS * deviation)
    hi = max(min(highest, mean + DEVIATIONS * deviation), lo + 1e-6)
    sent, got = (
        np.asarray(kernels.tile(kernels.quantize(np.ascontiguousarray(to_planes(y)), lo, hi)))
        for y in (x, decoded)
    )
    change = got.astype(np.int16) - sent
    most = max(int(np.abs(change).max()), 1)
    height = 0.35 + SIZE[0] * sent.shape[0] / sent.shape[1]
    figures = []
    for title, picture, colours, low, high in (
        ("as sent", sent, "gray", 0, 255),
        ("as decoded", got, "gray", 0, 255),
        (f"difference, ± {most} of 255", change, "RdBu_r", -most, most),
    ):
        figure, axes = panel(title, size=(SIZE[0], min(height, 1.6 * SIZE[0])))
        axes.imshow(picture, colours, interpolation="nearest", vmin=low, vmax=high)
        axes.set_axis_off()
        figures.append(figure)
    return figures


@styled
def depth(model: dict[str, Any], splits: Sequence[str]) -> Figure | None:
    """Bytes at 8 bits, and the share of computation done, along the depth of the network.

    Args:
        model: of a run's head, with `points` and `picture_bytes`.
        splits: the ones to name.

    Returns:
        None where the head names fewer than two cut points.
    """
    points = model.get("points") or []
    if len(points) < 2:
        return None
    figure = Figure(figsize=(5.8, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    places = np.arange(len(points))
    upper.step(places, [p["elements"] for p in points], where="mid", color=LIGHT["blue"])
    upper.set(yscale="log", ylabel="bytes at 8 bits")
    picture = model.get("picture_bytes")
    if picture:
        upper.axhline(picture, color=INK, linestyle="--", linewidth=1.2)
        upper.annotate(
            f"the picture, {size_text(picture)}",
            (1, picture),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
        )
    lower.fill_between(places, [100 * p["share"] for p in points], color=LIGHT["amber"], alpha=0.3)
    lower.plot(places, [100 * p["share"] for p in points], color=LIGHT["amber"])
    lower.set(
        ylim=(0, 104),
        ylabel="computation so far",
        xlabel="cut points in order of depth",
        xlim=(0, len(points) - 1),
        xticks=[],
    )
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    for place, point in enumerate(points):
        if point["name"] in splits or point.get("node") in splits:
            for axes, value in ((upper, point["elements"]), (lower, 100 * point["share"])):
                axes.axvline(place, color=MUTED, linewidth=0.8, linestyle=":")
                axes.plot(place, value, "o", color=INK, markersize=5)
            text = f"{point['name']}\n{size_text(point['elements'])}"
            upper.annotate(
                text, (place, point["elements"]), (5, 5), textcoords="offset points", fontsize=8.5
            )
    low, high = upper.get_ylim()
    upper.set_ylim(low / 1.2, high * 1.8)
    log_ticks(upper.yaxis, size_text)
    return figure
