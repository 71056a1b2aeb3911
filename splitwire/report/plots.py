"""Figures drawn from results: rate against divergence and accuracy, and where the time goes.

Each function gives matplotlib figures and touches no global state; `plot_style.svg` makes them part
of a page. A panel is a figure of its own, so that a page can set panels side by side on a desk and
below each other on a phone; panels of one figure share their limits.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from splitwire.eval.curves import FLOOR, curves
from splitwire.eval.results import Estimate, Result
from splitwire.eval.totals import (
    FASTEST,
    MAX_DIVERGENCE,
    SLOWEST,
    Link,
    Total,
    best,
    envelope,
    merge,
    stage_seconds,
)
from splitwire.report.plot_style import (
    INK,
    LIGHT,
    MUTED,
    STAGE_COLOURS,
    log_ticks,
    panel,
    styled,
    styles,
)
from splitwire.report.table import is_labelled
from splitwire.report.units import significant, size_text, time_text

WAY_STYLES: dict[str, dict[str, Any]] = {
    "edge only": {"color": LIGHT["vermilion"], "linestyle": ":"},
    "cloud only": {"color": INK, "linestyle": "--"},
    "split": {"color": LIGHT["blue"], "linestyle": "-", "linewidth": 2.4},
}


@styled
def rate_divergence(
    results: Sequence[Result], max_divergence: float = MAX_DIVERGENCE
) -> list[Figure]:
    """Rate against divergence, both logarithmic: a panel a split, a curve a codec.

    The cloud-only curve is in every panel, bars are bootstrap intervals, and the dotted line is the
    fidelity asked for.
    """
    shown = visible(results)
    if not shown:
        return []
    ends = [
        max(FLOOR, value)
        for result in shown
        for value in (result.divergence.low, result.divergence.mean, result.divergence.high)
        if math.isfinite(value)
    ]
    bottom, top = min(ends) / 1.3, max(*ends, max_divergence) * 1.3
    figures = []
    for split in _splits(shown):
        figure, axes = panel(split, "bytes a picture", "divergence in nats")
        axes.set(xscale="log", yscale="log", xlim=_rates(shown), ylim=(bottom, top))
        axes.axhline(max_divergence, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.2)
        _draw(axes, shown, split, lambda result: result.divergence, 1.0)
        log_ticks(axes.xaxis, size_text)
        log_ticks(axes.yaxis, significant)
        figures.append(figure)
    return figures


@styled
def rate_accuracy(results: Sequence[Result]) -> list[Figure]:
    """Rate against top-1 accuracy, or against agreement where there are no labels, in percent.

    The line across is the uncompressed network's accuracy, from edge only.
    """
    shown = visible(results)
    labelled = is_labelled(shown)
    whole = next((r.top1.mean for r in results if r.way == "edge only" and r.top1), None)
    figures = []
    for split in _splits(shown):
        what = "top-1 accuracy in %" if labelled else "top-1 agreement in %"
        figure, axes = panel(split, "bytes a picture", what)
        axes.set(xscale="log", xlim=_rates(shown))
        if labelled and whole is not None:
            axes.axhline(100 * whole, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.2)
        _draw(axes, shown, split, _accuracy if labelled else (lambda r: r.agreement), 100.0)
        log_ticks(axes.xaxis, size_text)
        figures.append(figure)
    limits = [figure.axes[0].get_ylim() for figure in figures]
    for figure in figures:
        bottom, top = min(low for low, _ in limits), min(102, max(high for _, high in limits))
        ticks = [
            tick
            for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(bottom, top)
            if bottom <= tick <= 100
        ]
        figure.axes[0].set(ylim=(bottom, top), yticks=ticks)
    return figures


def _accuracy(result: Result) -> Estimate:
    return result.top1 or Estimate(math.nan)


def visible(results: Sequence[Result]) -> list[Result]:
    """The points that the rate figures show: of curves, with a divergence that has a logarithm."""
    points = [point for curve in curves(results).values() for point in curve]
    return [p for p in points if FLOOR <= p.divergence.mean < math.inf]


def _splits(shown: Sequence[Result]) -> list[str]:
    """A panel for each split; where only pictures were sent, one for them."""
    return list(dict.fromkeys(r.split for r in shown if r.way == "split")) or [
        r.split for r in shown[:1]
    ]


def _rates(shown: Sequence[Result]) -> tuple[float, float]:
    rates = [result.bytes for result in shown]
    return min(rates) / 1.25, max(rates) * 1.25


def _draw(axes: Any, shown: Sequence[Result], split: str, value: Any, scale: float) -> None:
    looks = styles(result.curve for result in shown)
    for (at, name), points in curves(shown).items():
        if at not in (split, "input"):
            continue
        marks = [value(point) for point in points]
        means = np.array([mark.mean for mark in marks])
        # With one photo there is no interval: a bar of no length.
        low = np.array([np.nan_to_num(mark.low, nan=mark.mean) for mark in marks])
        high = np.array([np.nan_to_num(mark.high, nan=mark.mean) for mark in marks])
        bars = scale * np.maximum([means - low, high - means], 0)
        rates, look = [point.bytes for point in points], looks[name]
        order = 2 if at == "input" else 3
        axes.errorbar(
            rates, scale * means, bars, fmt="none", ecolor=look.colour, elinewidth=1, alpha=0.4
        )
        axes.plot(rates, scale * means, markeredgewidth=0, zorder=order, **look.line)


@styled
def total_time(totals: Sequence[Total]) -> Figure:
    """Total time against upload rate, both logarithmic: a line a way, each at its best.

    The breaks where one way overtakes the others are marked with their rates.

    Args:
        totals: the choices that hold the fidelity asked for.
    """
    figure, axes = panel("", "upload rate in bytes a second", "total time", (4.7, 3.7))
    rates = np.geomspace(SLOWEST, FASTEST, 240)
    axes.set(xscale="log", yscale="log", xlim=(SLOWEST, FASTEST))
    for way, look in WAY_STYLES.items():
        own = [total for total in totals if total.result.way == way]
        if own:
            axes.plot(rates, [best(own, rate).seconds(rate) for rate in rates], label=way, **look)
    axes.margins(y=0.08)
    low, high = axes.get_ylim()
    pieces = merge(envelope(totals))
    breaks = [best(totals, start).seconds(start) for _, start, _ in pieces[1:]]
    # Labels stand below the breaks: give the lowest of them 0.3 of the height.
    low = min([low, *((seconds / high**0.3) ** (1 / 0.7) for seconds in breaks)])
    axes.set_ylim(low, high)
    last = 0.0
    for way, start, end in pieces:
        axes.axvspan(start, end, color=WAY_STYLES[way]["color"], alpha=0.08, linewidth=0)
        if start <= SLOWEST:
            continue
        seconds = best(totals, start).seconds(start)
        axes.plot([start, start], [low, seconds], color=MUTED, linewidth=1)
        axes.plot([start], [seconds], "o", color=INK, markersize=5)
        # Every line falls towards the right, so what is left of and below a break is free, unless
        # another break is near.
        left = start > 1.6 * last
        axes.annotate(
            f"{size_text(start)}/s",
            (start, low),
            (-3 if left else 4, 5),
            textcoords="offset points",
            rotation=90,
            fontsize=9,
            ha="right" if left else "left",
            va="bottom",
        )
        last = start
    axes.legend(frameon=False, labelcolor="linecolor", handlelength=2.4, loc="upper right")
    log_ticks(axes.xaxis, size_text)
    log_ticks(axes.yaxis, time_text)
    return figure


@styled
def stage_times(results: Sequence[Result], link: Link, edge: float, cloud: float) -> Figure:
    """Stacked p50 times of each stage over one link, in milliseconds: a bar a result.

    Args:
        results: one for each bar, from the top down.
        link: of the experiment, as in the head of a run.
        edge: the edge device's factor.
        cloud: the cloud device's factor.
    """
    size = (4.7, 0.9 + 0.46 * len(results))
    figure, axes = panel(f"over {link['name']}", "milliseconds", "", size)
    longest = 0.0
    for row, result in enumerate(results):
        left = 0.0
        for stage, seconds in stage_seconds(result, link, edge, cloud).items():
            axes.barh(row, 1e3 * seconds, 0.42, left=left, color=STAGE_COLOURS[stage], linewidth=0)
            left += 1e3 * seconds
        axes.text(0, row - 0.26, result.label, fontsize=9, va="bottom", clip_on=False)
        axes.annotate(
            significant(left),
            (left, row),
            (4, 0),
            textcoords="offset points",
            fontsize=9,
            va="center",
            color=MUTED,
        )
        longest = max(longest, left)
    axes.set(xlim=(0, 1.1 * longest), ylim=(len(results) - 0.6, -0.75), yticks=[])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    return figure
