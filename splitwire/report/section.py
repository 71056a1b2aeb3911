"""A part of the page, and what its parts are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from matplotlib.figure import Figure

from splitwire.report.plot_style import SIZE, Style
from splitwire.report.svg import key, svg, swatch

Mark = Style | str
"""In a legend: the look of a curve, or the colour of a swatch."""

Rows = Sequence[Mapping[str, object]]
"""The numbers behind a figure: of each point, by name."""

_WIDTHS = {1: 12.0, 2: 6.3}  # inches of a figure where so many stand beside each other on a desk


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        caption: what is seen, in sentences.
        figures: what is seen, a panel each.
        panels: what is seen without figures, as HTML.
        legend: marks, and their words.
        stretches: rows of upload rate, fastest choice and total time, set beside the panels.
        data: the numbers behind each figure; none of those that are pictures.
    """

    anchor: str
    title: str
    caption: str
    figures: Sequence[Figure] = ()
    panels: Sequence[Markup] = ()
    legend: Sequence[tuple[Mark, str]] = ()
    stretches: list[tuple[str, str, str]] = field(default_factory=list)
    data: Sequence[Rows] = ()

    @property
    def columns(self) -> int:
        """How many panels stand beside each other where there is room: four are two and two."""
        count = len(self.figures) + bool(self.stretches)
        return {1: 1, 2: 2, 4: 2}.get(count, 3)

    @property
    def marks(self) -> list[tuple[Markup, str]]:
        """The legend as HTML."""
        return [
            (Markup(swatch(mark) if isinstance(mark, str) else key(mark)), words)
            for mark, words in self.legend
        ]

    @property
    def shown(self) -> list[Markup]:
        """All that is seen, as HTML."""
        return [*self.panels, *(self._drawn(figure) for figure in self.figures)]

    def _drawn(self, figure: Figure) -> Markup:
        """A figure: for a desk as wide as its column, and narrow for a phone."""
        name = figure.axes[0].get_title("left")
        words = f"{self.title}: {name}" if name else self.title
        if self.columns not in _WIDTHS:
            return Markup(svg(figure, words))
        width, height = figure.get_size_inches()
        figure.set_size_inches(min(width, SIZE[0]), height)
        narrow = svg(figure, words, kind="on-phone")
        figure.set_size_inches(_WIDTHS[self.columns], 1.2 * height)
        return Markup(narrow + svg(figure, words, kind="on-desk"))
