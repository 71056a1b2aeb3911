"""Profiles are found by what they were learnt on: in which order, and what is no match."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import splitwire as sw
from splitwire.calibrate.store import VARIABLE, ProfileStore
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.profile import Provenance
from splitwire.codecs.raw import Raw

LEARNT = Provenance("net", "a" * 16, "2", "raw:clip=profile", 0, ("mine",), 20, 0)
CLIPPED = Raw(clip="profile")


def keep(folder: Path, height: float, learnt: Provenance | None = LEARNT) -> str:
    """A profile in a folder, told by its clip range; its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"lo": np.zeros(1, np.float32), "hi": np.full(1, height, np.float32)}
    name = folder / f"{len(list(folder.iterdir()))}.profile"
    return sw.Profile("raw", arrays, learnt=learnt).save(name).digest


def found(store: ProfileStore, codec: Raw = CLIPPED, crossing: int = 0) -> str | None:
    profile = store.find("a" * 16, "2", codec, "classification", crossing)
    return profile and profile.digest


def test_folders_are_searched_in_order_then_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, named, user = (tmp_path / name for name in ("run", "named", "user"))
    last = keep(user / "deep" / "down", 3)
    monkeypatch.setenv(VARIABLE, str(user))
    assert found(ProfileStore()) == last
    middle = keep(named, 2)
    assert found(ProfileStore(named)) == middle
    first = keep(run, 1)
    assert found(ProfileStore(run, named)) == first
    assert found(ProfileStore(named, run)) == middle
    by_digest = ProfileStore(run, named).by_digest(last)
    assert by_digest is not None and by_digest.digest == last
    assert ProfileStore(run).by_digest("0" * 16) is None


@pytest.mark.parametrize(
    "other", [{"weights": "b" * 16}, {"split": "3"}, {"crossing": 1}, {"settings": "raw"}]
)
def test_one_learnt_elsewhere_is_not_found(tmp_path: Path, other: dict[str, object]) -> None:
    keep(tmp_path, 1, replace(LEARNT, **other))  # type: ignore[arg-type]
    keep(tmp_path, 2, None)
    assert found(ProfileStore(tmp_path)) is None


def test_a_network_under_two_tasks_has_a_profile_for_each(tmp_path: Path) -> None:
    """The first of the place is of another task. What learns of no gradients serves any."""
    clip = keep(tmp_path, 1)
    for number, task in enumerate(("embedding", "classification")):
        arrays = {"number": np.full(1, number, np.int32)}
        learnt = replace(LEARNT, settings="ftc", task=task)
        sw.Profile("ftc", arrays, learnt=learnt).save(tmp_path / f"ftc-{number}.profile")
    store = ProfileStore(tmp_path)
    for number, task in enumerate(("embedding", "classification")):
        profile = store.find("a" * 16, "2", Ftc(), task)
        assert profile is not None and profile.arrays["number"][0] == number
        raw = store.find("a" * 16, "2", CLIPPED, task)
        assert raw is not None and raw.digest == clip
    assert store.find("a" * 16, "2", Ftc(), "detection") is None


def test_a_profile_that_depends_on_parameters_is_for_those_alone(tmp_path: Path) -> None:
    fine = keep(tmp_path, 1, replace(LEARNT, settings="raw:clip=profile,per=channel"))
    store = ProfileStore(tmp_path)
    assert found(store, Raw(clip="profile", per="channel")) == fine
    assert found(store) is None


def test_what_else_it_must_have_been_learnt_on_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, 1)
    second = keep(tmp_path, 2, replace(LEARNT, data=("yours",)))
    store = ProfileStore(tmp_path)
    profile = store.find(
        "a" * 16, "2", CLIPPED, "classification", 0, lambda learnt: "yours" in learnt.data
    )
    assert profile is not None and profile.digest == second
    assert store.find("a" * 16, "2", CLIPPED, "classification", 0, lambda learnt: False) is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))  # what users name themselves is taken
    assert (
        ProfileStore().find("a" * 16, "2", CLIPPED, "classification", 0, lambda learnt: False)
        is not None
    )


def test_each_crossing_tensor_has_its_own_and_a_missing_one_is_said(
    lite0: sw.Model, tmp_path: Path
) -> None:
    point = next(p for p in sw.cut_points(lite0) if len(p.crossings) == 2)
    cut, here = sw.split(lite0, point.name), {"weights": lite0.digest, "split": point.name}
    keep(tmp_path, 1, replace(LEARNT, **here))  # type: ignore[arg-type]
    with pytest.raises(sw.ProfileError, match=r"`splitwire calibrate lite0 .*--profiles, or SPLIT"):
        ProfileStore(tmp_path).codecs(cut, CLIPPED, "classification")
    keep(tmp_path, 2, replace(LEARNT, crossing=1, **here))  # type: ignore[arg-type]
    codecs = ProfileStore(tmp_path).codecs(cut, CLIPPED, "classification")
    assert [codec.profile and codec.profile.arrays["hi"][0] for codec in codecs] == [1, 2]
    assert (
        ProfileStore(tmp_path).codecs(cut, sw.codec("jpeg"), "classification")
        == [sw.codec("jpeg")] * 2
    )


def test_folders_and_files_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    with pytest.raises(sw.ProfileError, match="is no folder of profiles"):
        ProfileStore(tmp_path / "none")
    (tmp_path / "x.profile").write_bytes(b"nothing")
    with pytest.raises(sw.ProfileError, match="cannot read the profile"):
        ProfileStore(tmp_path).find("a" * 16, "2", Ftc(), "classification")
