"""The sections of rate: against divergence, and against the task's metric."""

import math

from markupsafe import Markup

from splitwire.eval.summary import Summary
from splitwire.report import rate_plots
from splitwire.report.columns import metric_text
from splitwire.report.plot_style import styles
from splitwire.report.rows import curve_name, picks
from splitwire.report.section import Section, drawn
from splitwire.report.svg import key
from splitwire.report.units import drawn_again, sentence, significant, size_text
from splitwire.runner.choice import CLOUD_ONLY


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
    return Section("rate", title, said, drawn(figures, title), _legend(summary))


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
    photos = max(result.photos for result in results)
    if metric.share and photos > 1 and not summary.clips:
        said += f" Over {photos} photos, one is {metric_text(metric, 1 / photos)}."
    title = f"Rate against {metric.about}"
    return Section("metric", title, said, drawn(figures, title), _legend(summary))


def _legend(summary: Summary) -> list[tuple[Markup, str]]:
    looks = styles(result.curve for result in rate_plots.visible(summary.results))
    return [(Markup(key(style)), curve_name(curve, summary)) for curve, style in looks.items()]
