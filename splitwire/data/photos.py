"""Where pictures come from: the packaged photos, a folder, an ImageNet-style tree.

The evaluation photos are 20 labelled ones of ImageNet's classes that the package foolbox carries;
the calibration photos are those of scikit-image. No photo is in both.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.errors import DataError
from splitwire.models.preprocess import Preprocess

SAMPLES = "samples"
CALIBRATION = "scikit-image"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

_CALIBRATION_FILES = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)
_SAMPLE = re.compile(r"imagenet_\d+_(\d+)\.jpg")
_WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Photo:
    """One picture file.

    Attributes:
        name: its path within the data set.
        path: where it is.
        label: index of its class, or None where nobody said.
    """

    name: str
    path: Path
    label: int | None = None

    def open(self) -> Image.Image:
        """The picture in RGB.

        Raises:
            DataError: the file is no picture, or a damaged one.
        """
        with self._opened() as picture:
            return picture.convert("RGB")

    def check(self) -> None:
        """Look at the file's header now, rather than fail an hour into a sweep.

        Raises:
            DataError: the file is no picture.
        """
        with self._opened():
            pass

    @contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        try:
            with Image.open(self.path) as picture:
                yield picture
        except Exception as error:  # damaged files make Pillow raise errors of a dozen kinds
            raise DataError(f"{self.path} is no picture that can be read: {error}") from error


def load_photos(data: str, limit: int | None = None) -> list[Photo]:
    """The photos of a data set, sorted by name.

    Args:
        data: "samples", "scikit-image", or a folder. A folder of pictures is unlabelled. In a
            folder of folders each is a class: its index where the name is a number, ImageNet's
            where the names are WordNet ids (n01440764), otherwise its place in sorted order.
        limit: take that many, evenly spread over the sorted names.

    Raises:
        DataError: the folder is missing or holds no picture, or a file in it is none.
    """
    photos = find_photos(data, limit)
    for photo in photos:
        photo.check()
    return photos


def find_photos(data: str, limit: int | None = None) -> list[Photo]:
    """The same, with no look into the files: any of them may turn out to be no picture.

    Raises:
        DataError: the folder is missing or holds no picture.
    """
    if data == SAMPLES:
        photos = _samples()
    elif data == CALIBRATION:
        folder = _package_folder("skimage", "scikit-image") / "data"
        photos = [Photo(name, folder / name) for name in _CALIBRATION_FILES]
    else:
        photos = _folder(Path(data))
    if limit is not None and limit < len(photos):
        photos = [photos[i * len(photos) // limit] for i in range(limit)]
    return photos


def check_disjoint(calibration: Sequence[Photo], evaluation: Sequence[Photo]) -> None:
    """Refuse to measure on what was calibrated on: the figures would flatter.

    Raises:
        DataError: naming a file that is in both.
    """
    seen = {photo.path.resolve() for photo in calibration}
    for photo in evaluation:
        if photo.path.resolve() in seen:
            raise DataError(
                f"{photo.path} is a picture of both calibration and evaluation: "
                "give the experiment another `calibration` or `data`"
            )


def crops(
    photos: Sequence[Photo], preprocess: Preprocess, count: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Random square crops of random photos, for calibration: float32 (3, H, W), 0 to 255.

    Every photo has its turn, in a shuffled order, before any has another. A crop's side is half of
    the photo's short side or more; about half of the crops are mirrored.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(photos))
    for i in range(count):
        photo = photos[order[i % len(photos)]].open()
        side = round(min(photo.size) * random.uniform(0.5, 1))
        left, top = (int(random.integers(0, n - side + 1)) for n in photo.size)
        crop = photo.crop((left, top, left + side, top + side))
        yield preprocess.picture(crop, view=5 * int(random.integers(2)))


def describe(data: str, photos: Sequence[Photo]) -> str:
    """A data set in words, for the report."""
    labelled = sum(photo.label is not None for photo in photos)
    names = {SAMPLES: "ImageNet photos packaged with foolbox", CALIBRATION: "scikit-image's photos"}
    return f"{len(photos)} pictures ({labelled} labelled): {names.get(data, data)}"


def _samples() -> list[Photo]:
    folder = _package_folder("foolbox", "splitwire[samples]") / "data"
    matches = ((_SAMPLE.fullmatch(path.name), path) for path in sorted(folder.iterdir()))
    return [Photo(path.name, path, int(match[1])) for match, path in matches if match]


def _package_folder(module: str, install: str) -> Path:
    # Found, not imported: the pictures are wanted, not the package's own dependencies.
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise DataError(f'these pictures come with a package: pip install "{install}"')
    return Path(spec.origin).parent


def _folder(root: Path) -> list[Photo]:
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give {SAMPLES!r} or a folder of pictures")
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise DataError(f"{root} holds no pictures ({', '.join(SUFFIXES)})")
    parts = [path.relative_to(root).parts for path in paths]
    labels = _labels(sorted({p[0] for p in parts if len(p) > 1}))
    return [
        Photo(path.relative_to(root).as_posix(), path, labels[p[0]] if len(p) > 1 else None)
        for path, p in zip(paths, parts, strict=True)
    ]


def _labels(names: list[str]) -> dict[str, int]:
    """The class index of each sub-folder."""
    if all(name.isdecimal() for name in names):
        return {name: int(name) for name in names}
    if all(_WNID.fullmatch(name) for name in names):
        from timm.data.imagenet_info import ImageNetInfo

        wnids = ImageNetInfo().label_names()  # type: ignore[no-untyped-call]
        index = {wnid: i for i, wnid in enumerate(wnids)}
        unknown = [name for name in names if name not in index]
        if unknown:
            raise DataError(f"{unknown[0]} is none of ImageNet-1k's classes")
        return {name: index[name] for name in names}
    return {name: i for i, name in enumerate(names)}
