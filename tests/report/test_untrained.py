"""Of untrained weights a run shows its figures, says so first, and recommends nothing."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from small_runs import Plan

import splitwire as sw
from splitwire.errors import ExperimentError
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import check_trained, choices
from splitwire.live.choosing import choices_of_run
from splitwire.report.measured import measured
from splitwire.report.page import write_report
from splitwire.report.rows import picks
from splitwire.report.table import show

WORDS = "The weights of lite0 are untrained"
ADVICE = re.compile(r"[Ff]ewest\s+bytes|[Tt]he fastest way|needs the fewest|no codec stays within")


def few(sample: Sample) -> bool:
    return sample.split in ("", "blocks.3") and sample.curve in ("", "jpeg", "picture:format=jpeg")


@pytest.fixture(params=["the network", "the experiment"])
def untrained(make_run, request: pytest.FixtureRequest) -> Path:
    """A run that says so of its network, or that was asked for no weights before runs said so."""
    run: Path = make_run(photos=2, keep=few)
    head, *samples = (run / SAMPLES).read_text(encoding="utf-8").splitlines()
    told = json.loads(head)
    if request.param == "the network":
        told["model"] |= {"weights": "none: untrained", "trained": False}
    else:
        told["experiment"]["weights"] = "none"
        del told["model"]["weights"], told["model"]["trained"]
    (run / SAMPLES).write_text("\n".join([json.dumps(told), *samples, ""]), encoding="utf-8")
    return run


def printed(run: Path) -> str:
    out = io.StringIO()
    show(Console(file=out, width=120), Summary.open(run))
    return out.getvalue()


def words(page: str) -> str:
    """What a page says of its run, with neither its style nor its marks; not how it is shaded."""
    page = page.replace("Shaded: the fewest", "")
    return re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL)


def test_the_table_says_so_first_and_recommends_nothing(untrained: Path) -> None:
    said = printed(untrained)
    assert said.splitlines()[1].startswith(WORDS)
    assert "jpeg:quality=50" in said
    assert not ADVICE.search(said)


def test_the_page_says_so_on_top_and_recommends_nothing(untrained: Path) -> None:
    text = write_report(untrained).read_text(encoding="utf-8")
    assert text.index(WORDS) < text.index('class="tiles"')
    assert text.count('class="tile"') == 1  # how much was measured
    assert '<tr class="best">' not in text
    assert not ADVICE.search(words(text))


def test_of_trained_weights_they_do(make_run) -> None:
    run = make_run(photos=8, keep=few)
    text = write_report(run, max_divergence=1).read_text(encoding="utf-8")
    assert WORDS not in text + printed(run) and 'role="alert"' not in text
    assert '<tr class="best">' in text and text.count('class="tile"') > 2
    assert ADVICE.search(printed(run))


def test_nothing_is_planned_by_it(untrained: Path) -> None:
    summary = Summary.open(untrained)
    assert choices(summary) == [] and picks(summary) == []
    with pytest.raises(ExperimentError, match="untrained, so it recommends nothing: measure"):
        check_trained(summary)


def test_a_run_tells_where_its_weights_come_from(tiny: Plan, tmp_path: Path) -> None:
    plan = tiny()
    model = sw.load_model(plan.model)
    model.save(tmp_path / "w.safetensors")
    assert model.weights.origin.startswith("as its factory makes them")
    file = str(tmp_path / "w.safetensors")
    for weights, origin in (("none", "none: untrained"), (file, f"the file {file}, SHA-256 ")):
        out = tmp_path / weights.partition(".")[0]
        list(Run(tiny(weights=weights), out))
        summary = Summary.open(out)
        assert summary.head.trained == (weights != "none")
        assert dict(measured(summary))["its weights"].startswith(origin)
        assert summary.head.differences == {"2": 0}
    with pytest.raises(ExperimentError, match="untrained, so it recommends nothing"):
        choices_of_run(tmp_path / "none", model, 100.0)
