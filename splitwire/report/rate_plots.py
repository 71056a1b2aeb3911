"""Figures of rate against divergence, and against a metric: a panel a split, a curve a codec.

Each function gives matplotlib figures and touches no global state; `svg.svg` makes them part of a
page. A panel is a figure of its own, so that a page can set panels side by side on a desk and below
each other on a phone; panels of one section share their limits.
"""

import math
from collections.abc import Callable, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from splitwire.eval.curves import FLOOR, curves
from splitwire.eval.results import Estimate, Result
from splitwire.report.plot_style import MUTED, log_ticks, panel, styled, styles, tell
from splitwire.report.units import each, significant, size_text
from splitwire.runner.choice import EDGE_ONLY
from splitwire.tasks.metric import Metric

_LABEL = 44  # letters that fit beside an axis
_UNKNOWN = Estimate(math.nan)


@styled
def rate_divergence(results: Sequence[Result], unit: str, max_divergence: float) -> list[Figure]:
    """Rate against divergence, both logarithmic.

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
    for split in splits_of(shown):
        figure, axes = panel(split, _rate_label(shown), f"divergence in {unit}")
        axes.set(xscale="log", yscale="log", xlim=_rates(shown), ylim=(bottom, top))
        _line_across(axes, max_divergence)
        _draw(axes, shown, split, lambda result: result.divergence)
        for point in points_of(shown, split):
            far = point.divergence.mean
            tell(axes, point.bytes, far, f"{_named(point)}, {significant(far)} {unit}")
        log_ticks(axes.xaxis, size_text)
        log_ticks(axes.yaxis, significant)
        figures.append(figure)
    return figures


@styled
def rate_metric(results: Sequence[Result], metric: Metric) -> list[Figure]:
    """Rate against a metric; shares in percent.

    Where it judges by the truth, the dotted line across is what the uncompressed network has.
    """
    shown, whole = visible(results), uncompressed(results, metric)
    scale, label = (100, f"{metric.about} in %") if metric.share else (1, metric.about)
    figures = []
    for split in splits_of(shown):
        figure, axes = panel(split, _rate_label(shown), fill(label, _LABEL))
        axes.set(xscale="log", xlim=_rates(shown))
        if whole is not None:
            _line_across(axes, scale * whole)
        _draw(axes, shown, split, lambda result: result.metrics.get(metric.name, _UNKNOWN), scale)
        for point in points_of(shown, split):
            value = scale * point.metrics.get(metric.name, _UNKNOWN).mean
            words = f"{_named(point)}, {significant(value)}{' %' * metric.share}"
            if math.isfinite(value):
                tell(axes, point.bytes, value, words)
        log_ticks(axes.xaxis, size_text)
        figures.append(figure)
    _share_limits(figures, most=100 if metric.share else math.inf)
    return figures


def uncompressed(results: Sequence[Result], metric: Metric) -> float | None:
    """What the uncompressed network has of a metric that judges by the truth, or None."""
    alone = [r.metrics.get(metric.name, _UNKNOWN) for r in results if r.way == EDGE_ONLY]
    known = [estimate.mean for estimate in alone if math.isfinite(estimate.mean)]
    return known[0] if metric.by_truth and known else None


def visible(results: Sequence[Result]) -> list[Result]:
    """The points that the rate figures show: of curves, with a divergence that has a logarithm."""
    points = [point for curve in curves(results).values() for point in curve]
    return [p for p in points if FLOOR <= p.divergence.mean < math.inf]


def splits_of(shown: Sequence[Result]) -> list[str]:
    """A panel for each split; where only pictures were sent, one for them."""
    return list(dict.fromkeys(r.split for r in shown if r.split)) or [r.split for r in shown[:1]]


def _rate_label(shown: Sequence[Result]) -> str:
    return f"bytes a {each(shown[0].clips)}"


def _rates(shown: Sequence[Result]) -> tuple[float, float]:
    rates = [result.bytes for result in shown]
    return min(rates) / 1.25, max(rates) * 1.25


def points_of(shown: Sequence[Result], split: str) -> list[Result]:
    """Those of a panel."""
    return [result for result in shown if result.split in (split, "")]


def _named(result: Result) -> str:
    return f"{result.name}: {size_text(result.bytes)}"


def _line_across(axes: Axes, value: float) -> None:
    axes.axhline(value, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.2)


def _draw(
    axes: Axes,
    shown: Sequence[Result],
    split: str,
    value: Callable[[Result], Estimate],
    scale: float = 1.0,
) -> None:
    """The curves of a split, and of what sends the picture."""
    looks = styles(result.curve for result in shown)
    for (at, name), points in curves(shown).items():
        if at not in (split, ""):
            continue
        marks = [value(point) for point in points]
        means = np.array([mark.mean for mark in marks])
        # With one photo there is no interval: a bar of no length.
        low = np.array([np.nan_to_num(mark.low, nan=mark.mean) for mark in marks])
        high = np.array([np.nan_to_num(mark.high, nan=mark.mean) for mark in marks])
        bars = scale * np.maximum([means - low, high - means], 0)
        rates, look = [point.bytes for point in points], looks[name]
        order = 3 if at else 2
        axes.errorbar(
            rates, scale * means, bars, fmt="none", ecolor=look.colour, elinewidth=1, alpha=0.4
        )
        axes.plot(rates, scale * means, markeredgewidth=0, zorder=order, **look.line)


def _share_limits(figures: Sequence[Figure], most: float) -> None:
    """Give panels the same limits, a little above `most` at the highest, and ticks below it."""
    limits = [figure.axes[0].get_ylim() for figure in figures]
    for figure in figures:
        bottom, top = min(low for low, _ in limits), min(1.02 * most, max(up for _, up in limits))
        ticks = [
            tick
            for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(bottom, top)
            if bottom <= tick <= min(top, most)
        ]
        figure.axes[0].set(ylim=(bottom, top), yticks=ticks)
