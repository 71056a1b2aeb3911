"""What is known of the pictures of an annotated folder: boxes, points or masks.

    FOLDER/images/...            the pictures, and beside them one of
    FOLDER/annotations.json      COCO's instances or key points; see coco.py
    FOLDER/labels/NAME.txt       YOLO's boxes; see yolo.py
    FOLDER/masks/NAME.png        the class of each pixel

NAME is a picture's path below images/ without its suffix.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from splitwire.data import coco, yolo
from splitwire.data.truth import Annotation, MaskFile
from splitwire.errors import DataError

Annotations = list[Annotation | None]

PICTURES = "images"


def _masks(folder: Path, root: Path, pictures: Sequence[Path]) -> Annotations:
    """The mask of each picture; None for one that has none."""
    paths = [folder / picture.with_suffix(".png") for picture in pictures]
    return [MaskFile(path) if path.is_file() else None for path in paths]


_KINDS: dict[str, Callable[[Path, Path, Sequence[Path]], Annotations]] = {
    coco.NAME: coco.read,
    yolo.NAME: yolo.read,
    "masks": _masks,
}


def annotated(root: Path) -> str | None:
    """The name of a folder's annotations; None of one that has none.

    Raises:
        DataError: there are two kinds of them.
    """
    if not (root / PICTURES).is_dir():
        return None
    found = [name for name in _KINDS if (root / name).exists()]
    if len(found) > 1:
        raise DataError(
            f"{root} holds annotations of several kinds ({', '.join(found)}): which are meant? "
            "Keep one beside images/"
        )
    return next(iter(found), None)


def annotations(root: Path, name: str, pictures: Sequence[Path]) -> Annotations:
    """What is known of each picture; None where nobody said anything.

    Args:
        root: the annotated folder.
        name: of its annotations.
        pictures: paths below its images/, relative to that.

    Raises:
        DataError: what is there cannot be read.
    """
    return _KINDS[name](root / name, root / PICTURES, pictures)
