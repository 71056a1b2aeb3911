"""A part of the page, and what its parts are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from matplotlib.figure import Figure

from splitwire.report.svg import svg


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        caption: what is seen, in sentences.
        panels: what is seen, as HTML.
        legend: a mark, as SVG, and its words.
        stretches: rows of upload rate, fastest choice and total time, set beside the panels.
    """

    anchor: str
    title: str
    caption: str
    panels: list[Markup]
    legend: list[tuple[Markup, str]] = field(default_factory=list)
    stretches: list[tuple[str, str, str]] = field(default_factory=list)


def drawn(figures: Sequence[Figure], title: str) -> list[Markup]:
    """Figures as panels of a section of that title."""
    names = [figure.axes[0].get_title("left") for figure in figures]
    spoken = [f"{title}: {name}" if name else title for name in names]
    return [Markup(svg(f, words)) for f, words in zip(figures, spoken, strict=True)]
