"""Where pictures come from: the packaged photos, a folder, an ImageNet-style tree.

The evaluation photos are 20 labelled ones of ImageNet's classes that the package foolbox carries;
the calibration photos are those of scikit-image. No photo is in both.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.data.annotations import PICTURES, annotated, annotations
from splitwire.data.labels import labels
from splitwire.data.photo import TENSORS
from splitwire.data.photo import Photo as Photo
from splitwire.data.pictures import suffixes
from splitwire.data.truth import Annotation
from splitwire.data.video import VIDEO_SUFFIXES
from splitwire.errors import DataError
from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

SAMPLES = "samples"
CALIBRATION = "scikit-image"

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
_TOLD = 5  # skipped files that are named
_OF_VIDEO = "; of video, measure frames in order (eval --sequence), or save them to a folder"
_FEW = 16  # photos that are kept open, a few hundred megabytes at most
_SAMPLE = re.compile(r"imagenet_\d+_(\d+)\.jpg")


def load_photos(data: str, limit: int | None = None, labelled: bool = True) -> list[Photo]:
    """The photos of a data set, sorted by name.

    Args:
        data: "samples", "scikit-image", one picture, or a folder. A folder of pictures is
            unlabelled. In a folder of folders each is a class; see labels.py. A folder with images/
            and annotations in it is read as annotations.py says.
        limit: take that many, evenly spread over the sorted names.
        labelled: whether folders are classes. To learn from pictures without labels, any will do.

    Raises:
        DataError: the folder is missing or holds no picture, a file in it is none, or its folders
            are no classes, or its annotations cannot be read.
    """
    photos = find_photos(data, limit, labelled)
    for photo in photos:
        photo.check()
    return photos


def find_photos(data: str, limit: int | None = None, labelled: bool = True) -> list[Photo]:
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
        photos = _folder(Path(data), labelled)
    if limit is not None and limit < len(photos):
        photos = [photos[i * len(photos) // limit] for i in range(limit)]
    return photos


def is_sample(photo: Photo) -> bool:
    """Whether a photo is one of the packaged ones, which are labelled by ImageNet's classes."""
    return _SAMPLE.fullmatch(photo.name) is not None and photo.label is not None


def crops(
    photos: Sequence[Photo], preprocess: Preprocess | Inputs, count: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Random square crops of random photos, for calibration: float32 (3, H, W), 0 to 255.

    Tensors by name are given as they are, float32 (N,).

    Every photo has its turn, in a shuffled order, before any has another. A crop's side is half of
    the photo's short side or more; about half of the crops are mirrored.
    """
    random = np.random.default_rng(seed)
    turns = _turns(photos, random)
    opened = cache(Photo.load) if len(photos) <= _FEW else Photo.load  # which takes most of it
    for i in range(count):
        photo = opened(turns[i % len(turns)])
        if isinstance(preprocess, Inputs) or not isinstance(photo, Image.Image):
            yield turns[i % len(turns)].taken(preprocess)
            continue
        side = round(min(photo.size) * random.uniform(0.5, 1))
        left, top = (int(random.integers(0, n - side + 1)) for n in photo.size)
        crop = photo.crop((left, top, left + side, top + side))
        yield preprocess.picture(crop, view=5 * int(random.integers(2)))


def cropped(photos: Sequence[Photo], count: int, seed: int) -> list[Photo]:
    """The photos of which `crops` takes some."""
    return _turns(photos, np.random.default_rng(seed))[:count]


def describe(data: str, photos: Sequence[Photo]) -> str:
    """A data set in words, for the report; with the files in its folder that were passed over."""
    labelled = sum(photo.label is not None for photo in photos)
    names = {SAMPLES: "ImageNet photos packaged with foolbox", CALIBRATION: "scikit-image's photos"}
    said = f"{len(photos)} pictures ({labelled} labelled): {names.get(data, data)}"
    if not (others := [] if data in names else skipped(Path(data))):
        return said
    told = ", ".join(others[:_TOLD]) + f" and {len(others) - _TOLD} more" * (len(others) > _TOLD)
    return f"{said}; skipped, as Pillow opens no such files: {len(others)} ({told})"


def skipped(root: Path) -> list[str]:
    """The names of files in a folder of pictures that are none, as their suffixes say."""
    if not root.is_dir():
        return []
    within = root / PICTURES if annotated(root) else root
    files = (path.relative_to(within) for path in sorted(within.rglob("*")) if path.is_file())
    visible = (file for file in files if not any(part.startswith(".") for part in file.parts))
    return [file.as_posix() for file in visible if not _is_data(file)]


def _turns(photos: Sequence[Photo], random: np.random.Generator) -> list[Photo]:
    return [photos[i] for i in random.permutation(len(photos))]


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


def _folder(root: Path, labelled: bool) -> list[Photo]:
    if root.is_file():
        return [_alone(root)]
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give {SAMPLES!r}, a picture or a folder of pictures")
    kind = annotated(root)
    within = root / PICTURES if kind else root
    paths = sorted(p for p in within.rglob("*") if _is_data(p) and p.is_file())
    if not paths:
        others = f"none of its {len(found)} files is one" if (found := skipped(root)) else "empty"
        clips = any(Path(name).suffix.lower() in VIDEO_SUFFIXES for name in found)
        raise DataError(
            f"{within} holds no pictures ({others}): give {SAMPLES!r} or a folder of "
            "files that Pillow opens, as .jpg and .png" + _OF_VIDEO * clips
        )
    names = [path.relative_to(within) for path in paths]
    known: Sequence[int | Annotation | None] = [None] * len(names)
    if labelled:
        known = annotations(root, kind, names) if kind else labels(root, names)
    return [
        Photo(name.as_posix(), path, label)
        for name, path, label in zip(names, paths, known, strict=True)
    ]


def _is_data(path: Path) -> bool:
    """Whether a file holds a picture or tensors, as its suffix says."""
    return path.suffix == TENSORS or path.suffix.lower() in suffixes()


def _alone(path: Path) -> Photo:
    """The photo that is no folder's."""
    if not _is_data(path):
        raise DataError(
            f"{path} is no picture that Pillow opens, by its suffix: give one, or a folder of them"
            + _OF_VIDEO * (path.suffix.lower() in VIDEO_SUFFIXES)
        )
    return Photo(path.name, path)
