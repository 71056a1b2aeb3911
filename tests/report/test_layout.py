"""How panels stand beside each other, and what is said of a point and of too few pictures."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from splitwire.eval.results import Estimate
from splitwire.eval.summary import Summary
from splitwire.report.page import write_report
from splitwire.report.plot_style import panel, tell
from splitwire.report.rate_sections import against_metric
from splitwire.report.section import Section
from splitwire.report.svg import svg


def section(panels: int, table: bool = False) -> Section:
    figures: list[Figure] = [panel(f"{at}")[0] for at in range(panels)]
    rows = [("below 1 kB/s", "edge only", "1 s")] * table
    return Section("a", "A", "", figures, stretches=rows)


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3)])
def test_panels_wrap_evenly(panels: int, columns: int) -> None:
    assert section(panels).columns == columns


def test_a_panel_beside_a_table_leaves_it_room() -> None:
    assert section(1, table=True).columns == 2


def test_one_panel_is_wide_on_a_desk_and_narrow_on_a_phone() -> None:
    (shown,) = section(1).shown
    widths = [float(w) for w in re.findall(r'viewBox="0 0 ([\d.]+) ', shown)]
    assert isinstance(shown, Markup) and re.findall(r'class="(on-\w+)"', shown) == [
        "on-phone",
        "on-desk",
    ]
    assert widths[1] > 2.5 * widths[0]
    assert "on-desk" not in section(3).shown[0]  # of which three have the width of a phone


def test_a_point_says_its_setting(make_run) -> None:
    run: Path = make_run(photos=4, keep=lambda s: s.split in ("", "blocks.3"))
    text = write_report(run).read_text(encoding="utf-8")
    said = re.findall(r'<g class="told">.*?<text [^>]*>([^<]*)</text></g>', text, re.DOTALL)
    assert any(re.fullmatch(r"jpeg:quality=50: [\d.]+ kB, [\d.]+ nats", words) for words in said)
    assert any(re.fullmatch(r"cloud JPEG 90: [\d.]+ kB, [\d.]+ %", words) for words in said)
    assert ".told:hover text { display: inline; }" in text  # which a tap brings about too


def test_what_is_said_stays_inside_of_its_figure() -> None:
    figure, axes = panel()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    for x, y in ((0.1, 9.9), (5, 5), (9.9, 0.1)):
        tell(axes, x, y, f"a <b> at {x}")
    text = svg(figure)
    anchors = re.findall(r'text-anchor="(\w+)">a &lt;b&gt; at', text)
    assert anchors == ["start", "middle", "end"]
    assert "told:" not in text


@pytest.mark.parametrize(
    ("half", "photos", "coarse"), [(0.15, 20, True), (0.0, 3, True), (0.01, 400, False)]
)
def test_accuracy_says_when_pictures_are_too_few(
    make_run, half: float, photos: int, coarse: bool
) -> None:
    summary = Summary.open(make_run(photos=3))
    told = {"top1": Estimate(0.8, 0.8 - half, 0.8 + half)}
    results = [replace(r, metrics=told, photos=photos) for r in summary.results]
    found = against_metric(replace(summary, results=results))
    assert found is not None and f"Over {photos} photos" in found.caption
    assert ("too few to choose a codec by this" in found.caption) == coarse
