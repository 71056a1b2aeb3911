from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from splitwire.errors import DataError, ModelError
from splitwire.models.normalised import Normalised
from splitwire.models.preprocess import IMAGENET, VIEWS, Preprocess

SMALL = Preprocess(16, 24, (127.0,) * 3, (128.0,) * 3, "bicubic")
WIDE = replace(SMALL, crop=(16, 32))
TALL = replace(SMALL, crop=(32, 16))


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards: a crop's place can be read from it."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), 0 * x], 2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("size", [(24, 24), (60, 24), (31, 77), (5, 3)])
@pytest.mark.parametrize("view", range(VIEWS))
@pytest.mark.parametrize("how", [SMALL, WIDE, TALL])
def test_a_view_is_integers_of_the_networks_size(
    how: Preprocess, size: tuple[int, int], view: int
) -> None:
    picture = how.picture(gradient(*size), view)
    assert picture.shape == (3, *how.size)
    assert picture.dtype == np.float32
    assert picture.flags.c_contiguous
    assert np.array_equal(picture, picture.round())
    assert picture.min() >= 0
    assert picture.max() <= 255


@pytest.mark.parametrize(
    ("how", "size", "places"),
    [
        (SMALL, (48, 24), [(16, 4), (0, 0), (32, 0), (0, 8), (32, 8)]),
        (WIDE, (48, 30), [(8, 7), (0, 0), (16, 0), (0, 14), (16, 14)]),
        (TALL, (26, 48), [(5, 8), (0, 0), (10, 0), (0, 16), (10, 16)]),
    ],
)
def test_the_views_are_the_centre_the_corners_and_their_mirror_images(
    how: Preprocess, size: tuple[int, int], places: list[tuple[int, int]]
) -> None:
    photo, (height, width) = gradient(*size), how.size
    whole = np.asarray(photo, np.float32).transpose(2, 0, 1)
    for view, (x, y) in enumerate(places):
        crop = whole[:, y : y + height, x : x + width]
        assert np.array_equal(how.picture(photo, view), crop)
        assert np.array_equal(how.picture(photo, view + 5), crop[:, :, ::-1])


@pytest.mark.parametrize("size", [(160, 80), (100, 300), (600, 75), (80, 100)])
@pytest.mark.parametrize("crop", [(16, 32), (32, 16)])
def test_the_centre_view_that_is_no_square_is_that_of_timm(
    crop: tuple[int, int], size: tuple[int, int]
) -> None:
    photo = gradient(*size)
    peer = create_transform((3, *crop), interpolation="bicubic", crop_pct=0.8, normalize=False)
    # 20 pixels of 16 are a crop of 0.8, and these photos come to whole numbers of pixels.
    ours = replace(SMALL, crop=crop, resize=20).picture(photo)
    assert np.array_equal(ours, peer(photo).numpy())


def test_without_a_resize_the_whole_photo_is_taken() -> None:
    photo, how = gradient(100, 40), Preprocess((24, 16), None, (0.0,) * 3, (1.0,) * 3, "bilinear")
    whole = np.asarray(photo.resize((16, 24), Image.Resampling.BILINEAR), np.float32)
    for view in range(5):
        assert np.array_equal(how.picture(photo, view), whole.transpose(2, 0, 1))
        assert np.array_equal(how.picture(photo, view + 5), whole[:, ::-1].transpose(2, 0, 1))


def test_a_pair_of_equal_sides_is_a_square() -> None:
    photo = gradient(77, 31)
    pair = replace(SMALL, crop=(16, 16))
    assert pair.size == SMALL.size == (16, 16)
    for view in range(VIEWS):
        assert np.array_equal(pair.picture(photo, view), SMALL.picture(photo, view))


@pytest.mark.parametrize("size", [(500, 375), (300, 511), (257, 256)])
def test_the_centre_view_is_that_of_torchvision(size: tuple[int, int]) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    photo = gradient(*size)
    peer = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])(photo)
    assert np.array_equal(IMAGENET.picture(photo), np.asarray(peer).transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "LA"])
def test_photos_of_any_mode_become_rgb(mode: str) -> None:
    assert SMALL.picture(gradient(40, 30).convert("RGB").convert(mode)).shape == (3, 16, 16)


@pytest.mark.parametrize("view", [-1, 10])
def test_an_unknown_view_is_an_error(view: int) -> None:
    with pytest.raises(DataError, match="views 0 to 9"):
        SMALL.picture(gradient(30, 30), view)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crop": 25}, "crops 25 pixels out of 24"),
        ({"crop": 0}, "crops 0"),
        ({"crop": 0, "resize": None}, "crops 0 pixels"),
        ({"resize": 0}, "crops 16 pixels out of 0"),
        ({"crop": (25, 40)}, r"crops \(25, 40\) pixels out of 24"),
        ({"crop": (16, 0)}, "shorter side at least 1"),
        ({"crop": (16, 16, 16)}, r"crop is a side or a \(height, width\) pair"),
        ({"mean": (0.0,)}, "three means"),
        ({"std": (1.0, 0.0, 1.0)}, "positive deviations"),
        ({"interpolation": "cubical"}, "unknown interpolation 'cubical'; there are: nearest"),
    ],
)
def test_impossible_preprocessing_is_an_error(change: dict[str, object], message: str) -> None:
    values = {"crop": 16, "resize": 24, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    with pytest.raises(ModelError, match=message):
        Preprocess(**{**values, "interpolation": "bicubic", **change})  # type: ignore[arg-type]


def test_normalising_is_a_part_of_the_network() -> None:
    module = Normalised(torch.nn.Identity(), IMAGENET)
    x = torch.tensor(IMAGENET.mean).view(1, 3, 1, 1) + torch.tensor(IMAGENET.std).view(1, 3, 1, 1)
    assert torch.allclose(module(x), torch.ones(1, 3, 1, 1))
