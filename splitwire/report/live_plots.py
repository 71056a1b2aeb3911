"""The figure of a live run: what became of each frame, along the clock."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from splitwire.eval.samples import Sample
from splitwire.report.plot_style import INK, LIGHT, Style, log_ticks, styled
from splitwire.report.units import size_text, time_text
from splitwire.runner.choice import CLOUD_ONLY, SHARED

SHARED_FATE, CLOUD_FATE, LOCAL, FELL_BACK, REFUSED = (
    "answered: shared",
    "answered: cloud only",
    "on the edge by choice",
    "fallen back to the edge",
    "refused",
)
FATES: dict[str, Style] = {
    SHARED_FATE: Style(LIGHT["blue"], "o", ""),
    CLOUD_FATE: Style(INK, "s", ""),
    LOCAL: Style(LIGHT["green"], "v", ""),
    FELL_BACK: Style(LIGHT["amber"], "^", ""),
    REFUSED: Style(LIGHT["crimson"], "X", ""),
}
_MANY = 2000  # frames, from which marks are drawn as one picture: the page stays small


def fate(sample: Sample) -> str:
    """What became of a live frame, in words."""
    if sample.outcome == "answered":
        return {SHARED: SHARED_FATE, CLOUD_ONLY: CLOUD_FATE}[sample.way]
    ends = {"local": LOCAL, "fell back": FELL_BACK, "refused": REFUSED}
    return ends[str(sample.outcome)]


@styled
def along_the_clock(frames: Sequence[Sample]) -> Figure:
    """The time and the bytes of each frame over the clock, marked by its fate.

    What was refused came to no prediction, and so has no time; what was not sent has no bytes.

    Args:
        frames: of a live run, at least one.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    times, sizes = figure.subplots(2, 1, sharex=True)
    begin = min(sample.at or 0.0 for sample in frames)
    for name, group in by_fate(frames).items():
        look = {**FATES[name].line, "rasterized": len(frames) > _MANY, "clip_on": False}
        points = [((s.at or 0.0) - begin, max(s.total or 0.0, 1e-6), s.bytes) for s in group]
        if name != REFUSED:
            times.plot([at for at, _, _ in points], [total for _, total, _ in points], **look)
        sent = [(at, size) for at, _, size in points if size or name == REFUSED]
        sizes.plot([at for at, _ in sent], [size for _, size in sent], **look)
    times.set(ylabel="total time", yscale="log")
    sizes.set(ylabel="packet", xlabel="since the first frame began", ylim=(0, None))
    log_ticks(times.yaxis, time_text)
    sizes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: size_text(value)))
    sizes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    return figure


def by_fate(frames: Sequence[Sample]) -> Mapping[str, list[Sample]]:
    """The frames of each fate that there was."""
    groups = {name: [sample for sample in frames if fate(sample) == name] for name in FATES}
    return {name: group for name, group in groups.items() if group}
