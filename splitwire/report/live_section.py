"""The section of a live run: its frames along the clock."""

from collections.abc import Sequence
from statistics import mean, median

from splitwire.eval.samples import Sample
from splitwire.report import live_plots
from splitwire.report.live_plots import FATES, by_fate, fate
from splitwire.report.section import Section
from splitwire.report.units import size_text, time_text


def along_the_clock(frames: Sequence[Sample]) -> Section:
    """What each live frame took, sent and came to, along the clock.

    Args:
        frames: of a live run, at least one.
    """
    said = (
        "A mark a frame, where it began: its time from picture to prediction, if it came to one, "
        "and the bytes of its packet, sent in time or not. Frames that fell back to the edge, or "
        "could not be read, are in no row of the table below."
    )
    groups = by_fate(frames)
    legend = [(FATES[name], f"{name} ({len(groups[name]):,})") for name in groups]
    title = "Frames along the clock"
    data = [
        {"frame": s.frame, "began": s.at, "fate": fate(s), "seconds": s.total, "bytes": s.bytes}
        for s in frames
    ]
    return Section(
        "live", title, said, [live_plots.along_the_clock(frames)], legend=legend, data=[data]
    )


def live_tiles(frames: Sequence[Sample]) -> list[tuple[str, str]]:
    """The few numbers of a live run that a reader takes away, each with its words.

    Args:
        frames: of a live run, at least one.
    """
    answered = [sample for sample in frames if sample.outcome == "answered"]
    tiles = [(f"{len(answered):,} of {len(frames):,}", "frames answered by the cloud")]
    if finished := [sample.total or 0.0 for sample in frames if sample.outcome != "refused"]:
        tiles.append((time_text(median(finished)), "from picture to prediction, p50"))
    if answered:
        size = mean(sample.bytes for sample in answered)
        tiles.append((size_text(size), "a frame that was answered"))
    return tiles
