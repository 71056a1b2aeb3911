"""The same picture is found in two sets, whatever its file is called and however it was saved."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splitwire.data.fingerprint import by_path, fingerprints, shared
from splitwire.data.leaks import check_disjoint, without
from splitwire.data.photos import Photo, load_photos
from splitwire.errors import DataError


@pytest.fixture(scope="module")
def samples() -> list[Photo]:
    return load_photos("samples")


def saved(picture: Image.Image, path: Path, **options: int) -> list[Photo]:
    path.parent.mkdir()
    picture.save(path, **options)
    return load_photos(str(path.parent))


def test_the_packaged_sets_share_no_photo_and_hold_none_twice(samples: list[Photo]) -> None:
    check_disjoint(load_photos("scikit-image"), by_path(samples))
    prints = fingerprints(samples)
    assert all(len(text) == 32 for text in prints)
    assert shared(prints, prints) == [(i, i) for i in range(len(prints))]


@pytest.mark.parametrize("at", [0, 7, 19])
@pytest.mark.parametrize(
    ("name", "scale", "options"),
    [
        ("copy.png", 1.0, {}),
        ("poor.jpg", 1.0, {"quality": 20}),
        ("small.jpg", 0.3, {"quality": 75}),
        ("large.webp", 1.7, {"quality": 50}),
    ],
)
def test_a_photo_saved_anew_under_another_name_is_found(
    samples: list[Photo], tmp_path: Path, at: int, name: str, scale: float, options: dict[str, int]
) -> None:
    picture = samples[at].open()
    size = (round(scale * picture.width), round(scale * picture.height))
    again = saved(picture.resize(size, Image.Resampling.BICUBIC), tmp_path / "x" / name, **options)
    assert shared(fingerprints(again), fingerprints(samples)) == [(0, at)]
    with pytest.raises(DataError, match=rf"{samples[at].name} is a picture of both .*{name}"):
        check_disjoint(again, by_path(samples))
    assert [photo.name for photo in without(samples, again)] == [
        photo.name for photo in samples if photo is not samples[at]
    ]


def test_pictures_with_nothing_to_see_are_the_same_only_to_the_pixel(tmp_path: Path) -> None:
    greys = [saved(Image.new("RGB", (8, 8), (g,) * 3), tmp_path / f"{g}" / "a.png") for g in (3, 4)]
    check_disjoint(greys[0], by_path(greys[1]))
    same = saved(Image.new("RGB", (8, 8), (3,) * 3), tmp_path / "same" / "b.png")
    with pytest.raises(DataError, match=r"b\.png is a picture of both"):
        check_disjoint(greys[0], by_path(same))


def test_a_file_that_changed_has_another_fingerprint(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8)
    (photo,) = saved(Image.fromarray(noise[0]), tmp_path / "x" / "a.png")
    before = fingerprints([photo])
    Image.fromarray(noise[1]).save(photo.path)
    assert shared(before, fingerprints([photo])) == []
    assert shared((), before) == []
