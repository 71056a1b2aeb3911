"""The second figure of the demonstration that shared inference goes back to, of any run.

Ulhaq and Bajić, NeurIPS 2019: accuracy against the kilobytes that cross, both in even steps, at one
split; across it what the same features reach at 8 bits an element, uncompressed.
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from splitwire.codecs.spec import Spec
from splitwire.eval.results import Result
from splitwire.eval.summary import Summary
from splitwire.report import rate_plots
from splitwire.report.plot_style import MUTED, Style, panel, styled, styles
from splitwire.report.rate_sections import legend_of
from splitwire.report.section import Section
from splitwire.report.tables import result_row
from splitwire.report.units import size_text
from splitwire.tasks.metric import Metric

_ROOM = 1.25  # times the bytes at 8 bits, up to which the figure reaches


def accuracy_against_bytes(summary: Summary) -> Section | None:
    """A panel a split; None where no metric is known, or no split was run at 8 bits (`raw`)."""
    metric = summary.scoring.main(summary.known)
    plain = {result.split: result for result in summary.results if _is_plain(result)}
    seen = rate_plots.visible(summary.results)
    shown = [result for result in seen if result.split in plain]
    if metric is None or not shown:
        return None
    splits = list(dict.fromkeys(result.split for result in shown))
    looks = styles(result.curve for result in seen)
    groups = {split: [r for r in shown if r.split == split] for split in splits}
    return Section(
        "figure-2",
        f"{metric.about} against kilobytes",
        "Across: the same features at 8 bits an element, uncompressed.",
        [_figure(group, plain[split], metric, looks) for split, group in groups.items()],
        legend=legend_of(summary),
        data=[[result_row(r) for r in group] for group in groups.values()],
    )


def _is_plain(result: Result) -> bool:
    """Whether it sends features at 8 bits an element, and went through on every picture."""
    spec = Spec.parse(result.spec) if result.split and result.usable else None
    return spec is not None and spec.name == "raw" and spec.get("bits") == "8"


@styled
def _figure(
    results: Sequence[Result], plain: Result, metric: Metric, looks: Mapping[str, Style]
) -> Figure:
    scale = 100 if metric.share else 1
    unit = " in %" if metric.share else ""
    figure, axes = panel(plain.split, "kB a picture", metric.about + unit)
    for name in dict.fromkeys(result.curve for result in results):
        curve = [r for r in results if r.curve == name]
        values = [scale * r.metrics[metric.name].mean for r in curve]
        axes.plot([r.bytes / 1e3 for r in curve], values, **looks[name].line)
    whole = scale * plain.metrics[metric.name].mean
    axes.axhline(whole, color=MUTED, linestyle="--", linewidth=1.2)
    axes.set_xlim(0, _ROOM * plain.bytes / 1e3)
    axes.annotate(
        f"8 bits: {size_text(plain.bytes)}",
        (1, whole),
        (-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    return figure
