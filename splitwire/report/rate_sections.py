"""The sections of rate: against divergence, and against the task's metric."""

import math
from statistics import median

from splitwire.eval.summary import Summary
from splitwire.report import rate_plots
from splitwire.report.columns import metric_text
from splitwire.report.plot_style import Style, styles
from splitwire.report.rows import curve_name, picks
from splitwire.report.section import Rows, Section
from splitwire.report.tables import result_row
from splitwire.report.units import drawn_again, sentence, significant, size_text
from splitwire.runner.choice import CLOUD_ONLY
from splitwire.tasks.metric import Metric

_COARSE = 0.05
"""Half of an interval of a share, from which on it does not tell codecs of use apart."""


def against_divergence(summary: Summary) -> Section | None:
    """Rate against divergence; None without a curve."""
    results, unit = summary.results, summary.scoring.unit
    figures = rate_plots.rate_divergence(results, unit, summary.fidelity)
    if not figures:
        return None
    chosen = [pick for pick in picks(summary) if pick.split]
    cheapest = "; ".join(f"{p.label} ({size_text(p.bytes)})" for p in chosen)
    said = "Down and to the left is better: fewer bytes, and an output nearer to the network's own."
    if any(result.way == CLOUD_ONLY for result in rate_plots.visible(results)):
        itself = "video" if summary.clips else "picture"
        said += f" Broken curves are the {itself} itself (cloud only), the same in every panel."
    if any(math.isfinite(result.divergence.low) for result in results):
        said += f" Bars are 95 % bootstrap intervals over {drawn_again(summary.clips)}."
    said += f" The dotted line is {significant(summary.fidelity)} {unit}."
    if summary.head.trained:
        below = f"Fewest bytes below it: {cheapest}" if cheapest else "No codec comes below it"
        said += f" {below}."
    title = "Rate against divergence"
    return Section("rate", title, said, figures, legend=legend_of(summary), data=_data(summary))


def against_metric(summary: Summary) -> Section | None:
    """Rate against the task's main metric; None where it has none, or nothing is known of it."""
    metric, results = summary.scoring.main(summary.known), summary.results
    figures = rate_plots.rate_metric(results, metric) if metric else []
    if metric is None or not figures:
        return None
    said = f"{sentence(metric.about)}."
    whole = rate_plots.uncompressed(results, metric)
    if whole is not None:
        said += f" The dotted line is the uncompressed network's {metric_text(metric, whole)}."
    elif not metric.by_truth and any(other.by_truth for other in summary.scoring.metrics):
        said += " Nobody told the truth of these pictures, so nothing is judged by it."
    if metric.share and not summary.clips:
        said += _carried(summary, metric)
    title = f"Rate against {metric.about}"
    return Section("metric", title, said, figures, legend=legend_of(summary), data=_data(summary))


def _carried(summary: Summary, metric: Metric) -> str:
    """How fine a share the photos tell, and whether that is too coarse to choose a codec by it."""
    shown = rate_plots.visible(summary.results)
    photos = max(result.photos for result in shown)
    told = [point.metrics[metric.name] for point in shown if metric.name in point.metrics]
    widths = [estimate.high - estimate.low for estimate in told if math.isfinite(estimate.low)]
    if photos < 2 or not widths:
        return " One photo tells nothing of a share: read the divergence above."
    half = median(widths) / 2
    said = f" Over {photos} photos, one is {metric_text(metric, 1 / photos)}"
    said += f", and the usual interval is ± {metric_text(metric, half)}" * (half > 0)
    if max(half, 1 / photos) < _COARSE:
        return f"{said}."
    return f"{said}: too few to choose a codec by this, so read the divergence above."


def _data(summary: Summary) -> list[Rows]:
    """The points of each panel."""
    shown = rate_plots.visible(summary.results)
    return [
        [result_row(point) for point in rate_plots.points_of(shown, split)]
        for split in rate_plots.splits_of(shown)
    ]


def legend_of(summary: Summary) -> list[tuple[Style, str]]:
    """The look of each curve of the rate figures, and its name."""
    looks = styles(result.curve for result in rate_plots.visible(summary.results))
    return [(style, curve_name(curve, summary)) for curve, style in looks.items()]
