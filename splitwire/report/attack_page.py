"""The page of an attack: what an eavesdropper got, picture by picture, along depth and rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from splitwire.attack.files import seen_path, sent_path
from splitwire.attack.lines import ATTACKS, LINES, Line, read_lines
from splitwire.disk import write_whole
from splitwire.report.attack_plot import curves, save, sheet
from splitwire.report.attack_rows import rows
from splitwire.report.attack_table import cells, explained
from splitwire.report.svg import palette_css, svg
from splitwire.report.units import size_text

PAGE, SHEET, CURVES = "attack.html", "seen.jpg", "curves.png"
_ON_SHEET = 2  # pictures


@dataclass(frozen=True)
class Seen:
    """A reconstruction on the page: its file, and what is said of it."""

    file: str
    words: str


def write_attack(out: Path) -> Path:
    """Write the page of an attack into its folder, and its figures beside it.

    Args:
        out: the folder that `splitwire attack` wrote.

    Returns:
        The path of the page.

    Raises:
        ExperimentError: there is no attack in it.
        StorageError: it cannot be written to.
    """
    head, lines = read_lines(out / LINES)
    names = list(dict.fromkeys(line.picture for line in lines))
    drawn = curves(head, lines)
    save(drawn, out / CURVES)
    some = [names[i * len(names) // _ON_SHEET] for i in range(_ON_SHEET)]
    save(sheet(out, lines, list(dict.fromkeys(some))), out / SHEET)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("attack.html").render(
        head=head,
        explained=explained(head, len(names)),
        rows=[(row.split, cells(head, row)) for row in rows(lines)],
        curves=Markup(svg(drawn, "What was got over bytes")),
        pictures={
            name: (_file(out, sent_path(out, name)), _seen(out, lines, name)) for name in names
        },
        light=Markup(palette_css(dark=False)),
        dark=Markup(palette_css(dark=True)),
    )
    write_whole(out / PAGE, text.encode())
    return out / PAGE


def _seen(out: Path, lines: Sequence[Line], picture: str) -> dict[str, list[Seen]]:
    """Of one picture what was made of it by each attack and baseline through each codec."""
    found: dict[str, list[Seen]] = {}
    for line in (line for line in lines if line.picture == picture):
        for name, scores in line.scores.items():
            if name == "mean":
                continue  # which is the same for all
            file = _file(out, seen_path(out, line.split, line.codec, picture, name))
            again = ", seen again" if scores["top1"] else ""
            said = f"{line.split}, {size_text(line.bytes)}: SSIM {scores['ssim']:.2f}{again}"
            found.setdefault(f"{name}, {line.codec}", []).append(Seen(file, said))
    kinds = {title: ATTACKS.index(title.partition(",")[0]) for title in found}
    return {title: found[title] for title in sorted(found, key=kinds.__getitem__)}


def _file(out: Path, path: Path) -> str:
    return quote(path.relative_to(out).as_posix())
