"""Figures of clips: bytes and divergence of each frame along time, a figure a clip."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from splitwire.eval.curves import FLOOR
from splitwire.eval.samples import Sample
from splitwire.report.plot_style import INK, LIGHT, Style, log_ticks, styled
from splitwire.report.units import significant, size_text
from splitwire.runner.choice import CLOUD_ONLY, Key

_COLOURS = ("blue", "vermilion", "green", "purple", "amber", "olive", "brown", "indigo")
_SIZE = (6, 4)  # inches


def looks(choices: Sequence[Key]) -> dict[Key, Style]:
    """A look for each choice: what sends the picture is black and broken."""
    found: dict[Key, Style] = {}
    for at, choice in enumerate(choices):
        colour = LIGHT[_COLOURS[at % len(_COLOURS)]]
        found[choice] = (
            Style(INK, "s", "--") if choice[0] == CLOUD_ONLY else Style(colour, "o", "-")
        )
    return found


@styled
def along_time(
    clip: str, frames: Mapping[Key, Sequence[Sample]], unit: str, max_divergence: float
) -> Figure:
    """The bytes and the divergence of each frame of a clip, both logarithmic.

    Frames that were coded without those before have a mark. The dotted line is the fidelity.

    Args:
        clip: its name.
        frames: those of each choice, in order.
        unit: of the divergence.
        max_divergence: the fidelity.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    sizes, far = figure.subplots(2, 1, sharex=True)
    styles = looks(list(frames))
    for choice, samples in frames.items():
        line = styles[choice].line | {"linewidth": 1.3, "markersize": 4.5, "markeredgewidth": 0}
        alone = [at for at, sample in enumerate(samples) if sample.intra]
        times = [sample.at or 0.0 for sample in samples]
        sizes.plot(times, [sample.bytes for sample in samples], markevery=alone, **line)
        divergences = [max(sample.divergence or 0.0, FLOOR) for sample in samples]
        far.plot(times, divergences, markevery=alone, **line)
    far.axhline(max_divergence, color=LIGHT["muted"], linestyle=(0, (1, 2)), linewidth=1.2)
    sizes.set(title=clip, ylabel="bytes a frame", yscale="log")
    far.set(ylabel=f"divergence in {unit}", xlabel="seconds", yscale="log")
    log_ticks(sizes.yaxis, size_text)
    log_ticks(far.yaxis, significant)
    return figure
