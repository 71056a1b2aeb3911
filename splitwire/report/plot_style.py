"""How the figures look: a colour and a marker for each codec.

The colours start from Okabe and Ito's palette for colour-blind readers, moved in lightness so that
each stands out on white; each has a lighter twin for dark pages. No two codecs share a marker, so
that the curves can also be told apart without colour.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# name: (on a light page, on a dark page)
THEME: dict[str, tuple[str, str]] = {
    "ink": ("#1d2433", "#e8eaf0"),
    "muted": ("#5d6676", "#a3abba"),
    "faint": ("#d5d9e1", "#39404e"),
    "amber": ("#a87400", "#f2b632"),
    "slate": ("#68717f", "#aab3c0"),
    "blue": ("#0a6ab6", "#5cb3f0"),
    "vermilion": ("#c74f0c", "#ff8d52"),
    "purple": ("#a0428e", "#e68fcf"),
    "green": ("#007d5c", "#3fcda1"),
    "crimson": ("#b0123f", "#ff7391"),
    "olive": ("#66720a", "#c0cd4a"),
    "indigo": ("#4b42b8", "#a29bff"),
    "brown": ("#7a4a1e", "#d8a273"),
    "pale-blue": ("#8fc1e8", "#2f6ea3"),
    "pale-vermilion": ("#f0ad84", "#a3552b"),
    "card": ("#ffffff", "#191d25"),  # what figures lie on
}
LIGHT = {name: light for name, (light, _) in THEME.items()}
INK, MUTED, FAINT = LIGHT["ink"], LIGHT["muted"], LIGHT["faint"]

STAGE_COLOURS = {
    "edge": LIGHT["blue"],
    "encode": LIGHT["pale-blue"],
    "link": LIGHT["slate"],
    "decode": LIGHT["pale-vermilion"],
    "cloud": LIGHT["vermilion"],
}

_CODECS = {
    "picture": ("ink", "s"),
    "film": ("ink", "d"),
    "raw": ("amber", "D"),
    "png": ("slate", "h"),
    "jpeg": ("blue", "o"),
    "h264": ("vermilion", "^"),
    "hevc": ("purple", "v"),
    "av1": ("green", "P"),
}
_OTHERS = (("crimson", "*"), ("indigo", "X"), ("olive", "p"), ("brown", "<"), ("green", ">"))
_DASHES = ("-", "--", "-.", ":")

RC: Any = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's own font
    "svg.hashsalt": "splitwire",
    "text.parse_math": False,  # a name with two dollar signs is a name
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.5,
}
styled = matplotlib.rc_context(
    RC
)  # as a decorator: the function draws under RC and leaves no trace

TOLD = "told:"
"""Begins the id of a point that has words; see `tell`."""

SIZE = (4.3, 3.4)
"""Inches of a panel: at 100 % its text is as large as a caption, and it fits a phone."""


@dataclass(frozen=True)
class Style:
    """How a curve is drawn."""

    colour: str
    marker: str
    dashes: str

    @property
    def line(self) -> dict[str, Any]:
        """The same as arguments of a matplotlib line."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dashes}


def styles(curves: Iterable[str]) -> dict[str, Style]:
    """A style for each curve: colour and marker by codec, dashes among curves of one codec."""
    found: dict[str, Style] = {}
    families: dict[str, list[str]] = {}
    for curve in dict.fromkeys(curves):
        families.setdefault(curve.partition(":")[0], []).append(curve)
    strangers = [family for family in families if family not in _CODECS]
    for family, members in families.items():
        other = strangers.index(family) if family in strangers else 0
        name, marker = _CODECS.get(family, _OTHERS[other % len(_OTHERS)])
        for index, curve in enumerate(members):
            kinds = (
                _DASHES[1:] if family in ("picture", "film") else _DASHES
            )  # never a line of a codec's
            found[curve] = Style(LIGHT[name], marker, kinds[index % len(kinds)])
    return found


def log_ticks(axis: Any, text: Callable[[float], str], subs: tuple[float, ...] = (1, 2, 5)) -> None:
    """Label a log axis in words such as "5 kB" instead of powers of ten."""
    low, high = sorted(axis.get_view_interval())
    if high > 60 * low:
        subs = (1,) if high > 2000 * low else (1, 3)
    axis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: text(value)))
    axis.set_minor_locator(ticker.NullLocator())


def tell(axes: Axes, x: float, y: float, words: str) -> None:
    """Give a point words, which the page shows where a reader points at it or taps on it."""
    axes.plot([x], [y], "o", color=INK, markersize=13, alpha=0, zorder=9, gid=TOLD + words)


@styled
def panel(
    title: str = "", x: str = "", y: str = "", size: tuple[float, float] = SIZE
) -> tuple[Figure, Axes]:
    """A figure with one set of axes: (figure, axes), labelled."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes
