"""Detection: class logits and distributions of box sides, at each cell of a dense head."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from PIL import Image, ImageDraw

from splitwire.data.truth import Objects
from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_tensor
from splitwire.models.described import Described
from splitwire.tasks.base import Output, Prediction, Task, described
from splitwire.tasks.boxes import MOST, Boxes, Size, cells, decode
from splitwire.tasks.chances import (
    bernoulli_divergence,
    bernoulli_likelihood,
    categorical_divergence,
    categorical_likelihood,
    heard,
    log_sigmoid,
)
from splitwire.tasks.drawing import colour, write
from splitwire.tasks.metric import Metric
from splitwire.tasks.precision import SIZES, THRESHOLDS, Floats, average_precision, matches

if TYPE_CHECKING:  # predictions are made without it
    import torch

SHOWN = 0.35  # score of a box that answers show, and that counts as true where no truth is known
STRIDES = (8, 16, 32)
_NOISE = 0.2  # probability that a class is heard which is not there
_SIZE = (416, 416)
_KEYS = {"box", "class", "label", "score"}


def _by_truth(
    reference: Boxes, output: Boxes, truth: Any, thresholds: Floats = THRESHOLDS, size: str = ""
) -> Any:
    return None if truth is None else matches(output, truth, thresholds, size)


def _by_reference(
    reference: Boxes, output: Boxes, truth: Any, thresholds: Floats = THRESHOLDS, size: str = ""
) -> Any:
    return matches(output, _as_truth(reference), thresholds, size)


def _metrics(by_truth: bool) -> list[Metric]:
    """The mean average precisions by one kind of truth."""
    judge = _by_truth if by_truth else _by_reference
    ending = "" if by_truth else " ref"
    whose = "" if by_truth else " by the uncompressed network's boxes"
    pixels = "of the photo" if by_truth else "of the network's picture"
    names = dict(
        zip(SIZES, ("all", "small (below 32²)", "medium", "large (from 96²)"), strict=True)
    )

    def made(name: str, about: str, count: int = len(THRESHOLDS), **how: Any) -> Metric:
        estimate = partial(average_precision, thresholds=count)
        about += whose
        return Metric(name + ending, about, partial(judge, **how), estimate, True, by_truth)

    return [
        made("mAP", "mean average precision, overlap 50–95 %"),
        made("mAP50", "the same, overlap 50 %", 1, thresholds=THRESHOLDS[:1]),
        *(
            made(f"mAP{size}", f"mAP of {names[size]} objects in pixels {pixels}", size=size)
            for size in list(SIZES)[1:]
        ),
    ]


class Detection(Task):
    """Objects, by a pair of tensors: class logits (1, cells, classes) and sides (1, cells, 4·bins).

    The cells are those of `strides`, row after row, stride after stride. At each the classes are
    independent, each the sigmoid of its logit; and each of the four sides, left, top, right and
    bottom, is at a distance from the cell's centre that has a distribution over bins of a stride
    each, the softmax of its logits (X. Li et al., arXiv:2006.04388), as NanoDet has it.

    Of thousands of cells a few show something. What the others say, a thousandth of a probability
    here and a hundredth there, shows nowhere, but its divergence adds up. So labels are heard
    through noise: each class that is not there is heard all the same with a probability of ε = 0.2.
    With p of a class, p′ = ε + (1 − ε) p is heard, from which a small p hardly differs, and a new
    false box does. A label says of every cell which classes are heard, and of some also the bin of
    each side: where the likeliest class is, in the share p/p′ of what is heard there that is no
    noise, times that share once more, as only those of p above ε are worth a look.

    The divergence, in nats a picture, is the sum over cells of that of the classes p′, and of that
    of the sides times p²/p′ of the likeliest class by the uncompressed network. It is 0 only where
    outputs agree in all of this; what noise does to both can but lessen their divergence.

    Args:
        names: of the classes, in order; none where nobody knows them.
        size: width and height of the pictures.
        strides: of the cells.
        classes: how many there are; None where nobody knows.
    """

    name: ClassVar[str] = "detection"
    fidelity: ClassVar[float] = 1.0
    draws: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (*_metrics(False), *_metrics(True))

    def __init__(
        self,
        names: Sequence[str] = (),
        size: Size = _SIZE,
        strides: Sequence[int] = STRIDES,
        classes: int | None = None,
    ) -> None:
        self._names, self._size, self._strides = tuple(names), size, tuple(strides)
        self._classes = classes if classes is not None else len(names) or None

    @classmethod
    def of(cls, model: Described) -> Self:
        """With the network's own `classes` (names) and `strides`, where it has such attributes."""
        if len(model.input_shape) != 4:
            raise TaskError(f"{model.name} takes no pictures, and objects are found on those alone")
        names, strides = model.classes, model.strides or STRIDES
        first = next(iter(model.output_shapes), ())
        height, width = model.input_shape[2:]
        task = cls(names, (width, height), strides, first[2] if len(first) == 3 else None)
        if task._names and task._classes != len(task._names):
            raise TaskError(
                f"{model.name} has {len(task._names)} names of classes and {task._classes} classes"
            )
        return task

    def check(self, output: Output) -> None:
        """Refuse what is no pair of class logits and sides at the cells."""
        count = len(cells(self._size, self._strides))
        pair = list(output) if isinstance(output, tuple | list) else []
        if len(pair) != 2 or not all(map(is_tensor, pair)):
            right = False
        else:
            logits, sides = (tuple(part.shape) for part in pair)
            right = logits[:2] == sides[:2] == (1, count) and len(logits) == len(sides) == 3
            right = right and logits[2] > 0 and sides[2] % 4 == 0 and sides[2] >= 8
        if not right:
            raise TaskError(
                f"a detector gives a pair of class logits 1×{count}×classes and box sides "
                f"1×{count}×(4·bins), for strides {', '.join(map(str, self._strides))} of a "
                f"picture {self._size[0]}×{self._size[1]}, and not {described(output)}; boxes "
                "are suppressed outside of the network (docs/tasks.md)"
            )

    def check_label(self, output: Output, label: Any) -> None:
        """Refuse what is no objects, and classes that the network does not have."""
        if not isinstance(label, Objects):
            raise TaskError("a detector's pictures are labelled by boxes (docs/tasks.md)")
        classes = output[0].shape[2]
        if over := [kind for kind in label.classes if kind >= classes]:
            raise TaskError(f"it has class {over[0]}, and the network 0 to {classes - 1} only")
        for kind in set(label.classes) if label.names and self._names else ():
            if label.names[kind].casefold() != self._names[kind].casefold():
                raise TaskError(
                    f"its class {kind} is {label.names[kind]!r}, and the network's is "
                    f"{self._names[kind]!r}: list the network's classes as categories, in order"
                )

    def divergence(self, reference: Output, output: Output) -> float:
        """Kullback and Leibler's of a picture's label, in nats: see the class."""
        p, q = (heard(array(whole[0]), _NOISE) for whole in (reference, output))
        there, share = _likeliest(reference[0], p)
        sides = categorical_divergence(_sides(reference), _sides(output), 3).sum(2)
        return float(bernoulli_divergence(p, q).sum() + (there * share * sides).sum())

    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """That of classes drawn at every cell, and of sides at some where the likeliest is."""
        import torch

        noisy = heard(output[0], _NOISE)
        drawn, classes = bernoulli_likelihood(noisy, random)
        _, share = _likeliest(output[0], noisy)
        present = drawn.gather(2, output[0].detach().argmax(2, keepdim=True))[..., 0]
        present = present * torch.from_numpy(random.random(share.shape) < share**2)
        sides = categorical_likelihood(_sides(output), random, 3)[1].sum((2, 3))
        whole: torch.Tensor = classes.sum() + (present * sides).sum()
        return whole

    def statistics(self, reference: Output, output: Output, truth: Any) -> dict[str, Any]:
        """Of the boxes, and not of the logits."""
        return super().statistics(self._boxes(reference), self._boxes(output), truth)

    def predict(self, output: Output) -> Prediction:
        """The objects of a score of 0.35 or more, best first.

        `{"objects": [{"box": [left, top, right, bottom], "class": 0, "label": "person", "score":
        0.9}, ...]}`: the corners as fractions of the picture that the network takes.
        """
        found = self._boxes(output)
        rows = zip(found.corners, found.classes, found.scores, strict=True)
        return {
            "objects": [
                {
                    "box": [round(float(side), 5) for side in box],
                    "class": int(kind),
                    "label": self._label(int(kind)),
                    "score": round(float(score), 4),
                }
                for box, kind, score in rows
                if score >= SHOWN
            ]
        }

    def check_prediction(self, prediction: Prediction) -> None:
        """Refuse what is no list of objects of this network's classes, inside of the picture."""
        objects: Any = prediction.get("objects")
        right = prediction.keys() == {"objects"} and isinstance(objects, list)
        if not right or len(objects) > MOST or not all(map(self._is_object, objects)):
            raise TaskError(
                f"no detection: at most {MOST} objects expected, each a box inside of the picture, "
                f"one of {self._classes or 'some'} classes with its label, and a score"
            )

    def lines(self, prediction: Prediction) -> list[str]:
        """How many there are of each class, most first."""
        counts = Counter(one["label"] for one in prediction["objects"])
        return [f"{count} × {label}" for label, count in counts.most_common()] or ["nothing"]

    def draw(self, picture: Image.Image, prediction: Prediction) -> Image.Image:
        """Each box on the picture, with its label and score."""
        pen = ImageDraw.Draw(picture)
        for one in reversed(prediction["objects"]):  # the best last, over the others
            left, top, right, bottom = np.array(one["box"]) * [*picture.size, *picture.size]
            tone = colour(one["class"])
            pen.rectangle((left, top, right, bottom), outline=tone, width=2)
            write(picture, (left, top), f"{one['label']} {100 * one['score']:.0f} %", tone)
        return picture

    def _boxes(self, output: Output) -> Boxes:
        logits, sides = array(output[0])[0], array(_sides(output))[0]
        return decode(logits, sides, self._size, self._strides)

    def _label(self, kind: int) -> str:
        return self._names[kind] if self._names else f"class {kind}"

    def _is_object(self, one: Any) -> bool:
        if not isinstance(one, dict) or one.keys() != _KEYS or not isinstance(one["box"], list):
            return False
        kind, numbers = one["class"], [*one["box"], one["score"]]
        if type(kind) is not int or not all(type(n) in (int, float) for n in numbers):
            return False
        if len(numbers) != 5 or not all(0 <= n <= 1 for n in numbers):
            return False
        left, top, right, bottom, _ = numbers
        known = 0 <= kind < (self._classes or 1 << 31)
        return known and left <= right and top <= bottom and one["label"] == self._label(kind)


def _sides(output: Output) -> Any:
    """Logits of the sides, (1, cells, 4, bins)."""
    sides = output[1]
    return sides.reshape(*sides.shape[:2], 4, -1)


def _likeliest(logits: Any, noisy: Any) -> tuple[Floats, Floats]:
    """Of the likeliest class at each cell: its probability, and its share of what is heard."""
    there, all_heard = (np.exp(log_sigmoid(array(each).max(2))) for each in (logits, noisy))
    return there, there / all_heard


def _as_truth(found: Boxes) -> Objects:
    """The boxes that the uncompressed network shows, as if they were the truth.

    K. Fischer et al. (arXiv:2205.06519) find that this moves Bjøntegaard rates at middling rates by
    less than 0.7 points.
    """
    shown = found.scores >= SHOWN
    corners = found.corners[shown]
    areas = (corners[:, 2:] - corners[:, :2]).prod(1) * found.size[0] * found.size[1]
    return Objects(
        tuple(found.classes[shown].tolist()),
        tuple(map(tuple, corners.tolist())),
        tuple(areas.tolist()),
        (False,) * len(corners),
        found.size,
    )
