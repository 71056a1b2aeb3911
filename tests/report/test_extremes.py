"""The best and the worst picture of each codec: what a run keeps, and what the page draws."""

import io
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_runs import Plan

import splitwire as sw
from splitwire.errors import ExperimentError
from splitwire.eval.extremes import extremes, picture_of
from splitwire.eval.samples import Sample, read_run
from splitwire.eval.summary import Summary
from splitwire.report.extreme_section import shown

TASK = """
from PIL import Image
from splitwire.tasks.classification import Classification

class Tinted(Classification):
    name = "tinted"
    draws = True

    def draw(self, picture, prediction):
        return Image.new("RGB", picture.size, (25 * prediction["classes"][0], 0, 0))
"""


def sample(photo: str, far: float, **changes: object) -> Sample:
    made = Sample(photo, 0, "shared", "2", "jpeg", divergence=far, prediction={"classes": [1]})
    return replace(made, **changes)


def test_extremes_are_of_centre_crops_that_went_through() -> None:
    samples = [
        sample("a", 0.5),
        sample("b", 0.1),
        sample("c", 0.9),
        sample("d", 2.0, view=1),
        sample("e", 2.0, error="CodecError: no"),
        sample("f", 2.0, way="edge only", split="", codec=""),
        sample("g", 0.3, codec="png"),
    ]
    found = {key[2]: [s.photo for s in pair] for key, pair in extremes(samples).items()}
    assert found == {"jpeg": ["b", "c"], "png": ["g", "g"]}


@pytest.fixture(scope="module")
def run(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tinted")
    (out / "own.py").write_text(TASK, encoding="utf-8")
    codecs = ["raw:bits=2+6", "raw:dtype=float32", "jpeg:quality=20"]
    plan = tiny(task=f"{out}/own.py:Tinted", codecs=codecs, limit=4)
    list(sw.Run(plan, out / "run"))
    return out / "run"


def test_a_run_keeps_the_pictures_that_codecs_serve_best_and_worst(run: Path) -> None:
    pairs = extremes(read_run(run)[1]).values()
    names = {sample.photo for pair in pairs for sample in pair}
    kept = {picture_of(run, name) for name in names}
    assert len(pairs) == 4 and set((run / "pictures").iterdir()) == kept
    assert all(Image.open(path).size == (32, 32) for path in kept)


def test_of_each_codec_the_cheapest_faithful_setting_is_drawn(run: Path) -> None:
    summary = Summary.open(run, max_divergence=1e9)
    found = extremes(summary.samples)
    cheapest = {r.codec for r in shown(summary, found)}
    assert cheapest == {"raw:bits=2", "raw:dtype=float32", "jpeg:quality=20"}
    assert "raw:bits=6" in {r.codec for r in shown(Summary.open(run, 0.0), found)}


def test_the_page_draws_them_in_pairs(run: Path) -> None:
    summary = Summary.open(run)
    text = sw.write_report(run, max_divergence=1e9).read_text(encoding="utf-8")
    part = text[text.index('id="extremes"') :]
    part = part[: part.index("</section>")]
    assert part.count('class="pair"') == 4 and "raw:dtype=float32" not in part  # it loses nothing
    drawn = [
        np.asarray(Image.open(io.BytesIO(b64decode(data))))[0, 0, 0] / 25
        for data in re.findall(r"base64,([^\"]*)", part)
    ]
    best, worst = extremes(summary.samples)["shared", "2", "raw:bits=2"]
    whole = {s.photo: s for s in summary.samples if s.way == "edge only"}
    told = [whole[best.photo], best, whole[worst.photo], worst]
    assert np.round(drawn[:4]).tolist() == [s.prediction["classes"][0] for s in told]
    assert f"worst: {worst.photo}, uncompressed" in part


def test_a_damaged_or_missing_picture(run: Path) -> None:
    path = next((run / "pictures").iterdir())
    before = path.read_bytes()
    path.write_bytes(b"garbage")
    with pytest.raises(ExperimentError, match="is no picture that can be read"):
        sw.write_report(run, max_divergence=1e9)
    for other in (run / "pictures").iterdir():
        other.rename(other.with_suffix(".gone"))
    assert 'id="extremes"' not in sw.write_report(run).read_text(encoding="utf-8")
    for other in (run / "pictures").iterdir():
        other.rename(other.with_suffix(".jpg"))
    path.write_bytes(before)


def test_a_task_that_writes_below_pictures_keeps_none(tiny: Plan, tmp_path: Path) -> None:
    list(sw.Run(tiny(codecs=["raw:bits=2"], limit=2), tmp_path))
    assert not (tmp_path / "pictures").exists()
    assert 'id="extremes"' not in sw.write_report(tmp_path).read_text(encoding="utf-8")
