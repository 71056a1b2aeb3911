"""Figures as a part of a page: SVG that follows the page's theme.

A page runs nothing, so what is said of a point where the reader points or taps is there from the
start, and shown by the page's style alone.
"""

import html
import io
import re

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from splitwire.report.plot_style import LIGHT, THEME, TOLD, Style, styled

_ENLARGED = 1.5  # how far a page may stretch a figure before its words shout


@styled
def svg(figure: Figure, title: str = "", themed: bool = True, kind: str = "") -> str:
    """A figure as an SVG element for the inside of a page; it fills the width that it is given.

    Args:
        figure: drawn with the colours above.
        title: what a screen reader says.
        themed: colours become CSS variables of the page (`palette_css`); without, they stay as
            they are on a light page.
        kind: a class of the page's style.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = _telling(text, 72 * figure.get_figwidth())
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # several figures share a page: no id twice
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px system-ui, sans-serif", text)
    text = re.sub(
        r"font: (bold|700) ([\d.]+)px [^;\"]*", r"font: 700 \2px system-ui, sans-serif", text
    )
    widest = round(_ENLARGED * 72 * figure.get_figwidth())
    label = f' role="img" aria-label="{html.escape(title)}"' if title else ""
    label += f' class="{kind}"' if kind else ""
    text = text.replace("<svg", f'<svg style="max-width: {widest}px"{label}', 1)
    return _follow_theme(text) if themed else text


def _telling(text: str, width: float) -> str:
    """Points with words (see `tell`) as groups of which the style shows the words."""
    found = re.compile(
        rf'<g id="{TOLD}([^"]*)">(.*?<use [^>]*?x="([\d.]+)" y="([\d.]+)".*?</g>\s*)</g>', re.DOTALL
    )

    def group(match: re.Match[str]) -> str:
        words, point, x, y = match.groups()
        share, up = float(x) / width, float(y) > 24
        anchor = "start" if share < 1 / 3 else "end" if share > 2 / 3 else "middle"
        place = f'x="{x}" y="{float(y) + (-9 if up else 17):.1f}" text-anchor="{anchor}"'
        return f'<g class="told">{point}<text {place}>{words}</text></g>'

    return found.sub(group, text)


def _follow_theme(text: str) -> str:
    """SVG with each colour of ours made a CSS variable of the page."""
    for name, colour in LIGHT.items():
        text = text.replace(colour, f"var(--{name})")
    return text


def swatch(colour: str) -> str:
    """A square of a colour for a legend, as SVG."""
    box = f'<rect width="12" height="12" rx="2" fill="{colour}"/>'
    return _follow_theme(f'<svg viewBox="0 0 12 12" class="swatch">{box}</svg>')


def palette_css(dark: bool) -> str:
    """The colours as CSS declarations, for a light page or a dark one."""
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in THEME.items())


@styled
def key(style: Style) -> str:
    """A bit of the curve for a legend, as SVG."""
    figure = Figure(figsize=(0.6, 0.16))  # wide enough to tell dashes apart
    figure.add_artist(Line2D([0.02, 0.5, 0.98], [0.5] * 3, markevery=[1], **style.line))
    return svg(figure)
