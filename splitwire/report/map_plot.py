"""The map of a network as one picture: along its depth bytes, time, and what the edge holds."""

import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from splitwire.disk import write_whole
from splitwire.eval.map_choice import FORMS, Conditions, Form, behind_strides, best, front, size
from splitwire.eval.map_file import Cut, MapHead
from splitwire.report.plot_style import FAINT, INK, LIGHT, MUTED, STAGE_COLOURS, log_ticks, styled
from splitwire.report.units import significant, size_text, time_text

_LOOKS: dict[Form, tuple[str, str, str]] = {
    "coded": (LIGHT["blue"], "-", "ftc"),
    "8-bit": (LIGHT["amber"], "--", "8 bits an element"),
    "float32": (LIGHT["slate"], ":", "float32"),
}
_SIZE = (9.6, 8.8)


@styled
def network_map(head: MapHead, cuts: Sequence[Cut], at: Conditions) -> Figure:
    """Three panels over the cuts in order: bytes, time and memory.

    A band about the coded bytes is their standard deviation over pictures; dots are the cuts that
    no other beats in bytes, time and energy; large marks are the fastest cuts, by what crosses.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    sizes, times, memory = figure.subplots(3, 1, sharex=True, height_ratios=(5, 4, 2))
    for axes in (sizes, times, memory):
        axes.grid(axis="x", visible=False)
        for place in behind_strides(cuts):
            axes.axvline(place - 0.5, color=FAINT, linewidth=1, zorder=0)
    _sizes(sizes, head, cuts, at)
    _times(times, cuts, at)
    _memory(memory, cuts)
    _stages(sizes, memory, cuts)
    return figure


@styled
def save_map(path: Path, head: MapHead, cuts: Sequence[Cut], at: Conditions) -> None:
    """Write the picture to a file, in the format that its name ends on.

    Raises:
        StorageError: it cannot be written.
    """
    kind, buffer = path.suffix.lstrip(".").lower() or "svg", io.BytesIO()
    told = {"Date": None} if kind == "svg" else None
    network_map(head, cuts, at).savefig(buffer, format=kind, dpi=144, metadata=told)
    write_whole(path, buffer.getvalue())


def _sizes(axes: Axes, head: MapHead, cuts: Sequence[Cut], at: Conditions) -> None:
    places = np.arange(len(cuts))
    axes.set(yscale="log", xlim=(-1, len(cuts)), ymargin=0.1)
    for form in FORMS:
        colour, line, name = _LOOKS[form]
        axes.plot(places, [size(c, form) for c in cuts], line, color=colour, label=name)
    coded, spread = (np.array([getattr(c, key) for c in cuts]) for key in ("bytes", "spread"))
    low = np.maximum(coded - spread, coded / 10)
    axes.fill_between(places, low, coded + spread, color=LIGHT["blue"], alpha=0.18, linewidth=0)
    unbeaten = [cuts.index(cut) for cut in front(cuts, at)]
    axes.plot(unbeaten, coded[unbeaten], "o", color=LIGHT["blue"], markersize=3.5, label="unbeaten")
    _mark(axes, cuts, at, lambda cut, form: size(cut, form), size_text)
    said = f"ftc at {significant(head.fidelity)} {head.unit}" if head.trained else "UNTRAINED"
    axes.set_title(f"{head.model}: bytes a picture at each of {len(cuts)} cuts ({said})", pad=20)
    axes.legend(frameon=False, ncols=4, loc="lower left", fontsize=9)
    log_ticks(axes.yaxis, size_text)


def _times(axes: Axes, cuts: Sequence[Cut], at: Conditions) -> None:
    places = np.arange(len(cuts))
    parts = {
        "edge": [1e3 * at.edge * c.edge for c in cuts],
        "link": [1e3 * (at.rtt + c.bytes / at.rate) for c in cuts],
        "cloud": [1e3 * at.cloud * c.cloud for c in cuts],
    }
    colours = [STAGE_COLOURS[stage] for stage in parts]
    axes.stackplot(places, *parts.values(), labels=parts, colors=colours, alpha=0.45, linewidth=0)
    for form in FORMS:
        colour, line, _ = _LOOKS[form]
        axes.plot(places, [1e3 * at.seconds(c, form) for c in cuts], line, color=colour)
    least = 1e3 * at.seconds(best(cuts, at))
    top = max(1e3 * at.seconds(best(cuts, at, "float32")), max(1e3 * at.seconds(c) for c in cuts))
    axes.set_ylim(0, min(1.25 * top, 12 * least))
    _mark(
        axes,
        cuts,
        at,
        lambda cut, form: 1e3 * at.seconds(cut, form),
        lambda ms: time_text(ms / 1e3),
    )
    edge = "" if at.edge == at.cloud == 1 else f", edge ×{at.edge:.3g}, cloud ×{at.cloud:.3g}"
    link = f"{size_text(at.rate)}/s up, {time_text(at.rtt)} round trip{edge}"
    axes.set_title(f"milliseconds a picture: {link}")
    axes.legend(frameon=False, ncols=3, loc="upper right", fontsize=9)


def _memory(axes: Axes, cuts: Sequence[Cut]) -> None:
    places = np.arange(len(cuts))
    parts = [[c.weights / 1e6 for c in cuts], [c.activations / 1e6 for c in cuts]]
    names, colours = ["weights", "live activations"], [LIGHT["slate"], LIGHT["pale-blue"]]
    axes.stackplot(places, *parts, labels=names, colors=colours, alpha=0.7, linewidth=0)
    axes.set_title("megabytes that the edge half holds")
    axes.legend(frameon=False, ncols=2, loc="upper left", fontsize=9)


def _mark(
    axes: Axes,
    cuts: Sequence[Cut],
    at: Conditions,
    height: Callable[[Cut, Form], float],
    text: Callable[[float], str],
) -> None:
    """The fastest cut of each form, with its name below the least and above the others."""
    free = -np.inf  # points: from here on upwards nothing is written
    for form, marker in zip(FORMS, "*DD", strict=True):
        cut, colour = best(cuts, at, form), _LOOKS[form][0]
        place, value = cuts.index(cut), height(cut, form)
        axes.plot([place], [value], marker, color=colour, markersize=13 if marker == "*" else 7,
                  markeredgecolor="white", zorder=5)  # fmt: skip
        right = place > 0.7 * len(cuts)
        here = axes.transData.transform((place, value))[1] * 72 / axes.figure.dpi
        lift = -15 if form == "coded" else max(7, free - here)
        free = here + lift + 12
        axes.annotate(
            f"{cut.name}: {text(value)}", (place, value), (-9 if right else 9, lift),
            textcoords="offset points", ha="right" if right else "left", fontsize=9, color=INK,
            clip_on=True,
        )  # fmt: skip


def _stages(top: Axes, bottom: Axes, cuts: Sequence[Cut]) -> None:
    """The size of the maps over each stretch between strides; the names of cuts below."""
    edges = [0, *behind_strides(cuts), len(cuts)]
    for start, end in pairwise(edges):
        if end - start > 0.03 * len(cuts):
            shape = max(cuts[start].shapes, key=lambda s: int(np.prod(s[1:])))
            said = "×".join(map(str, shape[1:])) or "1"
            top.text((start + end - 1) / 2, 1.01, said, transform=top.get_xaxis_transform(),
                     ha="center", va="bottom", fontsize=8.5, color=MUTED)  # fmt: skip
    named = [i for i, cut in enumerate(cuts) if cut.module and cut.module.count(".") <= 1]
    shown, last = [], -1e9
    for place in named:
        if place - last >= len(cuts) / 32:
            shown.append(place)
            last = place
    bottom.set_xticks(shown, [cuts[i].name for i in shown], rotation=60, ha="right", fontsize=8)
