"""Files of every kind as networks see them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, features

from splitwire.data.photos import Photo, load_photos
from splitwire.errors import DataError

# Every format that Pillow reads and writes, and may hold a smooth picture nearly as it is.
KINDS = ("apng", "bmp", "dib", "gif", "jp2", "jpg", "pcx", "png", "ppm", "sgi", "tga", "tif")


def gradient() -> Image.Image:
    across, down = np.meshgrid(np.arange(48), np.arange(32))
    return Image.fromarray(np.stack([5 * across, 7 * down, 2 * (across + down)], -1).astype("u1"))


def opened(picture: Image.Image, path: Path, **options: object) -> NDArray[np.int64]:
    picture.save(path, **options)
    return np.asarray(Photo("x", path).open()).astype(int)


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    wanted, exif = np.asarray(gradient()).astype(int), Image.Exif()
    turns = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, turn in turns.items():
        exif[ExifTags.Base.Orientation] = orientation
        laid = gradient() if turn is None else gradient().transpose(turn)
        found = opened(laid, tmp_path / f"{orientation}.png", exif=exif)
        np.testing.assert_array_equal(found, wanted)


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    wide = np.linspace(0, 65_535, 256).reshape(16, 16)
    grey = Image.fromarray(wide.astype(np.uint16))
    for kind in ("png", "tif", "pgm"):
        found = opened(grey, tmp_path / f"x.{kind}")
        np.testing.assert_array_equal(found, np.rint(wide / 257)[..., None].repeat(3, -1))


def test_transparent_pixels_show_white(tmp_path: Path) -> None:
    pixels = np.full((4, 6, 4), (200, 100, 0, 0), np.uint8)
    pixels[:, 2:4, 3], pixels[:, 4:, 3] = 128, 255
    found = opened(Image.fromarray(pixels), tmp_path / "x.png")
    assert found[0, 0].tolist() == [255, 255, 255]
    assert np.abs(found[0, 2] - [227, 177, 127]).max() <= 1
    assert found[0, 5].tolist() == [200, 100, 0]
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert opened(palette, tmp_path / "x.gif", transparency=1).min() == 255


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_found_in_a_folder_and_shows_the_same(tmp_path: Path, kind: str) -> None:
    found = opened(gradient(), tmp_path / f"x.{kind}")
    assert np.abs(found - np.asarray(gradient())).mean() < 4
    assert [photo.name for photo in load_photos(str(tmp_path))] == [f"x.{kind}"]


@pytest.mark.parametrize("kind", ["avif", "webp"])
def test_newer_formats_are_found_where_this_pillow_has_them(tmp_path: Path, kind: str) -> None:
    if not features.check(kind):
        (tmp_path / f"x.{kind}").write_bytes(b"")
        with pytest.raises(DataError):
            load_photos(str(tmp_path))
        return
    assert np.abs(opened(gradient(), tmp_path / f"x.{kind}") - np.asarray(gradient())).mean() < 4
    assert len(load_photos(str(tmp_path))) == 1


def test_floating_point_samples_are_refused_as_nobody_knows_their_range(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no known range"):
        opened(Image.fromarray(np.ones((4, 4), np.float32)), tmp_path / "x.tif")
