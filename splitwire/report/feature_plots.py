"""Figures of the features themselves, and of the network that they come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs.layout import to_planes
from splitwire.eval.head import Network, Point
from splitwire.report.plot_style import INK, LIGHT, SIZE, log_ticks, panel, styled
from splitwire.report.units import significant, size_text

Array = NDArray[Any]
DEVIATIONS = 3
"""Half the clip range of the quantising codecs by default, in standard deviations."""

_BINS = 120
_ZEROS = 0.1  # share of exact zeros from which on features come from a ReLU
WIDE = (4.7, 3.3)
_DEPTH = "cut points in order of depth"


@styled
def histogram(x: Array, title: str = "") -> Figure:
    """How often each feature value occurs, with the normal of the same mean and deviation.

    The shaded part is the clip range, mean ± 3 deviations; the share outside it is written. Behind
    a ReLU, where a linear axis shows a spike at zero and nothing else, the density is logarithmic.

    Args:
        x: a feature tensor of any shape.
        title: the split.
    """
    values = np.asarray(x, dtype=np.float64).ravel()
    mean, deviation = float(values.mean()), max(float(values.std()), 1e-12)
    low, high = mean - DEVIATIONS * deviation, mean + DEVIATIONS * deviation
    outside = float(np.mean((values < low) | (values > high)))
    reach, behind = _reach(values), rectified(values)
    figure, axes = panel(title, "feature value", "density")
    axes.axvspan(low, high, color=LIGHT["slate"], alpha=0.13, linewidth=0)
    tall, *_ = axes.hist(values, _BINS, range=reach, density=True, color=LIGHT["blue"], alpha=0.75)
    grid = np.linspace(*reach, 300)
    bell = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    axes.plot(grid, bell, color=LIGHT["vermilion"], linewidth=1.6)
    words = (
        f"mean {mean:.2g}\ndeviation {deviation:.2g}\nfrom {values.min():.3g} to {values.max():.3g}"
        f"\n{100 * outside:.2g} % outside"
    )
    words = words.replace("-", "−")
    axes.text(0.985, 0.97, words, transform=axes.transAxes, ha="right", va="top", fontsize=9)
    axes.set(xlim=reach)
    if behind:
        seen = np.asarray(tall)[np.asarray(tall) > 0]
        axes.set(yscale="log", ylim=(seen.min() / 2, seen.max() * 40))  # room for the words
        log_ticks(axes.yaxis, significant)
    axes.grid(axis="x", visible=False)
    return figure


def histogram_rows(x: Array) -> list[dict[str, object]]:
    """The bars of `histogram`: from, to, density."""
    values = np.asarray(x, dtype=np.float64).ravel()
    tall, ends = np.histogram(values, _BINS, _reach(values), density=True)
    bars = zip(ends[:-1], ends[1:], tall, strict=True)
    return [{"from": low, "to": high, "density": height} for low, high, height in bars]


def rectified(x: Array) -> bool:
    """Whether features come from a ReLU: none is negative, and many are exactly zero."""
    return bool(x.min() == 0 and np.mean(x == 0) > _ZEROS)


def _reach(values: Array) -> tuple[float, float]:
    """What a histogram shows: mean ± 5 deviations, and nothing below zero behind a ReLU."""
    mean, deviation = float(values.mean()), max(float(values.std()), 1e-12)
    low, high = mean - 5 * deviation, mean + 5 * deviation
    return (-deviation / 4, min(high, float(values.max()))) if rectified(values) else (low, high)


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
def depth(network: Network, splits: Sequence[str]) -> list[Figure]:
    """Bytes at 8 bits, and the share of computation done, along the depth of the network.

    Args:
        network: of a run's head.
        splits: the names or nodes of those to mark.

    Returns:
        A panel for each; none where the head names fewer than two cut points.
    """
    points = network.points
    if len(points) < 2:
        return []
    names = [place for place, p in enumerate(points) if {p.name, p.node} & set(splits)]
    return [_sizes(network, names), _shares(points, names)]


def _sizes(network: Network, names: Sequence[int]) -> Figure:
    points = network.points
    sizes = [point.elements for point in points]
    figure, axes = panel("bytes to send, at 8 bits an element", _DEPTH, "", WIDE)
    axes.step(range(len(points)), sizes, where="mid", color=LIGHT["blue"])
    axes.set(yscale="log", xlim=(0, len(points) - 1), xticks=[])
    axes.axhline(network.picture, color=INK, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"the picture, {size_text(network.picture)}",
        (1, network.picture),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=9,
        ha="right",
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.9, high * 1.3)
    log_ticks(axes.yaxis, size_text)
    texts = [f"{points[i].name}\n{size_text(sizes[i])}" for i in names]
    _name(axes, names, sizes, "top", texts)
    return figure


def _shares(points: Sequence[Point], names: Sequence[int]) -> Figure:
    shares = [100 * point.share for point in points]
    figure, axes = panel("computation done on the edge", _DEPTH, "", WIDE)
    axes.fill_between(range(len(points)), shares, color=LIGHT["amber"], alpha=0.25, linewidth=0)
    axes.plot(shares, color=LIGHT["amber"])
    axes.set(xlim=(0, len(points) - 1), xticks=[], ylim=(0, 104))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    texts = [f"{points[i].name}\n{shares[i]:.0f} %" for i in names]
    _name(axes, names, shares, "bottom", texts)
    return figure


def _name(
    axes: Axes, places: Sequence[int], values: Sequence[float], left: str, texts: list[str]
) -> None:
    """Mark the chosen splits, with words to the left of the point, where the curve is not.

    `left` says which end of them is at the point: "top" under a falling curve, "bottom" over a
    rising one. Near the left edge they hang below the point to its right.
    """
    edge = 0.15 * axes.get_xlim()[1]
    for place, text in zip(places, texts, strict=True):
        right = place < edge
        axes.plot(place, values[place], "o", color=INK, markersize=5, clip_on=False)
        axes.annotate(
            text,
            (place, values[place]),
            (5 if right else -5, 5 if not right and left == "bottom" else -5),
            textcoords="offset points",
            fontsize=9,
            ha="left" if right else "right",
            va="top" if right else left,
            bbox={"color": LIGHT["card"], "alpha": 0.8, "pad": 1},  # it may lie over the curve
        )
