"""What people say of a picture that is more than a class: the objects in it."""

from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
Point = tuple[float, float, int]


@dataclass(frozen=True)
class Objects:
    """The objects of a picture, each attribute in the same order.

    Attributes:
        classes: the index of each.
        boxes: left, top, right, bottom as fractions of the picture.
        areas: in pixels of the photo.
        ignored: whether finding it is neither right nor wrong: a crowd, or nearly out of sight.
        size: width and height of the picture, in pixels of the photo.
        points: of each, x and y as fractions of the picture, and 0 where it is not labelled, 1
            where it is hidden, 2 where it is seen; empty where nobody said.
        mirrored: for each point the one that it becomes in the mirror (a left eye the right one).
    """

    classes: tuple[int, ...]
    boxes: tuple[Box, ...]
    areas: tuple[float, ...]
    ignored: tuple[bool, ...]
    size: tuple[float, float]
    points: tuple[tuple[Point, ...], ...] = ()
    mirrored: tuple[int, ...] = field(default=(), compare=False)
