"""Annotations as COCO has them (cocodataset.org/#format-data): boxes, crowds and key points.

The index of a class is its category's place among all of them, in the order of their ids: ids may
have gaps, as COCO's own do. A network's classes are those in the same order.
"""

from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated

from pydantic import Field, FiniteFloat, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from splitwire.data.truth import Annotation, Box, Objects, Point
from splitwire.errors import DataError

NAME = "annotations.json"
_Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_SIDES = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class _Image:
    id: int
    file_name: str
    width: PositiveInt
    height: PositiveInt


@dataclass(frozen=True)
class _Category:
    id: int
    name: str
    keypoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Object:
    image_id: int
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, _Length, _Length]
    area: _Length | None = None
    iscrowd: bool = False
    keypoints: list[FiniteFloat] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


def read(file: Path, root: Path, pictures: Sequence[Path]) -> list[Annotation | None]:
    """What is known of each picture; None of one that the file does not list.

    Args:
        file: of JSON.
        root: where the pictures are: a `file_name` is relative to it, or begins with its name.
        pictures: relative to `root`.

    Raises:
        DataError: the file is none of COCO's.
    """
    told = _parsed(file)
    classes = sorted(told.categories, key=lambda category: category.id)
    objects: dict[int, list[_Object]] = {image.id: [] for image in told.images}
    known = {category.id for category in classes}
    for one in told.annotations:
        if one.image_id not in objects or one.category_id not in known:
            raise DataError(
                f"{file} has an annotation of the picture {one.image_id} and the category "
                f"{one.category_id}, and does not list both"
            )
        objects[one.image_id].append(one)
    images = {image.file_name.removeprefix(f"{root.name}/"): image for image in told.images}
    found = [images.get(picture.as_posix()) for picture in pictures]
    return [_objects(file, one, objects[one.id], classes) if one else None for one in found]


def _parsed(file: Path) -> _File:
    try:
        return TypeAdapter(_File).validate_json(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise DataError(f"{file} is not as COCO's annotations: {where}: {fault['msg']}") from None


def _objects(
    file: Path, image: _Image, objects: Sequence[_Object], classes: Sequence[_Category]
) -> Objects:
    index = {category.id: at for at, category in enumerate(classes)}
    named = next((category.keypoints for category in classes if category.keypoints), [])
    return Objects(
        tuple(index[one.category_id] for one in objects),
        tuple(_box(one, image) for one in objects),
        tuple(one.bbox[2] * one.bbox[3] if one.area is None else one.area for one in objects),
        tuple(one.iscrowd for one in objects),
        (float(image.width), float(image.height)),
        tuple(_points(file, one, image, len(named)) for one in objects) if named else (),
        tuple(map(named.index, map(_in_the_mirror(named).__getitem__, named))),
        tuple(category.name for category in classes),
    )


def _box(one: _Object, image: _Image) -> Box:
    left, top, width, height = one.bbox
    right, bottom = left + width, top + height
    return left / image.width, top / image.height, right / image.width, bottom / image.height


def _points(file: Path, one: _Object, image: _Image, count: int) -> tuple[Point, ...]:
    """Of an object; none of them labelled where it has none."""
    flat = one.keypoints or [0.0] * 3 * count
    if len(flat) != 3 * count:
        raise DataError(f"{file}: {image.file_name} has {len(flat)} numbers for {count} keypoints")
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return tuple((x / image.width, y / image.height, int(known)) for x, y, known in triples)


def _in_the_mirror(names: Sequence[str]) -> dict[str, str]:
    """The point that each one is in a mirror, by its name: left_eye is right_eye."""
    found = {}
    for name in names:
        side = next((side for side in _SIDES if side in name), None)
        other = name.replace(side, _SIDES[side]) if side else name
        found[name] = other if other in names else name
    return found
