"""`splitwire compare`: its tables, what it prints for programs, and its page."""

import json
from pathlib import Path

import pytest
from made_up_run import write_run
from typer.testing import CliRunner

from splitwire.cli import app
from splitwire.eval.samples import SAMPLES, Sample


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two with h264 of the same photos, and one of other photos."""

    def keep(sample: Sample) -> bool:
        return sample.split in ("", "blocks.3") and sample.curve in ("", "h264")

    made = []
    for name, photos in (("first", 6), ("second", 6), ("third", 5)):
        folder = tmp_path_factory.mktemp(name)
        made.append(str(write_run(folder, photos, 1, True, keep, lambda sample: False)))
    path = Path(made[1]) / SAMPLES
    path.write_text(
        path.read_text(encoding="utf-8").replace("0123456789abcdef", "fedcba9876543210")
    )
    return made


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["compare", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_the_tables_say_what_is_compared_with_what(runs: list[str]) -> None:
    printed = " ".join(said(*runs).split())
    assert f"second: {runs[1]}" in printed and f"second: {runs[2]}" in printed
    assert "Both are of the same pictures" in printed
    assert "two networks: each divergence is from its own" in printed
    assert "The two are of different pictures" in printed
    for title in ("Bjøntegaard delta rate", "Fewest bytes at a", "Metrics", "Times"):
        assert printed.count(title) == 2
    assert "none shown" in printed


def test_programs_get_numbers(runs: list[str]) -> None:
    told = json.loads(said(*runs, "--json"))
    assert list(told) == runs[1:]
    second, third = told.values()
    assert second["paired"] and not third["paired"] and second["first"] == runs[0]
    assert second["rates"][0]["curve"] == "each run's best"
    assert second["rates"][0]["delta"]["percent"] == pytest.approx(0, abs=1e-4)
    assert third["bytes"][1]["divergence"] == 0.05
    assert {pace["stage"] for pace in third["times"]} == {"edge", "encode", "decode", "cloud"}


def test_the_page_holds_the_same(runs: list[str], tmp_path: Path) -> None:
    page = tmp_path / "both.html"
    assert f"Page: {page}" in said(*runs, "--page", str(page)).replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert text.count("<h3>") == 8 and 'id="fronts"' in text
    assert "<script" not in text and "h264:qp=32 at blocks.3" in text


def test_a_run_alone_or_beside_itself_is_refused(runs: list[str]) -> None:
    for words in (runs[:1], [runs[0], runs[0]]):
        done = CliRunner().invoke(app, ["compare", *words])
        assert done.exit_code and "give two or more folders" in str(done.exception)
