"""Whole attacks on a small network: what they get, that they repeat, stop and go on."""

import io
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from splitwire.attack.files import seen_path, sent_path
from splitwire.attack.lines import ATTACKS, LINES, Line, read_lines
from splitwire.attack.plan import Plan
from splitwire.attack.run import Attack
from splitwire.cli import main
from splitwire.data.photos import load_photos
from splitwire.errors import DataError, ExperimentError, ModelError, ProfileError
from splitwire.report.attack_page import write_attack
from splitwire.report.attack_rows import rows
from splitwire.report.attack_table import attack_table

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    network = nn.Sequential(
        nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(16, 24, 3, 2, 1), nn.Flatten(), nn.Linear(24 * 64, 10),
    )
    return network, Preprocess(64, 72, (127.0,) * 3, (64.0,) * 3, "bilinear")

def grey():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.Flatten(), nn.Linear(4 * 31 * 31, 10))
    return network, Preprocess(64, 72, (127.0,), (64.0,), "bilinear")
"""
FLOAT = "raw:dtype=float32"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is quick to run, and four small photos to attack."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "net.py").write_text(NET)
    (folder / "photos").mkdir()
    for photo in load_photos("samples", 4):
        photo.open().resize((96, 96)).save(folder / "photos" / f"{photo.path.stem}.png")
    return folder


@pytest.fixture(scope="module")
def plan(desk: Path) -> Plan:
    return Plan(
        f"{desk / 'net.py'}:small",
        ("input", "1"),
        (FLOAT, "raw:bits=2"),
        "scikit-image",
        str(desk / "photos"),
        crops=48,
        steps=12,
        optimise=3,
    )


@pytest.fixture(scope="module")
def whole(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an attack that was run without a break."""
    out = tmp_path_factory.mktemp("whole")
    assert len(list(Attack(plan, out))) == 16
    return out


def mean(lines: Iterable[Line], split: str, codec: str, attack: str, measure: str) -> float:
    some = [x.scores[attack][measure] for x in lines if (x.split, x.codec) == (split, codec)]
    assert len(some) == 4
    return float(np.mean(some))


def test_at_the_input_the_attack_returns_the_picture(whole: Path) -> None:
    _, lines = read_lines(whole / LINES)
    for attack in ("inversion", "optimisation"):
        assert mean(lines, "input", FLOAT, attack, "ssim") > 0.95
        assert mean(lines, "input", FLOAT, attack, "top1") == 1
    assert all(line.bound == 0 for line in lines if line.codec == FLOAT)


def test_attacks_are_stronger_than_the_nearest_picture(whole: Path) -> None:
    _, lines = read_lines(whole / LINES)
    for split in ("input", "1"):
        for codec in (FLOAT, "raw:bits=2"):
            ours, near = (mean(lines, split, codec, a, "ssim") for a in ("inversion", "nearest"))
            assert ours > near + 0.2
        fine, coarse = (mean(lines, split, c, "inversion", "psnr") for c in (FLOAT, "raw:bits=2"))
        assert fine > coarse


def test_all_is_kept(whole: Path) -> None:
    head, lines = read_lines(whole / LINES)
    assert (head.own, head.crops, head.judge) == (9, 48, head.model)
    for line in lines:
        assert set(line.scores) <= set(ATTACKS) and {"inversion", "mean"} <= set(line.scores)
        for name in line.scores:
            with Image.open(seen_path(whole, line.split, line.codec, line.picture, name)) as seen:
                assert seen.size == (64, 64)
        assert sent_path(whole, line.picture).is_file()
    one = next(x for x in lines if x.split == "1" and x.codec == "raw:bits=2")
    assert one.bytes < 12 * 32 * 32 / 4 + 40 and one.bound > 0


def test_an_attack_that_was_stopped_goes_on_and_ends_as_if_it_had_not(
    plan: Plan, whole: Path, tmp_path: Path
) -> None:
    def stopping(sequence: Iterable[Any], *, total: int, description: str) -> Iterable[Any]:
        for at, item in enumerate(sequence):
            if description == "1: training" and at == 5:
                raise KeyboardInterrupt
            yield item

    attack = iter(Attack(plan, tmp_path))
    for _ in range(3):
        next(attack)
    del attack
    with (tmp_path / LINES).open("a") as file:
        file.write('{"split": "inp')  # as a kill leaves it
    with pytest.raises(KeyboardInterrupt):
        list(Attack(plan, tmp_path, stopping))
    assert len(read_lines(tmp_path / LINES)[1]) == 8
    assert len(list(Attack(plan, tmp_path))) == 16
    assert (tmp_path / LINES).read_bytes() == (whole / LINES).read_bytes()


def test_another_codec_joins_and_another_attack_does_not(
    plan: Plan, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "more")
    asked = replace(plan, splits=("1",), codecs=(*plan.codecs, "raw:bits=1"))
    more = Attack(asked, tmp_path / "more")
    assert len(list(more)) == more.total == 12
    assert len(read_lines(tmp_path / "more" / LINES)[1]) == 20
    with pytest.raises(ExperimentError, match=r"another attack \(other seed\)"):
        Attack(replace(plan, seed=1), tmp_path / "more")


def test_the_page_and_the_table_tell_it(whole: Path) -> None:
    head, lines = read_lines(whole / LINES)
    page = write_attack(whole).read_text(encoding="utf-8")
    assert page.count("<section>") == 2 + 4 and "private" not in page
    for line in lines:
        assert seen_path(whole, line.split, line.codec, line.picture, "inversion").name in page
    for name in ("seen.jpg", "curves.png"):
        assert (whole / name).stat().st_size > 10_000
    found = rows(lines)
    assert [(row.split, row.codec) for row in found] == [
        (split, codec) for split in ("input", "1") for codec in (FLOAT, "raw:bits=2")
    ]
    for row in found:
        told = row.scores["inversion"]["ssim"]
        assert told.low <= told.mean <= told.high and row.pictures == 4
        near = row.scores["nearest"]["ssim"]
        assert row.ahead.mean == pytest.approx(told.mean - near.mean) and row.ahead.low > 0.1
    assert attack_table(head, lines).row_count == 4
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(attack_table(head, lines, wide=False))
    assert "…" not in console.export_text()


def test_what_cannot_be_attacked_is_said_in_a_line(plan: Plan, desk: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="attack another cut"):
        Attack(replace(plan, splits=("output",)), tmp_path)
    with pytest.raises(ModelError, match="cannot judge its pictures"):
        Attack(replace(plan, judge=f"{desk / 'net.py'}:grey"), tmp_path)
    with pytest.raises(ProfileError, match="no profile of ftc"):
        Attack(replace(plan, codecs=("ftc",)), tmp_path)
    with pytest.raises(DataError, match="give others"):
        Attack(replace(plan, data=str(desk / "photos")), tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / LINES).write_text("[]\n")
    with pytest.raises(ExperimentError, match="holds no attack"):
        Attack(plan, tmp_path)


def test_the_command_goes_on_too(
    plan: Plan, whole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        "splitwire",
        "attack",
        plan.model,
        "--data",
        plan.data,
        "--on",
        plan.on,
        "-o",
        str(whole),
    ]
    words += ["--split", "1", "--codec", FLOAT, "--crops", "48", "--steps", "12", "--optimise", "3"]
    before = (whole / LINES).read_bytes()
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "attack.html" in capsys.readouterr().out
    assert (whole / LINES).read_bytes() == before
    assert json.loads(before.splitlines()[0])["crops"] == 48
    monkeypatch.setattr("sys.argv", [*words, "--seed", "7"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
