"""The figures of the report, in the order of the page."""

from collections.abc import Sequence
from pathlib import Path

from splitwire.eval.summary import Summary
from splitwire.eval.totals import Total
from splitwire.report.extreme_section import best_and_worst
from splitwire.report.feature_sections import depth, histograms, mosaic, read_features
from splitwire.report.live_section import along_the_clock
from splitwire.report.map_section import all_cuts
from splitwire.report.predictions import predictions
from splitwire.report.rate_sections import against_divergence, against_metric
from splitwire.report.section import Section
from splitwire.report.sequence_sections import against_the_video, along_time
from splitwire.report.time_sections import stages, total_time


def sections(run: Path, summary: Summary, totals: Sequence[Total]) -> list[Section]:
    """All that the run has something to show for.

    Args:
        run: its folder.
        summary: of it.
        totals: the total times of what holds the fidelity.

    Raises:
        ExperimentError: what the folder keeps for figures is damaged.
    """
    if summary.live:
        found: tuple[Section | None, ...] = (
            along_the_clock(summary.live),
            stages(summary, totals),
        )
        return [section for section in found if section]
    features = read_features(run, summary)
    found = (
        against_divergence(summary),
        along_time(summary),
        against_the_video(summary),
        against_metric(summary),
        total_time(summary, totals),
        stages(summary, totals),
        None if summary.clips else predictions(run, summary),
        None if summary.clips else best_and_worst(run, summary),
        histograms(features),
        mosaic(run, summary, features),
        all_cuts(run, summary),
        depth(summary),
    )
    return [section for section in found if section]
