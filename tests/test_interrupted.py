"""Evaluation, calibration, training and attacks that are killed or short of disk: begun again, they
end as if nothing had happened."""

import os
import random
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apart import CONTEXT, PATIENCE, End, apart
from PIL import Image
from safetensors.numpy import load_file

from splitwire.attack import plan as attack_plan
from splitwire.attack import run as attack_run
from splitwire.calibrate import calibrator
from splitwire.codecs.profile import Profile
from splitwire.disk import LOCK, lock
from splitwire.errors import StorageError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, read_run
from splitwire.runner.local import COMPUTED
from splitwire.train import run as train_run
from splitwire.train.trainer import Schedule

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1),
        nn.Conv2d(6, 16, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
    )
    network[-1].weight.data *= 40
    return network, Preprocess(40, 44, (127.0,) * 3, (64.0,) * 3, "bilinear")
"""
Work = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is quick to run, and pictures."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "net.py").write_text(NET)
    values = np.random.default_rng(0)
    for name, count in (("photos", 10), ("others", 3)):
        (folder / name).mkdir()
        for i in range(count):
            coarse = Image.fromarray(values.integers(0, 255, (6, 6, 3), np.uint8))
            coarse.resize((64, 64), Image.Resampling.BICUBIC).save(folder / name / f"{i}.png")
    return folder


def evaluate(desk: Path, out: Path) -> None:
    experiment = load_experiment(
        **dict.fromkeys(("pictures", "links"), ()),
        model=f"{desk / 'net.py'}:small",
        data=str(desk / "photos"),
        calibration=str(desk / "others"),
        limit=3,
        splits=("2",),
        codecs=("raw:bits=6,clip=profile",),
        edge="this",
        cloud="this",
    )
    for _ in Run(experiment, out):
        pass


def calibrate(desk: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    plan = calibrator.Plan(f"{desk / 'net.py'}:small", "2", str(desk / "photos"), crops=16)
    calibrator.write_profiles(plan, out / "2.profile")


def train(desk: Path, out: Path) -> None:
    schedule = Schedule(steps=12, pace=1e-3, every=5)
    plan = train_run.Plan(f"{desk / 'net.py'}:small", "2", str(desk / "photos"), schedule, crops=16)
    train_run.Training(plan, out).run(lambda line: None)


def attack(desk: Path, out: Path) -> None:
    plan = attack_plan.Plan(
        f"{desk / 'net.py'}:small",
        ("2",),
        ("raw:bits=4", "raw:bits=2"),
        str(desk / "photos"),
        str(desk / "others"),
        crops=16,
        steps=3,
        optimise=1,
    )
    for _ in attack_run.Attack(plan, out):
        pass


WORKS: tuple[Work, ...] = (evaluate, calibrate, train, attack)


def left_by(out: Path) -> dict[str, Any]:
    """What lies in a folder, but for what tells of times."""
    files = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    files.pop(LOCK, None)
    said: dict[str, Any] = {name: path.read_bytes() for name, path in files.items()}
    if SAMPLES in files:
        head, samples = read_run(out)
        rows = [{k: v for k, v in asdict(s).items() if k not in COMPUTED} for s in samples]
        said[SAMPLES] = replace(head, started=""), rows
    for name, path in files.items():
        if path.suffix == ".profile":
            said[name] = Profile.load(path), Profile.load(path).learnt
        elif path.suffix == ".safetensors":
            said[name] = {key: x.tobytes() for key, x in load_file(path).items()}
        elif path.suffix in (".pt", ".svg"):  # which carry dates and made-up names
            said[name] = "there"
    return said


@pytest.fixture(scope="module")
def uninterrupted(
    desk: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Work], dict[str, Any]]:
    known: dict[Work, dict[str, Any]] = {}

    def end(work: Work) -> dict[str, Any]:
        if work not in known:
            out = tmp_path_factory.mktemp("whole") / "out"
            assert apart(work, desk, out) == End(0, "")
            known[work] = left_by(out)
        return known[work]

    return end


Uninterrupted = Callable[[Work], dict[str, Any]]


# Bytes that a file may have, until all is done without a limit.
@pytest.mark.parametrize(
    ("work", "short"),
    [
        (evaluate, (4, 3500)),
        pytest.param(calibrate, (700,), marks=pytest.mark.full),
        pytest.param(train, (16000, 40000), marks=pytest.mark.full),
        pytest.param(attack, (300, 3000), marks=pytest.mark.full),
    ],
)
def test_a_full_disk_is_said_in_a_line_and_costs_nothing_that_was_done(
    work: Work, short: tuple[int, ...], desk: Path, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    out, wanted = tmp_path / "out", uninterrupted(work)
    for largest in short:
        end = apart(work, desk, out, largest=largest)
        assert end.status == 1
        assert re.fullmatch(rf"cannot write {out}\S*: File too large", end.said), end
    assert apart(work, desk, out) == End(0, "")
    assert left_by(out) == wanted


@pytest.mark.parametrize(
    ("work", "deaths"),
    [
        (evaluate, (5, 9)),
        pytest.param(calibrate, (2,), marks=pytest.mark.full),
        pytest.param(train, (12, 5), marks=pytest.mark.full),
        pytest.param(attack, (5, 14), marks=pytest.mark.full),
    ],
)
def test_kills_change_nothing(
    work: Work, deaths: tuple[int, ...], desk: Path, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for step in deaths:
        assert apart(work, desk, out, folder=out, die_at=step).status == -signal.SIGKILL
    assert apart(work, desk, out) == End(0, "")
    assert left_by(out) == uninterrupted(work)


@pytest.mark.full
@pytest.mark.parametrize("work", WORKS)
def test_a_kill_at_any_step_on_the_disk_changes_nothing(
    work: Work, desk: Path, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    for step in range(200):
        out = tmp_path / str(step)
        end = apart(work, desk, out, folder=out, die_at=step)
        if not end.status:
            break
        assert end.status == -signal.SIGKILL
        assert apart(work, desk, out) == End(0, "")
        assert left_by(out) == uninterrupted(work), step
    assert step >= 3  # a folder, a file and its name at least


@pytest.mark.full
@pytest.mark.parametrize("work", WORKS)
def test_kills_at_any_time_change_nothing(
    work: Work, desk: Path, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    out, chance = tmp_path / "out", random.Random(0)
    wanted = uninterrupted(work)
    for _ in range(20):
        process = CONTEXT.Process(target=work, args=(desk, out))
        process.start()
        process.join(chance.uniform(0.1, 2))
        process.kill()
        process.join(PATIENCE)
    assert apart(work, desk, out) == End(0, "")
    assert left_by(out) == wanted


def test_a_folder_that_vanishes_ends_a_run_and_a_training(desk: Path, tmp_path: Path) -> None:
    experiment = load_experiment(
        **dict.fromkeys(("pictures", "links", "codecs"), ()),
        model=f"{desk / 'net.py'}:small",
        data=str(desk / "photos"),
        limit=3,
        splits=("2",),
        edge="this",
        cloud="this",
    )
    samples = iter(Run(experiment, tmp_path / "run"))
    next(samples)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StorageError, match=rf"cannot write {tmp_path}/run/samples\S+: there is no"):
        next(samples)

    def vanish(line: dict[str, Any]) -> None:
        if line["step"] == 20:
            shutil.rmtree(tmp_path / "training")

    plan = train_run.Plan(
        f"{desk / 'net.py'}:small", "2", str(desk / "photos"), Schedule(steps=60), crops=16
    )
    training = train_run.Training(plan, tmp_path / "training")
    with pytest.raises(StorageError, match=rf"cannot write {tmp_path}/training/\S+: there is no"):
        training.run(vanish)


@pytest.mark.parametrize("work", [evaluate, train])
def test_a_second_run_in_a_folder_is_refused(work: Work, desk: Path, tmp_path: Path) -> None:
    held = lock(tmp_path)
    end = apart(work, desk, tmp_path)
    assert end.status == 1
    said = f"cannot write to {tmp_path}: process {os.getpid()} is writing to it"
    assert end.said.startswith(said)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    del held
