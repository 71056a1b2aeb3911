"""Annotated folders: COCO's boxes and key points, YOLO's boxes, masks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splitwire.data.photos import Photo, describe, load_photos
from splitwire.data.truth import MaskFile, Objects
from splitwire.errors import DataError
from splitwire.models.preprocess import Preprocess

WHOLE = Preprocess((20, 40), 20, (0.0,) * 3, (1.0,) * 3, "bilinear")  # of a picture of 40×20
MIDDLE = Preprocess(20, 20, (0.0,) * 3, (1.0,) * 3, "bilinear")  # its middle half
POINTS = ["nose", "left_eye", "right_eye"]

COCO: dict[str, Any] = {
    "info": {"year": 2024},
    "images": [
        {"id": 7, "file_name": "a.png", "width": 40, "height": 20},
        {"id": 9, "file_name": "images/deep/b.png", "width": 40, "height": 20},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person", "keypoints": POINTS}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 18, "bbox": [8, 5, 16, 10], "area": 99.5},
        {
            "image_id": 7,
            "category_id": 1,
            "bbox": [0, 0, 20, 20],
            "iscrowd": 1,
            "keypoints": [12, 10, 2, 14, 8, 1, 0, 0, 0],
        },
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of 40×20."""
    for name in ("a", "deep/b", "c"):
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(path)
    return tmp_path


def photos(folder: Path) -> dict[str, Photo]:
    return {photo.name: photo for photo in load_photos(str(folder))}


def coco(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda told: None) -> Path:
    told = json.loads(json.dumps(COCO))
    change(told)
    (folder / "annotations.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def test_coco_s_objects(folder: Path) -> None:
    found = photos(coco(folder))
    assert list(found) == ["a.png", "c.png", "deep/b.png"]
    assert found["c.png"].label is None  # not listed
    objects = found["a.png"].label
    assert isinstance(objects, Objects)
    assert (objects.classes, objects.names) == ((1, 0), ("person", "dog"))  # in order of ids
    assert objects.boxes == ((0.2, 0.25, 0.6, 0.75), (0, 0, 0.5, 1))
    assert (objects.areas, objects.ignored, objects.size) == ((99.5, 400), (False, True), (40, 20))
    assert objects.points[1] == ((0.3, 0.5, 2), (0.35, 0.4, 1), (0, 0, 0))
    assert {known for *_, known in objects.points[0]} == {0} and objects.mirrored == (0, 2, 1)
    none = found["deep/b.png"].truth(WHOLE)
    assert none.classes == () and none.size == (40, 20)
    assert describe("set", list(found.values())) == "3 pictures (2 labelled): set"


def test_learning_takes_the_pictures_alone(folder: Path) -> None:
    (folder / "masks").mkdir()
    Image.new("L", (40, 20)).save(folder / "masks" / "a.png")
    unlabelled = load_photos(str(folder), labelled=False)
    assert [(p.name, p.label) for p in unlabelled] == [
        ("a.png", None),
        ("c.png", None),
        ("deep/b.png", None),
    ]


@pytest.mark.parametrize("view", range(10))
@pytest.mark.parametrize("preprocess", [WHOLE, MIDDLE])
def test_a_view_shows_objects_where_their_pixels_are(
    folder: Path, view: int, preprocess: Preprocess
) -> None:
    photo = photos(coco(folder))["a.png"]
    pixels = np.zeros((20, 40), np.uint8)
    pixels[5:15, 8:24] = 255  # the dog
    shown = preprocess.picture(Image.fromarray(pixels), view)[0] > 127
    truth = photo.truth(preprocess, view)
    left, top, right, bottom = truth.boxes[truth.classes.index(1)]
    rows, columns = (np.flatnonzero(shown.any(axis)) for axis in (1, 0))
    height, width = shown.shape
    assert (top * height, bottom * height) == pytest.approx((rows[0], rows[-1] + 1))
    assert (left * width, right * width) == pytest.approx((columns[0], columns[-1] + 1))
    share = shown.sum() / (10 * 16)
    assert truth.areas[truth.classes.index(1)] == pytest.approx(99.5 * share)
    assert truth.size == (width, height)


def test_a_mirror_makes_a_left_eye_a_right_one(folder: Path) -> None:
    photo = photos(coco(folder))["a.png"]
    plain, mirrored = (photo.truth(MIDDLE, view).points[1] for view in (0, 5))
    np.testing.assert_allclose(plain[:2], [(0.1, 0.5, 2), (0.2, 0.4, 1)], atol=1e-12)
    np.testing.assert_allclose(mirrored[0], (0.9, 0.5, 2))
    np.testing.assert_allclose(mirrored[2], (0.8, 0.4, 1))
    assert mirrored[1][2] == 0


def test_points_and_objects_out_of_sight_are_not_asked_for(folder: Path) -> None:
    more = photos(coco(folder, lambda told: told["annotations"][0].update(bbox=[8, 5, 18, 10])))
    right = more["a.png"].truth(MIDDLE, 2)  # from column 20 on: nobody's points, a third of the dog
    assert right.classes == (1,) and right.ignored == (False,)
    assert {known for *_, known in right.points[0]} == {0}
    less = photos(coco(folder, lambda told: told["annotations"][0].update(bbox=[4, 5, 18, 10])))
    assert less["a.png"].truth(MIDDLE, 2).ignored == (True,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.pop("images"), "images: Field required"),
        (lambda told: told["images"][0].update(width=0), "images.0.width: Input should be greater"),
        (lambda told: told["annotations"][0].update(bbox=[1, 2, 3]), r"annotations\.0\.bbox"),
        (lambda told: told["annotations"][0].update(bbox=[1, 2, -3, 4]), r"annotations\.0\.bbox"),
        (lambda told: told["annotations"][0].update(image_id=1), "annotation of the picture 1"),
        (lambda told: told["annotations"][0].update(category_id=2), "and the category 2, and does"),
        (
            lambda told: told["annotations"][1].update(keypoints=[1]),
            "has 1 numbers for 3 keypoints",
        ),
    ],
)
def test_a_file_that_is_not_as_coco_s_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    with pytest.raises(DataError, match=rf"annotations\.json.*{said}"):
        load_photos(str(coco(folder, change)))


def test_what_is_no_json_is_refused(folder: Path) -> None:
    (folder / "annotations.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"json is not as COCO's annotations: the file: Invalid"):
        load_photos(str(folder))


def test_yolo_s_objects(folder: Path) -> None:
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text("3 0.5 0.5 0.5 0.25\n\n0 0.125 0.5 0.25 1\n", "utf-8")
    found = photos(folder)
    objects = found["a.png"].label
    assert isinstance(objects, Objects)
    assert objects.classes == (3, 0) and objects.names == ()
    assert objects.boxes == ((0.25, 0.375, 0.75, 0.625), (0, 0, 0.25, 1))
    assert objects.areas == (100, 200) and objects.size == (40, 20)
    empty = found["c.png"].label
    assert isinstance(empty, Objects) and empty.classes == ()


@pytest.mark.parametrize(
    "line",
    ["3 0.5 0.5 0.5", "x 0 0 1 1", "-1 0.5 0.5 1 1", "1 0.5 0.5 2 1", "1 nan 0 1 1", "1 2 0 1 1"],
)
def test_a_line_that_says_no_object_is_refused(folder: Path, line: str) -> None:
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(f"1 0.5 0.5 1 1\n{line}\n", "utf-8")
    with pytest.raises(DataError, match=r"a\.txt, line 2: no object: CLASS X Y WIDTH HEIGHT"):
        load_photos(str(folder))


def test_a_damaged_picture_with_labels_is_refused_as_any(folder: Path) -> None:
    (folder / "labels").mkdir()
    (folder / "images" / "c.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"c\.png is no picture that can be read"):
        load_photos(str(folder))


@pytest.mark.parametrize("palette", [False, True])
def test_masks(folder: Path, palette: bool) -> None:
    (folder / "masks").mkdir()
    classes = np.zeros((20, 40), np.uint8)
    classes[:, 13:] = 7
    mask = Image.fromarray(classes)
    if palette:
        mask.putpalette([random % 251 for random in range(7, 7 + 768 * 31, 31)])
        assert mask.mode == "P"
    mask.save(folder / "masks" / "a.png")
    found = photos(folder)
    assert isinstance(found["a.png"].label, MaskFile) and found["c.png"].label is None
    assert (found["a.png"].truth(WHOLE) == classes).all()
    assert (found["a.png"].truth(MIDDLE, 5) == classes[:, 10:30][:, ::-1]).all()


@pytest.mark.parametrize(
    ("mode", "size", "said"),
    [
        ("RGB", (40, 20), "is no mask: one channel of 8 bits"),
        ("I;16", (40, 20), "is no mask: one channel of 8 bits"),
        ("L", (20, 40), "has 20×40 pixels, and its picture 40×20"),
    ],
)
def test_what_is_no_mask_of_a_picture_is_refused(
    folder: Path, mode: str, size: tuple[int, int], said: str
) -> None:
    (folder / "masks").mkdir()
    Image.new(mode, size).save(folder / "masks" / "a.png")
    with pytest.raises(DataError, match=said):
        load_photos(str(folder))
    (folder / "masks" / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"masks/a\.png is no mask that can be read"):
        load_photos(str(folder))


def test_annotations_of_two_kinds_are_refused(folder: Path) -> None:
    (coco(folder) / "masks").mkdir()
    with pytest.raises(DataError, match=r"several kinds \(annotations\.json, masks\)"):
        load_photos(str(folder))
