"""Keypoints: the points of one object, such as a person's joints, by heat maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from splitwire.data.truth import Objects
from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_tensor
from splitwire.models.described import Described
from splitwire.tasks.base import Output, Prediction, Task, described
from splitwire.tasks.chances import categorical_divergence, categorical_likelihood, log_softmax
from splitwire.tasks.drawing import colour
from splitwire.tasks.metric import Metric
from splitwire.tasks.places import Places
from splitwire.tasks.similarity import COCO, correct, oks, ratio

if TYPE_CHECKING:  # predictions are made without it
    import torch

SHOWN = 0.2  # score of a point that is drawn
BONES = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
"""The pairs of COCO's points that are drawn with a line in between."""


@dataclass(frozen=True, eq=False)
class Pose:
    """The points of a picture: x and y as fractions of it, and a score, float64 (points, 3).

    `size` is the picture's width and height, in cells of the heat map.
    """

    points: NDArray[np.float64]
    size: tuple[float, float]

    @classmethod
    def of(cls, output: Output) -> "Pose":
        """That of an output."""
        places = Places.of(output)
        height, width = places.logits.shape[1:]
        return cls(array(places.points).astype(np.float64), (width, height))

    @property
    def as_truth(self) -> Objects:
        """The points that are shown, as if they were the truth."""
        seen = self.points[:, 2] >= SHOWN
        corners = self.points[seen, :2] if seen.any() else np.zeros((1, 2))
        box = (*corners.min(0).tolist(), *corners.max(0).tolist())
        area = float(np.prod((corners.max(0) - corners.min(0)) * self.size))
        labelled = zip(self.points.tolist(), seen, strict=True)
        points = tuple((x, y, 2 * int(known)) for (x, y, _), known in labelled)
        return Objects((0,), (box,), (area,), (False,), self.size, (points,))


def _judged(output: Pose, there: Objects) -> tuple[float, list[int]] | None:
    """OKS and PCK with the object that fits best, since a network of one pose chooses whose.

    None where no object has points that are labelled.
    """
    found = []
    for at, points in enumerate(there.points):
        labelled = np.array([known > 0 for *_, known in points])
        if labelled.any() and not there.ignored[at] and there.areas[at] > 0:
            step = (output.points[:, :2] - np.array(points)[:, :2]) * there.size
            far = np.where(labelled, np.hypot(*step.T), np.nan)
            left, top, right, bottom = np.array(there.boxes[at]) * [*there.size, *there.size]
            side = max(right - left, bottom - top)
            found.append((oks(far, there.areas[at]), correct(far, side)))
    return max(found, default=None)


def _oks(output: Pose, there: Objects | None) -> float | None:
    judged = None if there is None else _judged(output, there)
    return None if judged is None else judged[0]


def _pck(output: Pose, there: Objects | None) -> list[int] | None:
    judged = None if there is None else _judged(output, there)
    return None if judged is None else judged[1]


class Keypoints(Task):
    """The points of one object, by a heat map (1, points, H, W), or by CenterNet's four maps.

    The four are the heat map, a centre (1, 1, H, W), and steps from the centre and offsets in a
    cell, (1, 2·points, H, W) both, as MoveNet gives them. See places.py for what they mean.

    A label says in which cell each point is, by the softmax over cells that the maps come to, and
    where it is from there, normal with a deviation of one cell. The divergence is the sum over
    points, in nats a picture.

    Args:
        names: of the points, in order; none where nobody knows them.
        points: how many there are; None where nobody knows.
    """

    name: ClassVar[str] = "keypoints"
    fidelity: ClassVar[float] = 0.5
    draws: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            "OKS ref",
            "object keypoint similarity with the uncompressed network's points",
            lambda reference, output, truth: _oks(output, reference.as_truth),
            share=True,
        ),
        Metric(
            "PCK ref",
            "points within a fifth of the box's side of the same",
            lambda reference, output, truth: _pck(output, reference.as_truth),
            ratio,
            share=True,
        ),
        Metric(
            "OKS",
            "object keypoint similarity",
            lambda reference, output, truth: _oks(output, truth),
            share=True,
            by_truth=True,
        ),
        Metric(
            "PCK",
            "points within a fifth of the box's side",
            lambda reference, output, truth: _pck(output, truth),
            ratio,
            share=True,
            by_truth=True,
        ),
    )

    def __init__(self, names: Sequence[str] = (), points: int | None = None) -> None:
        self._names = tuple(names)
        self._count = points if points is not None else len(names) or None

    @classmethod
    def of(cls, model: Described) -> Self:
        """With the network's own `classes` (names of points), where it has such an attribute."""
        first = next(iter(model.output_shapes), ())
        count = first[1] if len(first) == 4 else None
        return cls(model.classes if len(model.classes) == count else (), count)

    def check(self, output: Output) -> None:
        """Refuse what is no heat map, nor CenterNet's four maps."""
        parts = [output] if is_tensor(output) else output
        right = isinstance(parts, list | tuple) and len(parts) in (1, 4)
        right = right and all(map(is_tensor, parts))
        if right:
            count = parts[0].shape[1] if parts[0].ndim == 4 else 0
            cells = (1, *parts[0].shape[2:])
            channels = (count, 1, 2 * count, 2 * count)[: len(parts)]
            forms = [(1, channel, *cells[1:]) for channel in channels]
            right = count > 0 and [tuple(part.shape) for part in parts] == forms
            right = right and 0 not in cells and (len(parts) == 4) == (parts is output)
        if not right:
            raise TaskError(
                "a network of keypoints gives a heat map 1×points×height×width, or a heat map, a "
                "centre 1×1, steps and offsets 1×(2·points) of the same height and width, and not "
                f"{described(output)}: name the task that fits (--task)"
            )

    def check_label(self, output: Output, label: Any) -> None:
        """Refuse what is no objects with as many points."""
        count = (output if is_tensor(output) else output[0]).shape[1]
        if not isinstance(label, Objects) or any(len(points) != count for points in label.points):
            raise TaskError(f"pictures are labelled by objects with {count} points (docs/tasks.md)")

    def divergence(self, reference: Output, output: Output) -> float:
        """Kullback and Leibler's of all points, in nats: see the class."""
        p, q = Places.of(reference), Places.of(output)
        count = len(p.logits)
        known, told = (array(places.logits).reshape(count, -1) for places in (p, q))
        cells = categorical_divergence(known, told, 1).sum()
        apart = np.subtract(array(p.offsets), array(q.offsets), dtype=np.float64)
        squares = np.square(apart).sum(1).reshape(count, -1)
        return float(cells + (np.exp(log_softmax(known, 1)) * squares).sum() / 2)

    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """That of a cell drawn for each point, and of a place drawn from there on."""
        import torch

        places = Places.of(output)
        drawn, cells = categorical_likelihood(places.logits.flatten(1), random, 1)
        means = places.offsets.flatten(2).gather(2, drawn[:, None].expand(-1, 2, 1))
        noise = torch.from_numpy(random.normal(size=tuple(means.shape))).to(means.dtype)
        squares = (means.detach() + noise - means).square().sum()
        whole: torch.Tensor = cells.sum() - squares / 2
        return whole

    def statistics(self, reference: Output, output: Output, truth: Any) -> dict[str, Any]:
        """Of the points, and not of the maps."""
        return super().statistics(Pose.of(reference), Pose.of(output), truth)

    def predict(self, output: Output) -> Prediction:
        """`{"points": [[x, y, score], ...]}`: fractions of the picture, and the names of points."""
        points = Pose.of(output).points
        points[:, :2] = points[:, :2].clip(0, 1)
        said = {"points": [[round(number, 5) for number in row] for row in points.tolist()]}
        return said | ({"names": list(self._names)} if self._names else {})

    def check_prediction(self, prediction: Prediction) -> None:
        """Refuse what is no points of this network inside of the picture."""
        points: Any = prediction.get("points")
        named = {"names": list(self._names)} if self._names else {}
        right = prediction == {"points": points} | named and isinstance(points, list)
        right = (
            right and len(points) == (self._count or len(points)) and all(map(_is_point, points))
        )
        if not right:
            raise TaskError(
                f"no pose: {self._count or 'some'} points expected, each x, y and a score from 0 "
                "to 1, and their names"
            )

    def lines(self, prediction: Prediction) -> list[str]:
        """How many points are sure enough to be drawn."""
        points = prediction["points"]
        return [f"{sum(score >= SHOWN for *_, score in points)} of {len(points)} points"]

    def draw(self, picture: Image.Image, prediction: Prediction) -> Image.Image:
        """The points on the picture, and COCO's seventeen with bones between them."""
        pen, points = ImageDraw.Draw(picture), prediction["points"]
        size = max(2, picture.width // 90)
        places = [(x * picture.width, y * picture.height) for x, y, _ in points]
        seen = [score >= SHOWN for *_, score in points]
        for one, other in BONES if len(points) == len(COCO) else ():
            if seen[one] and seen[other]:
                pen.line((places[one], places[other]), fill=colour(other), width=size)
        for at, (x, y) in enumerate(places):
            if seen[at]:
                pen.ellipse(
                    (x - size, y - size, x + size, y + size), fill=colour(at), outline="black"
                )
        return picture


def _is_point(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 3
        and all(type(number) in (int, float) and 0 <= number <= 1 for number in row)
    )
