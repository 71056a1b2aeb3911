"""What the documents show, run as a reader would run it."""

import re
from pathlib import Path

import numpy as np
import pytest
from forked import forked
from PIL import Image

import splitwire as sw

ROOT = Path(__file__).parent.parent


def python_blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(code: str, folder: Path) -> str:
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    done = forked([script.name], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_runs(tmp_path: Path) -> None:
    (code,) = python_blocks("README.md")
    run(code + "\nassert logits.shape == (1, 1000)\n", tmp_path)


def test_the_codec_of_the_guide_works_and_passes_the_checks(tmp_path: Path) -> None:
    printed = run("\n".join(python_blocks("docs/adding-a-codec.md")), tmp_path).splitlines()
    (size, error), *sequence = [line.split() for line in printed]
    assert 0 < int(size) < 80 * 14 * 14 + 2000
    assert float(error) < 3
    first, *following = [int(size) for size, _ in sequence]
    assert max(following) < first / 2
    assert max(float(error) for _, error in sequence) < 0.13


def test_the_guide_keeps_its_promise_of_twenty_lines() -> None:
    blocks = python_blocks("docs/adding-a-codec.md")
    for codec in (blocks[0], blocks[-1].partition("\n\n\n")[0]):
        assert len([line for line in codec.splitlines() if line.strip()]) <= 20


def test_the_task_of_the_guide_is_evaluated_reported_and_calibrated_for(tmp_path: Path) -> None:
    task, network, use = python_blocks("docs/adding-a-task.md")
    (tmp_path / "steering.py").write_text(task, encoding="utf-8")
    (tmp_path / "car.py").write_text(network, encoding="utf-8")
    printed = run(use, tmp_path)
    rows = {words[0]: words for words in map(str.split, printed.splitlines())}
    assert float(rows["edge"][-1]) == 0  # edge only strays nowhere
    coarse, fine = rows["ftc:quality=30"], rows["ftc:quality=60"]
    assert float(coarse[4]) > float(fine[4])
    assert float(fine[3]) < float(rows["jpeg:quality=20"][3])  # this network hears the mean alone
    page = (tmp_path / "runs" / "car" / "report.html").read_text(encoding="utf-8")
    assert "error of the angle in radians" in page and "What the network says" in page
    (profile,) = (tmp_path / "runs" / "car" / "profiles").iterdir()
    assert profile.name == "road-ftc.profile"


def test_the_guide_to_tasks_keeps_its_promise_of_thirty_lines() -> None:
    task = python_blocks("docs/adding-a-task.md")[0]
    assert len([line for line in task.splitlines() if line.strip()]) <= 30


def test_the_evaluation_of_the_guide_runs(tmp_path: Path) -> None:
    several_inputs, opens_in_pandas, in_python = python_blocks("docs/evaluating.md")
    shown = "\nassert stereo()[1].shape == (2 * 3 * 128 * 256 + 1,)"
    run("class Stereo:\n    pass\n" + several_inputs + shown, tmp_path)
    printed = run(in_python + opens_in_pandas.replace("runs/default", "two"), tmp_path)
    assert "blocks.3 jpeg:quality=50" in printed


@pytest.mark.full
def test_the_calibration_of_the_guide_runs(tmp_path: Path) -> None:
    (code,) = python_blocks("docs/ftc.md")
    run(code + "\nassert decoded.shape == (80, 14, 14) and len(stream) < 4000\n", tmp_path)


@pytest.mark.full
def test_the_training_of_the_guide_runs(tmp_path: Path) -> None:
    code, architecture = python_blocks("docs/learned.md")
    (tmp_path / "photos").mkdir()
    random = np.random.default_rng(0)
    for i in range(10):
        coarse = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8))
        coarse.resize((260, 260), Image.Resampling.BICUBIC).save(tmp_path / "photos" / f"{i}.png")
    run(code + "\nassert decoded.shape == (192, 7, 7) and len(stream) < 4000\n", tmp_path)
    assert len([line for line in architecture.splitlines() if line.strip()]) <= 40


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))],
)
def test_every_link_leads_somewhere(document: str) -> None:
    page = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^::: splitwire\.(\w+)$", text, re.MULTILINE))
    errors = {name for name in sw.__all__ if name.endswith("Error")}  # in `::: splitwire.errors`
    assert set(sw.__all__) - errors == told - {"errors"}


def test_every_picture_is_in_the_gallery_with_its_command() -> None:
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    sections = text.split("\n## ")[1:]
    shown = {name for section in sections for name in re.findall(r"\(images/([\w.-]+)\)", section)}
    assert shown == {path.name for path in (ROOT / "docs/images").iterdir()}
    drawn = [section for section in sections if "(images/" in section]
    assert all(re.search(r"^```\n.*docs/images/", section, re.M | re.S) for section in drawn)
