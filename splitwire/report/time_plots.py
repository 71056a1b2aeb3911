"""Figures of where the time goes: over upload rates, and over the stages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from splitwire.eval.experiment import LinkPlan
from splitwire.eval.results import Result
from splitwire.eval.totals import (
    FASTEST,
    SLOWEST,
    Total,
    best,
    envelope,
    merge,
    stage_seconds,
)
from splitwire.report.plot_style import INK, LIGHT, MUTED, STAGE_COLOURS, log_ticks, panel, styled
from splitwire.report.units import significant, size_text, time_text
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Way

WAY_STYLES: dict[Way, dict[str, Any]] = {
    EDGE_ONLY: {"color": LIGHT["vermilion"], "linestyle": ":"},
    CLOUD_ONLY: {"color": INK, "linestyle": "--"},
    SHARED: {"color": LIGHT["blue"], "linestyle": "-", "linewidth": 2.4},
}


RATES = np.geomspace(SLOWEST, FASTEST, 240)
"""Bytes a second, at which total times are drawn."""


@styled
def total_time(totals: Sequence[Total]) -> Figure:
    """Total time against upload rate, both logarithmic: a line a way, each at its best.

    The breaks where one way overtakes the others are marked with their rates.

    Args:
        totals: the choices that hold the fidelity asked for.
    """
    figure, axes = panel("", "upload rate in bytes a second", "total time", (4.7, 3.7))
    rates = RATES
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
    for way, start, end in pieces:
        axes.axvspan(start, end, color=WAY_STYLES[way]["color"], alpha=0.08, linewidth=0)
    _mark(axes, [start for _, start, _ in pieces[1:]], breaks)
    axes.legend(frameon=False, labelcolor="linecolor", handlelength=2.4, loc="upper right")
    log_ticks(axes.xaxis, size_text)
    log_ticks(axes.yaxis, time_text)
    return figure


def _mark(axes: Axes, rates: Sequence[float], seconds: Sequence[float]) -> None:
    """The break-even rates, each with its value below it.

    Every line falls towards the right, so what is left of and below a break is free, unless another
    break is near.
    """
    low, last = axes.get_ylim()[0], 0.0
    for rate, total in zip(rates, seconds, strict=True):
        axes.plot([rate, rate], [low, total], color=MUTED, linewidth=1)
        axes.plot([rate], [total], "o", color=INK, markersize=5)
        left = rate > 1.6 * last
        axes.annotate(
            f"{size_text(rate)}/s",
            (rate, low),
            (-3 if left else 4, 5),
            textcoords="offset points",
            rotation=90,
            fontsize=9,
            ha="right" if left else "left",
            va="bottom",
        )
        last = rate


@styled
def stage_times(results: Sequence[Result], link: LinkPlan, edge: float, cloud: float) -> Figure:
    """Stacked p50 times of each stage over one link, in milliseconds: a bar a result.

    Args:
        results: one for each bar, from the top down.
        link: of the experiment.
        edge: the edge device's factor.
        cloud: the cloud device's factor.
    """
    size = (4.7, 0.9 + 0.46 * len(results))
    figure, axes = panel(f"over {link.name}", "milliseconds", "", size)
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
