import numpy as np
import pytest
import torch
from PIL import Image

from splitwire.errors import DataError, ModelError
from splitwire.models.preprocess import IMAGENET, VIEWS, Normalised, Preprocess

SMALL = Preprocess(16, 24, (127.0,) * 3, (128.0,) * 3, "bicubic")


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right, green downwards: a crop's place can be read from it."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), 0 * x], 2)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("size", [(24, 24), (60, 24), (31, 77), (5, 3)])
@pytest.mark.parametrize("view", range(VIEWS))
def test_a_view_is_integers_of_the_networks_size(size: tuple[int, int], view: int) -> None:
    picture = SMALL.picture(gradient(*size), view)
    assert picture.shape == (3, 16, 16)
    assert picture.dtype == np.float32
    assert picture.flags.c_contiguous
    assert np.array_equal(picture, picture.round())
    assert picture.min() >= 0
    assert picture.max() <= 255


def test_the_views_are_the_centre_the_corners_and_their_mirror_images() -> None:
    photo = gradient(48, 24)
    whole = np.asarray(photo, np.float32).transpose(2, 0, 1)
    places = [(16, 4), (0, 0), (32, 0), (0, 8), (32, 8)]
    for view, (x, y) in enumerate(places):
        crop = whole[:, y : y + 16, x : x + 16]
        assert np.array_equal(SMALL.picture(photo, view), crop)
        assert np.array_equal(SMALL.picture(photo, view + 5), crop[:, :, ::-1])


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
