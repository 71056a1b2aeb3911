import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_run import write_run
from rich.console import Console

from splitwire.errors import ExperimentError
from splitwire.eval.results import Estimate, summarise
from splitwire.eval.samples import Sample
from splitwire.eval.scoring import Scoring
from splitwire.eval.summary import Summary
from splitwire.report.columns import columns, explained
from splitwire.report.findings import counts, warnings
from splitwire.report.rows import anchor_name, bd_rows, picks
from splitwire.report.table import show
from splitwire.tasks.metric import Metric

CELL = r"–|([+−][\d.]+|none shown) \([+−]\d+ to [+−]\d+\)"


def text(run: Path | Summary, width: int, anchor: str | None = "h264") -> str:
    out = io.StringIO()
    summary = run if isinstance(run, Summary) else Summary.open(run)
    show(Console(file=out, width=width), summary, anchor)
    return out.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """A run with all that it may hold, opened once: its delta rates are remembered."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return Summary.open(write_run(run, 4, 1, True, lambda sample: True, lambda sample: False))


@pytest.mark.parametrize("width", [80, 100])
def test_each_row_stays_on_one_line(whole: Summary, width: int) -> None:
    lines = text(whole, width).splitlines()
    rows = [line for line in lines if line.startswith(("jpeg:quality=", "raw:dtype", "cloud JPEG"))]
    assert len(rows) == 3 * 3 + 3 + 4
    assert all(len(line.rstrip()) <= width and "…" not in line for line in lines)
    decode = 100 if width == 100 else 0
    assert all(("(" in row) == bool(decode) for row in rows)


def test_baselines_come_first_and_blocks_follow(whole: Summary) -> None:
    lines = [line.strip() for line in text(whole, 100).splitlines()]
    places = [lines.index(title) for title in ("baselines", "blocks.2", "blocks.3", "blocks.5")]
    assert places == sorted(places)
    assert lines[places[0] + 1].startswith("edge only")
    assert lines[0] == "lite0 on 4 photos"


def test_failed_rows_are_seen_and_warned_of(make_run) -> None:
    def spoil(s):
        return s.codec == "png" or (s.codec == "h264:qp=16" and s.photo == "photo_01.png")

    run = make_run(photos=3, spoil=spoil)
    shown = text(run, 100)
    assert "h264:qp=16 (1" in shown and "png (3 failed)" in shown
    assert "failed on 1 of 3 pictures" in shown and "Failed on every picture: png at" in shown


def test_many_failures_are_told_briefly(make_run) -> None:
    summary = Summary.open(make_run(photos=2, spoil=lambda s: True))
    results = summary.results
    assert len(warnings(results)) == 1 and "more." in warnings(results)[0]
    assert counts(results) == "no picture" and picks(summary) == []


def test_without_labels_there_is_no_accuracy(make_run) -> None:
    shown = text(make_run(photos=2, views=2, labelled=False), 100)
    assert "top1" not in shown and "2 photos, 4 views" in shown


def test_the_delta_table_is_against_an_anchor(whole: Summary) -> None:
    splits, rows, _ = bd_rows(whole, "jpeg")
    assert all(re.fullmatch(CELL, cell) for cells in rows.values() for cell in cells)
    assert splits == ["blocks.2", "blocks.3", "blocks.5"]
    assert "jpeg" not in rows and "cloud only, JPEG" in rows
    with pytest.raises(ExperimentError, match=r"'jpg' .*did you mean 'jpeg'.*there is raw, "):
        anchor_name(whole, "jpg")


def test_the_anchor_is_a_curve_that_was_run(make_run) -> None:
    run = make_run(photos=2, keep=lambda s: s.curve != "h264")
    assert anchor_name(Summary.open(run), None) == "hevc"
    assert "% bytes against hevc" in text(run, 100, None)
    few = make_run_of(run, lambda s: s.curve in ("raw", "png") and s.split)
    assert anchor_name(few, None) == "raw"
    none = make_run_of(run, lambda s: s.curve == "png")
    assert anchor_name(none, None) == "" and bd_rows(none, "")[0] == []
    assert "no curves" in bd_rows(none, "")[2]


def make_run_of(run: Path, keep: Callable[[Sample], object]) -> Summary:
    """Some samples of a run."""
    summary = Summary.open(run)
    samples = [sample for sample in summary.samples if keep(sample)]
    return replace(summary, samples=samples, results=summarise(samples))


def test_a_narrow_terminal_shows_the_first_metric_without_truth_and_the_first_by_it(
    whole: Summary,
) -> None:
    shown = [text(whole, width) for width in (80, 100)]
    narrow, wide = (next(x for x in one.splitlines() if "b/el" in x) for one in shown)
    assert narrow.split()[3:] == ["nats", "95", "%", "agree", "top1", "encode", "decode"]
    assert wide.split()[4:] == ["nats", "95", "%", "agree", "top1", "top5", "encode", "decode"]
    assert "top-5" in shown[1] and "top-5" not in shown[0]


METRICS = (
    Metric("far", "metres from the uncompressed network", lambda *_: None),
    Metric("wrong way", "how often it turns the wrong way", lambda *_: None, share=True),
    Metric("miss", "metres from the truth [m]", lambda *_: None, by_truth=True),
)


@pytest.fixture
def of_another_task(make_run) -> Summary:
    """A run whose task knows metres."""
    told = {"far": Estimate(1234.5), "wrong way": Estimate(0.25), "miss": Estimate(-0.01234)}
    summary = Summary.open(make_run(photos=2))
    results = [replace(result, metrics=told) for result in summary.results]
    return replace(summary, scoring=Scoring("square metres", 0.05, METRICS), results=results)


def test_columns_and_legend_are_the_task_s(of_another_task: Summary) -> None:
    out = io.StringIO()
    show(Console(file=out, width=120), of_another_task)
    said = " ".join(out.getvalue().split())
    assert "square metres: divergence from the uncompressed network's output" in said
    assert "far: metres from the uncompressed network; wrong way: how often it turns" in said
    assert "miss: metres from the truth [m]; encode" in said and "top1" not in said
    assert re.search(r"jpeg:quality=50 .* 1234 +25\.0 −0\.0123 ", out.getvalue())
    assert "within 0.05 square metres of the uncompressed network" in said


def test_a_long_name_of_a_metric_does_not_break_the_table(of_another_task: Summary) -> None:
    out = io.StringIO()
    long = replace(METRICS[0], name="distance from the middle of the lane")
    results = [replace(r, metrics={long.name: Estimate(1.0)}) for r in of_another_task.results]
    scoring = Scoring("nats", 0.05, (long,))
    show(Console(file=out, width=80), replace(of_another_task, scoring=scoring, results=results))
    assert "…" not in out.getvalue()
    assert len(re.findall(r"^jpeg:quality=\d+ +[\d,]+ ", out.getvalue(), re.MULTILINE)) == 9


def test_a_task_without_metrics_has_no_columns_of_them(of_another_task: Summary) -> None:
    bare = replace(of_another_task, scoring=Scoring("nats", 0.05, ()))
    assert [c.heading for c in columns(bare)][4:6] == ["95\u00a0%", "encode"]
    assert explained(bare).endswith("bootstrap interval over photos")
