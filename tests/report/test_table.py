import io
from pathlib import Path

import pytest
from rich.console import Console

from splitwire.eval.results import summarise
from splitwire.eval.samples import read_run
from splitwire.report.table import bd_rows, counts, picks, show, warnings


def text(run: Path, width: int, anchor: str = "h264") -> str:
    head, samples = read_run(run)
    out = io.StringIO()
    show(Console(file=out, width=width), head, summarise(samples), anchor)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_each_row_stays_on_one_line(make_run, width: int) -> None:
    lines = text(make_run(photos=4), width).splitlines()
    rows = [line for line in lines if line.startswith(("jpeg:quality=", "raw:dtype", "cloud JPEG"))]
    assert len(rows) == 3 * 3 + 3 + 4
    assert all(len(line.rstrip()) <= width and "…" not in line for line in lines)
    decode = 100 if width == 100 else 0
    assert all(("(" in row) == bool(decode) for row in rows)


def test_baselines_come_first_and_blocks_follow(make_run) -> None:
    lines = [line.strip() for line in text(make_run(photos=3), 100).splitlines()]
    places = [lines.index(title) for title in ("baselines", "blocks.2", "blocks.3", "blocks.5")]
    assert places == sorted(places)
    assert lines[places[0] + 1].startswith("edge only")
    assert lines[0] == "lite0 on 3 photos"


def test_failed_rows_are_seen_and_warned_of(make_run) -> None:
    def spoil(s):
        return s.codec == "png" or (s.codec == "h264:qp=16" and s.photo == "photo_01.png")

    run = make_run(photos=3, spoil=spoil)
    shown = text(run, 100)
    assert "h264:qp=16 (1" in shown and "png (3 failed)" in shown
    assert "failed on 1 of 3 pictures" in shown and "Failed on every picture: png at" in shown


def test_many_failures_are_told_briefly(make_run) -> None:
    _, samples = read_run(make_run(photos=2, spoil=lambda s: True))
    results = summarise(samples)
    assert len(warnings(results)) == 1 and "more." in warnings(results)[0]
    assert counts(results) == "no picture" and picks(results) == []


def test_without_labels_there_is_no_accuracy(make_run) -> None:
    shown = text(make_run(photos=2, views=2, labelled=False), 100)
    assert "top1" not in shown and "2 photos, 4 views" in shown


def test_the_delta_table_says_what_anchors_there_are(make_run) -> None:
    _, samples = read_run(make_run(photos=4))
    results = summarise(samples)
    splits, rows, _ = bd_rows(results, "jpeg")
    assert splits == ["blocks.2", "blocks.3", "blocks.5"]
    assert "jpeg" not in rows and "cloud only, JPEG" in rows
    assert bd_rows(results, "vvc")[2].startswith("No curve vvc in this run; there is raw, ")
