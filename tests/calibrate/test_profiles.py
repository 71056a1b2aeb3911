"""Where a run's profiles come from: the package, its folder, a file, and calibration."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from small_runs import few_crops

import splitwire as sw
from splitwire.calibrate.calibrator import Plan, write_profiles
from splitwire.calibrate.learn import CROPS, HELD
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.learned import Learned
from splitwire.codecs.profile import read_label
from splitwire.data.fingerprint import fingerprints
from splitwire.data.fingerprint import shared as shared_pictures
from splitwire.data.photos import Photo, crops, load_photos
from splitwire.errors import CodecError, DataError, ExperimentError, ProfileError
from splitwire.eval.experiment import Experiment, load_experiment
from splitwire.eval.profiles import run_store
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, read_run
from splitwire.live.choosing import open_choice, shared

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    ends = nn.Conv2d(3, 8, 3, 2), nn.Linear(8 * 7 * 7, 10)
    network = nn.Sequential(ends[0], nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.Flatten(), ends[1])
    return network, Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""
FORKED = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(3, 4, 5, 4)

    def forward(self, x):
        return self.left(x).relu(), self.right(x).relu()

class Forked(nn.Module):
    def __init__(self):
        super().__init__()
        self.both, self.head = Stem(), nn.Linear(1546, 10)

    def forward(self, x):
        return 9 * self.head(torch.cat([part.flatten(1) for part in self.both(x)], 1))

def make():
    return Forked(), Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""
SPLITS = load_experiment().splits
CALIBRATION = load_photos("scikit-image")
T = TypeVar("T")


class Counted:
    """Follows calibrations, and what they are called."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.steps = 0

    def __call__(self, sequence: Iterable[T], *, total: int, description: str) -> Iterable[T]:
        self.names.append(description)
        for item in sequence:
            self.steps += 1
            yield item


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("net") / "net.py"
    file.write_text(NET, encoding="utf-8")
    return f"{file}:small"


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("forked") / "forked.py"
    file.write_text(FORKED, encoding="utf-8")
    return f"{file}:make"


def plan(model: str, *codecs: str, **changes: object) -> Experiment:
    least = {"splits": ("2",), "pictures": (), "links": (), "edge": "this", "cloud": "this"}
    return load_experiment(None, **{**least, "limit": 1, **changes}, model=model, codecs=codecs)


@pytest.mark.parametrize("split", SPLITS)
def test_a_packaged_profile_is_small_and_of_the_default_network(
    lite0: sw.Model, split: str
) -> None:
    profile = ProfileStore().find(lite0.digest, split, Ftc(), "classification")
    assert profile is not None and profile.path is not None and profile.learnt is not None
    assert profile.path.stat().st_size < 1_000_000
    assert profile.learnt.split == split and "scikit-image" in profile.learnt.data
    assert len(shared_pictures(profile.learnt.pictures, fingerprints(CALIBRATION))) == 9
    codec = sw.codec("ftc", profile=profile)
    (crossing,) = sw.split(lite0, split).crossings
    assert codec.profile is not None
    assert tuple(codec.profile.arrays["shape"]) == crossing.shape[1:]


def test_a_packaged_profile_is_for_its_weights_and_split_alone(lite0: sw.Model) -> None:
    store = ProfileStore()
    assert store.find("0" * 16, "blocks.3", Ftc(), "classification") is None
    assert store.find(lite0.digest, "blocks.4", Ftc(), "classification") is None
    assert store.find(lite0.digest, "blocks.3", Ftc(), "classification", crossing=1) is None
    assert (
        store.find(lite0.digest, "blocks.3", sw.codec("raw:clip=profile"), "classification") is None
    )


def test_the_default_network_is_not_calibrated_again(lite0: sw.Model, tmp_path: Path) -> None:
    counted = Counted()
    run = Run(plan("lite0", "ftc:quality=40+60", splits=("blocks.3",)), tmp_path, counted)
    samples = [s for s in run if s.codec.startswith("ftc")]
    assert counted.names == ["Timing"]
    assert [s.error for s in samples] == [None, None]
    assert samples[0].bytes < samples[1].bytes < 5000
    (digest,) = read_run(tmp_path)[0].profiles
    profile = ProfileStore().find(lite0.digest, "blocks.3", Ftc(), "classification")
    assert profile is not None
    assert digest == profile.digest


@pytest.mark.parametrize("split", ["blocks.3", "blocks.5"])
def test_trained_profiles_are_packaged(lite0: sw.Model, split: str) -> None:
    profile = ProfileStore().find(lite0.digest, split, Learned(), "classification")
    assert profile is not None and profile.path is not None and profile.learnt is not None
    assert profile.path.stat().st_size <= 2_000_000
    assert profile.learnt.split == split
    assert profile.learnt.trained and profile.learnt.steps > 0
    assert not {"foolbox", "samples"} & set(profile.learnt.data)


def test_what_only_training_makes_is_left_out_where_none_is_packaged(
    net: str, tmp_path: Path
) -> None:
    counted = Counted()
    run = Run(plan(net, "learned:quality=40+60", "raw:bits=4"), tmp_path, counted)
    assert run.left_out == {"learned": {"2"}}
    assert counted.names == []
    assert not any(sample.codec.startswith("learned") for sample in run)


@pytest.mark.parametrize("crops", [24, pytest.param(CROPS, marks=pytest.mark.full)])
def test_a_sweep_is_calibrated_once_a_split_and_a_resumed_run_not_again(
    net: str, tmp_path: Path, crops: int
) -> None:
    first, again = Counted(), Counted()
    experiment = plan(net, "ftc:quality=30+50+70", "raw:clip=profile", splits=("0", "2"))
    with few_crops(crops):
        run = Run(experiment, tmp_path, first)
    said = ["held out", "calibrating", "calibrating"]  # ftc; what needs no gradients looks anew
    assert first.names == [f"{split}: {why}" for split in "02" for why in said]
    assert first.steps == 2 * (min(crops, HELD) + crops + crops)
    used = {codec.profile for choice in run.curves for codec in choice.codecs if codec.profile}
    assert len(used) == 4
    samples = iter(run)
    for _ in range(3):
        next(samples)
    with few_crops(crops):
        resumed = Run(experiment, tmp_path, again)
    assert len(resumed.done) == 3
    assert again.names == []
    assert used == {codec.profile for choice in resumed.curves for codec in choice.codecs} - {None}
    assert not any(sample.error for sample in resumed)


def test_a_profile_of_another_seed_in_the_folder_is_not_taken(net: str, tmp_path: Path) -> None:
    counted = Counted()
    Run(plan(net, "raw:clip=profile"), tmp_path)
    (tmp_path / SAMPLES).unlink()
    Run(plan(net, "raw:clip=profile", seed=1), tmp_path, counted)
    assert counted.names == ["2: calibrating"]


def test_a_profile_s_file_is_used_and_its_change_is_noticed(net: str, tmp_path: Path) -> None:
    path = tmp_path / "a+b.profile"
    (written,) = write_profiles(Plan(net, "2", crops=20), path)
    counted = Counted()
    experiment = plan(net, f"ftc:profile={path},quality=40+60")
    samples = [s for s in Run(experiment, tmp_path / "run", counted) if s.codec.startswith("ftc")]
    assert [s.error for s in samples] == [None, None]
    assert {s.curve for s in samples} == {f"ftc:profile={path}"}
    assert counted.names == ["Timing"]
    assert list(read_run(tmp_path / "run")[0].profiles) == [written.digest]
    write_profiles(Plan(net, "2", crops=21), path)
    with pytest.raises(ExperimentError, match="holds a run with other profiles"):
        Run(experiment, tmp_path / "run")


def test_a_profile_of_the_evaluation_s_pictures_is_refused(net: str, tmp_path: Path) -> None:
    """Known by what they show; by the name of their set where a profile says no more."""
    shown = load_photos("samples")
    (tmp_path / "mine").mkdir()
    for i, photo in enumerate(shown[:2]):
        photo.open().resize((300, 280)).save(tmp_path / "mine" / f"{i}.webp")
    spec = f"ftc:profile={tmp_path / 'x'}"
    (profile,) = write_profiles(Plan(net, "2", str(tmp_path / "mine"), crops=5), tmp_path / "x")
    assert profile.learnt is not None and len(profile.learnt.pictures) == 2
    with pytest.raises(DataError, match=f"learnt on .*{shown[0].name}, which this experiment"):
        Run(plan(net, spec), tmp_path / "run")
    replace(profile, learnt=replace(profile.learnt, pictures=(), data=("samples",))).save(
        tmp_path / "x"
    )
    with pytest.raises(DataError, match="learnt on samples, which this experiment evaluates"):
        Run(plan(net, spec), tmp_path / "run")


def test_a_profile_that_does_not_say_its_pictures_is_told_of(net: str, tmp_path: Path) -> None:
    (profile,) = write_profiles(Plan(net, "2", crops=5), tmp_path / "x")
    assert profile.learnt is not None
    experiment = plan(net, f"ftc:profile={tmp_path / 'x'},quality=40+60")
    list(Run(experiment, tmp_path / "known"))
    replace(profile, learnt=replace(profile.learnt, pictures=())).save(tmp_path / "x")
    list(Run(experiment, tmp_path / "unknown"))
    said = f"unknown which pictures the profile {profile.digest} learnt from"
    assert said in sw.write_report(tmp_path / "unknown").read_text(encoding="utf-8")
    assert said not in sw.write_report(tmp_path / "known").read_text(encoding="utf-8")


def test_several_crossing_tensors_have_a_profile_each(forked: str, tmp_path: Path) -> None:
    profiles = write_profiles(Plan(forked, "both", crops=3), tmp_path / "x.profile")
    assert [p.path.name for p in profiles if p.path] == ["x.0.profile", "x.1.profile"]
    assert [p.learnt.crossing for p in profiles if p.learnt] == [0, 1]


def test_a_profile_is_scaled_and_told_by_photos_that_it_did_not_learn_from(
    forked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[set[str]] = []

    def spied(photos: Sequence[Photo], *rest: Any) -> Iterable[Any]:
        shown.append({photo.name for photo in photos})
        return crops(photos, *rest)

    monkeypatch.setattr("splitwire.calibrate.calibrator.crops", spied)
    profile, _ = write_profiles(Plan(forked, "both", crops=30), tmp_path / "x")
    held, learnt_from = shown
    assert (len(held), len(learnt_from), held & learnt_from) == (2, 7, set())
    learnt = profile.learnt
    assert learnt is not None and profile.path is not None
    assert (learnt.photos, learnt.held_out) == (7, 2)
    assert [line.split(":")[0] for line in learnt.measured] == [
        "quality=40", "quality=50", "quality=60",
    ]  # fmt: skip
    nats = [float(line.split()[1]) for line in learnt.measured]
    assert nats == sorted(nats, reverse=True)
    assert 0.8 < nats[1] / Ftc.expected_loss < 1.25
    assert learnt.half != 0
    assert read_label(profile.path)[1] == learnt


def test_one_photo_is_learnt_from_and_tried_on(net: str, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    load_photos("scikit-image")[0].open().save(folder / "one.png")
    (profile,) = write_profiles(Plan(net, "2", str(folder), crops=10), tmp_path / "x")
    assert profile.learnt is not None
    assert (profile.learnt.photos, profile.learnt.held_out, profile.learnt.half) == (1, 0, 0.0)
    assert len(profile.learnt.measured) == 3


def test_what_cannot_be_calibrated_is_refused(net: str, tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="jpeg needs no profile: name a codec that does"):
        write_profiles(Plan(net, "2", codec="jpeg"), tmp_path / "x")
    with pytest.raises(ProfileError, match="there is no folder"):
        write_profiles(Plan(net, "2"), tmp_path / "none" / "x")
    assert not list(tmp_path.iterdir())


def test_a_profile_in_a_folder_of_the_user_s_is_taken(
    net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, counted = tmp_path / "mine", Counted()
    folder.mkdir()
    (written,) = write_profiles(Plan(net, "2", crops=20, seed=3), folder / "any name.profile")
    monkeypatch.setenv("SPLITWIRE_PROFILES", str(folder))
    run = Run(plan(net, "ftc:quality=40+60"), tmp_path / "run", counted)
    assert not any(sample.error for sample in run)
    assert counted.names == ["Timing"] and list(read_run(tmp_path / "run")[0].profiles) == [
        written.digest
    ]


def test_a_run_with_two_crossing_tensors_has_a_profile_for_each(
    forked: str, tmp_path: Path
) -> None:
    """Calibrated, evaluated, drawn, and found again by whoever opens the run."""
    experiment = plan(forked, "ftc:quality=30+60", "jpeg", splits=("both",))
    with few_crops():
        samples = [s for s in Run(experiment, tmp_path) if s.codec.startswith("ftc")]
    assert [s.error for s in samples] == [None, None]
    assert samples[0].bytes < samples[1].bytes
    names = sorted(path.name for path in (tmp_path / "profiles").iterdir())
    assert names == ["both-ftc.0.profile", "both-ftc.1.profile"]
    model = sw.load_model(forked)
    cut = sw.split(model, "both")
    codecs = run_store(tmp_path).codecs(cut, sw.codec("ftc:quality=60"), "classification")
    digests = {codec.profile.digest for codec in codecs if codec.profile}
    assert digests == set(read_run(tmp_path)[0].profiles) and len(digests) == 2
    assert "One feature tensor, as sent and as decoded" in sw.write_report(tmp_path).read_text()
    choice = open_choice(
        model, shared("both", "ftc:quality=60"), run_store(tmp_path), "classification"
    )
    assert list(choice.codecs) == codecs
