"""Boxes as YOLO has them: a line an object, `CLASS X Y WIDTH HEIGHT`, in parts of the picture.

X and Y are of the middle of the box. A picture without a file has no objects.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from splitwire.data.truth import Annotation, Box, Objects
from splitwire.errors import DataError

NAME = "labels"


def read(folder: Path, root: Path, pictures: Sequence[Path]) -> list[Annotation | None]:
    """The objects of each picture; None of one that is no picture, of which its reader will tell.

    Args:
        folder: of the text files.
        root: where the pictures are.
        pictures: relative to `root`.

    Raises:
        DataError: a line says no object.
    """
    return [_objects(folder / p.with_suffix(".txt"), _size(root / p)) for p in pictures]


def _objects(file: Path, size: tuple[int, int] | None) -> Objects | None:
    if size is None:
        return None
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    rows = [_row(file, at, line) for at, line in enumerate(lines, 1) if line.strip()]
    width, height = map(float, size)
    return Objects(
        tuple(kind for kind, _ in rows),
        tuple(box for _, box in rows),
        tuple((box[2] - box[0]) * (box[3] - box[1]) * width * height for _, box in rows),
        (False,) * len(rows),
        (width, height),
    )


def _row(file: Path, at: int, line: str) -> tuple[int, Box]:
    try:
        kind, *numbers = line.split()
        x, y, width, height = map(float, numbers)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if int(kind) >= 0 and 0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1:
            return int(kind), box
    except ValueError:
        pass
    raise DataError(
        f"{file}, line {at}: no object: CLASS X Y WIDTH HEIGHT expected, the class a whole number "
        "and the others parts of the picture, 0 to 1"
    )


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as picture:
            return picture.size
    except Exception:  # damaged files make Pillow raise errors of a dozen kinds
        return None
