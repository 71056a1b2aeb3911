from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import splitwire as sw
from splitwire.data.photos import Photo, cropped, crops, describe, load_photos
from splitwire.errors import DataError


def photo_at(path: Path, side: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (9, 99, 199)).save(path)
    return path


def labels(root: Path) -> dict[str, int | None]:
    return {photo.name: photo.label for photo in load_photos(str(root))}


def test_the_samples_are_twenty_labelled_photos() -> None:
    photos = load_photos("samples")
    assert len({photo.name for photo in photos}) == 20
    assert all(photo.label is not None and 0 <= photo.label < 1000 for photo in photos)
    assert all(min(photo.open().size) >= 224 for photo in photos)
    assert describe("samples", photos).startswith("20 pictures (20 labelled)")


def test_lite0_knows_most_of_the_samples(lite0: sw.Model) -> None:
    with torch.inference_mode():
        guesses = [
            int(lite0(torch.from_numpy(lite0.preprocess.picture(photo.open()))[None]).argmax())
            for photo in load_photos("samples")
        ]
    right = sum(g == p.label for g, p in zip(guesses, load_photos("samples"), strict=True))
    assert right >= 15


def test_a_limit_takes_photos_spread_over_the_names(tmp_path: Path) -> None:
    for i in range(10):
        photo_at(tmp_path / f"{i}.png")
    assert [p.name for p in load_photos(str(tmp_path), 3)] == ["0.png", "3.png", "6.png"]
    assert len(load_photos(str(tmp_path), 99)) == 10


def test_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    photo_at(tmp_path / "b.JPG")
    photo_at(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture, and no matter", encoding="utf-8")
    assert labels(tmp_path) == {"a.png": None, "b.JPG": None}
    assert list(labels(tmp_path)) == ["a.png", "b.JPG"]


def test_photos_of_one_stem_keep_names_of_their_own(tmp_path: Path) -> None:
    photo_at(tmp_path / "cat.png")
    photo_at(tmp_path / "cat.jpg")
    assert set(labels(tmp_path)) == {"cat.png", "cat.jpg"}


def test_numbered_folders_are_class_indexes(tmp_path: Path) -> None:
    photo_at(tmp_path / "7" / "a.png")
    photo_at(tmp_path / "010" / "b.png")
    assert labels(tmp_path) == {"7/a.png": 7, "010/b.png": 10}


def test_the_folder_that_holds_a_picture_is_its_class(tmp_path: Path) -> None:
    for name in ("animals/cat", "animals/dog", "vehicles/car"):
        photo_at(tmp_path / name / "x.png")
    found = {"animals/cat/x.png": 1, "animals/dog/x.png": 2, "vehicles/car/x.png": 0}
    assert labels(tmp_path) == found


def test_wordnet_ids_are_imagenet_s_classes(tmp_path: Path) -> None:
    for wnid in ("n01440764", "n01443537", "n15075141"):
        photo_at(tmp_path / wnid / "x.jpeg")
    assert list(labels(tmp_path).values()) == [0, 1, 999]


def test_a_wordnet_id_that_is_no_class_is_refused(tmp_path: Path) -> None:
    photo_at(tmp_path / "n99999999" / "x.png")
    with pytest.raises(DataError, match="n99999999 is none of ImageNet-1k's classes"):
        load_photos(str(tmp_path))


def test_named_folders_count_in_sorted_order(tmp_path: Path) -> None:
    for name in ("dog", "cat", "owl"):
        photo_at(tmp_path / name / "x.png")
    assert labels(tmp_path) == {"cat/x.png": 0, "dog/x.png": 1, "owl/x.png": 2}
    assert [p.label for p in load_photos(str(tmp_path), 1)] == [0]


@pytest.mark.parametrize(
    ("pictures", "why"),
    [
        (("train/n01440764/a.png", "val/n01440764/b.png"), "train is a part of a data set"),
        (("train/a.png", "val/b.png"), "train is a part of a data set"),
        (("cats/tabby/a.png", "dogs/b.png"), "dogs lies deeper, or less deep, than cats/tabby"),
        (("cats/images/a.png", "dogs/images/b.png"), "images lies in cats and in dogs"),
        (("photos/a.png", "photos/b.png"), "photos would be its only class"),
    ],
)
def test_folders_that_are_no_classes_are_refused(
    tmp_path: Path, pictures: tuple[str, ...], why: str
) -> None:
    for name in pictures:
        photo_at(tmp_path / name)
    with pytest.raises(DataError, match=rf"are no classes \({why}.*false labels: give the folder"):
        load_photos(str(tmp_path))
    unlabelled = load_photos(str(tmp_path), labelled=False)
    assert {photo.name: photo.label for photo in unlabelled} == dict.fromkeys(pictures)


@pytest.mark.parametrize("regular", ["n01440764", "7"])
def test_one_folder_that_is_called_otherwise_is_refused(tmp_path: Path, regular: str) -> None:
    photo_at(tmp_path / regular / "a.png")
    photo_at(tmp_path / "more" / "b.png")
    with pytest.raises(DataError, match=rf"{regular}\), and more is not"):
        load_photos(str(tmp_path))


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing is no folder"):
        load_photos(str(tmp_path / "missing"))
    with pytest.raises(DataError, match="holds no pictures"):
        load_photos(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    photo_at(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png is no picture that can be read"):
        load_photos(str(tmp_path))


def test_a_picture_too_large_to_be_honest_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_at(tmp_path / "bomb.png", 64)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"bomb\.png is no picture"):
        load_photos(str(tmp_path))


def test_one_picture_is_a_data_set(tmp_path: Path) -> None:
    (photo,) = load_photos(str(photo_at(tmp_path / "cat.png")))
    assert (photo.name, photo.label) == ("cat.png", None)
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"film\.mp4 is no picture .*eval --sequence"):
        load_photos(str(tmp_path / "film.mp4"))


def test_files_that_are_skipped_are_counted_and_named(tmp_path: Path) -> None:
    photo_at(tmp_path / "a.png")
    for name in ("b.heic", "notes.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    said = describe(str(tmp_path), load_photos(str(tmp_path)))
    assert said.startswith("1 pictures (0 labelled)")
    assert said.endswith("skipped, as Pillow opens no such files: 2 (b.heic, notes.txt)")


def test_a_picture_that_is_cut_short_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    (photo,) = load_photos(str(tmp_path))
    with pytest.raises(DataError, match=r"cut\.png is no picture that can be read"):
        photo.open()


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1"])
def test_a_picture_of_any_mode_opens_in_colour(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.tif"
    Image.new(mode, (5, 4)).save(path)
    assert (Photo("x", path).open().mode, Photo("x", path).open().size) == ("RGB", (5, 4))


def test_crops_follow_the_seed(lite0: sw.Model) -> None:
    photos = load_photos("scikit-image")
    one, same, other = (list(crops(photos, lite0.preprocess, 4, seed)) for seed in (1, 1, 2))
    assert all(x.shape == (3, 224, 224) and x.dtype == np.float32 for x in one)
    assert all(x.min() >= 0 and x.max() <= 255 for x in one)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_every_photo_is_cropped_before_any_has_another_turn(
    tmp_path: Path, lite0: sw.Model
) -> None:
    for grey in range(5):
        Image.new("RGB", (8, 8), (grey,) * 3).save(tmp_path / f"{grey}.png")
    greys = [int(x[0, 0, 0]) for x in crops(load_photos(str(tmp_path)), lite0.preprocess, 10, 0)]
    assert sorted(greys[:5]) == list(range(5))
    assert greys[:5] == greys[5:]
    few = [photo.name for photo in cropped(load_photos(str(tmp_path)), 3, 0)]
    assert few == [f"{grey}.png" for grey in greys[:3]]
