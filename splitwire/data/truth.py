"""What people say of a photo that is more than its class: the objects in it, or a mask.

annotation of a photo ─▶ seen ─▶ truth about the view of it that a network takes
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.errors import DataError
from splitwire.models.preprocess import Preprocess

Box = tuple[float, float, float, float]
Point = tuple[float, float, int]

VISIBLE = 0.25
"""Share of a box; of objects that a view shows less of, nothing is asked."""


class Annotation(ABC):
    """What is said of a whole photo."""

    def check(self, size: tuple[int, int]) -> None:  # noqa: B027
        """See that it fits a photo of a width and a height, and can be read.

        Raises:
            DataError: it does not, or cannot.
        """

    @abstractmethod
    def seen(self, preprocess: Preprocess, view: int) -> Any:
        """What is true of one view of the photo: the truth that metrics are given."""


@dataclass(frozen=True)
class Objects(Annotation):
    """The objects of a photo, or of a view of it; each attribute in the same order.

    Attributes:
        classes: the index of each.
        boxes: left, top, right, bottom as fractions of the picture.
        areas: in pixels of the photo.
        ignored: whether finding it is neither right nor wrong: a crowd, or nearly out of sight.
        size: width and height of the picture, in pixels of the photo.
        points: of each, x and y as fractions of the picture, and 0 where it is not labelled, 1
            where it is hidden, 2 where it is seen; empty where nobody said.
        mirrored: for each point the one that it is in a mirror, as a left eye is a right one.
        names: what the classes are called, in the order of their indices; empty where nobody said.
    """

    classes: tuple[int, ...]
    boxes: tuple[Box, ...]
    areas: tuple[float, ...]
    ignored: tuple[bool, ...]
    size: tuple[float, float]
    points: tuple[tuple[Point, ...], ...] = ()
    mirrored: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def seen(self, preprocess: Preprocess, view: int) -> "Objects":
        """Those that the view shows any of, cut where it ends."""
        left, top, right, bottom = preprocess.window(self.size, view)
        start, side = np.array([left, top]), np.array([right - left, bottom - top])
        boxes = np.array(self.boxes, np.float64).reshape(-1, 2, 2)
        cut = ((boxes - start) / side).clip(0, 1)
        if view >= 5:
            cut = np.stack([1 - cut[:, ::-1, 0], cut[:, :, 1]], -1)
        whole = ((boxes[:, 1] - boxes[:, 0]) / side).prod(1)
        share = np.divide((cut[:, 1] - cut[:, 0]).prod(1), whole, out=whole * 0, where=whole > 0)
        kept = np.flatnonzero(share > 0)
        points = tuple(
            self._points(self.points[i], start, side, view >= 5) for i in kept if self.points
        )
        return replace(
            self,
            classes=tuple(self.classes[i] for i in kept),
            boxes=tuple(tuple(cut[i].ravel().tolist()) for i in kept),
            areas=tuple(float(self.areas[i] * share[i]) for i in kept),
            ignored=tuple(bool(self.ignored[i] or share[i] < VISIBLE) for i in kept),
            size=(self.size[0] * side[0], self.size[1] * side[1]),
            points=points,
        )

    def _points(
        self, points: tuple[Point, ...], start: Any, side: Any, mirror: bool
    ) -> tuple[Point, ...]:
        """In the view; those outside of it count as not labelled."""
        found = []
        for at in range(len(points)):
            x, y, known = points[self.mirrored[at] if mirror and self.mirrored else at]
            x, y = (np.array([x, y]) - start) / side
            known = known if 0 <= x <= 1 and 0 <= y <= 1 else 0
            found.append((float(1 - x if mirror else x), float(y), known))
        return tuple(found)


@dataclass(frozen=True)
class MaskFile(Annotation):
    """A picture whose pixels are the indices of classes, 255 where nothing is asked."""

    path: Path

    def check(self, size: tuple[int, int]) -> None:
        """See that it is a mask of as many pixels."""
        height, width = self._read().shape
        if (width, height) != size:
            raise DataError(
                f"{self.path} has {width}×{height} pixels, and its picture {size[0]}×{size[1]}"
            )

    def seen(self, preprocess: Preprocess, view: int) -> NDArray[np.uint8]:
        """The class of each pixel of the view, uint8 (H, W).

        Raises:
            DataError: the file is no picture of one channel of at most 8 bits.
        """
        nearest = replace(preprocess, interpolation="nearest")
        picture = Image.fromarray(self._read())
        return np.asarray(nearest.picture(picture, view)[0].astype(np.uint8))

    def _read(self) -> NDArray[np.uint8]:
        try:
            with Image.open(self.path) as opened:
                mask = np.asarray(opened)  # of a palette, the indices
        except Exception as error:  # damaged files make Pillow raise errors of a dozen kinds
            raise DataError(f"{self.path} is no mask that can be read: {error}") from error
        if mask.ndim != 2 or mask.dtype not in (np.uint8, np.bool_):
            raise DataError(
                f"{self.path} is no mask: one channel of 8 bits expected, each pixel the index of "
                "its class"
            )
        return mask.astype(np.uint8)
