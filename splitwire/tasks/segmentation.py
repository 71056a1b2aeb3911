"""Semantic segmentation: a class for each pixel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.data.truth import MaskFile
from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_tensor
from splitwire.models.described import Described
from splitwire.tasks.base import Output, Prediction, Task, described
from splitwire.tasks.chances import (
    bernoulli_divergence,
    bernoulli_likelihood,
    categorical_divergence,
    categorical_likelihood,
)
from splitwire.tasks.drawing import colour
from splitwire.tasks.metric import Metric
from splitwire.tasks.overlap import VOID, Mask, counts, mean_dice, mean_iou

if TYPE_CHECKING:  # predictions are made without it
    import torch

PIXELS = 1 << 24  # of a mask that is told
_TINT = 0.55  # of a class's colour over the picture
_BACKGROUND = "background"  # of the network of one channel, which names the other class alone
_LISTED = 5  # classes in words


def _by_truth(reference: Mask, output: Mask, truth: Any) -> Any:
    return None if truth is None else counts(output, resized(np.asarray(truth), output.shape))


def _by_reference(reference: Mask, output: Mask, truth: Any) -> Any:
    return counts(output, reference)


def _agreement(reference: Mask, output: Mask, truth: Any) -> float:
    return float(np.mean(reference == output))


class Segmentation(Task):
    """A class for each pixel, by logits (1, channels, H, W), or a dict that holds them as "out".

    With one channel its sigmoid is the probability of class 1, the foreground, against class 0, the
    background. With more, a pixel's classes have the softmax of its logits.

    A label says the class of one pixel, any of them with the same probability: so the divergence is
    the mean over pixels, in nats a pixel. Outputs may be of fewer pixels than the picture; a truth
    of more is thinned out.

    Args:
        names: of the classes, in order; none where nobody knows them.
        size: height and width of the masks; None where nobody knows.
        classes: how many there are; None where nobody knows.
    """

    name: ClassVar[str] = "segmentation"
    unit: ClassVar[str] = "nats a pixel"
    fidelity: ClassVar[float] = 0.01
    draws: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            "mIoU ref",
            "mean intersection over union with the uncompressed network's mask",
            _by_reference,
            mean_iou,
            share=True,
        ),
        Metric("Dice ref", "mean Dice coefficient with the same", _by_reference, mean_dice, True),
        Metric("agree", "pixels of the same class as the same", _agreement, share=True),
        Metric("mIoU", "mean intersection over union", _by_truth, mean_iou, True, True),
        Metric("Dice", "mean Dice coefficient", _by_truth, mean_dice, True, True),
    )

    def __init__(
        self,
        names: Sequence[str] = (),
        size: tuple[int, int] | None = None,
        classes: int | None = None,
    ) -> None:
        self._names, self._size = tuple(names), size
        self._classes = classes if classes is not None else len(names) or None

    @classmethod
    def of(cls, model: Described) -> Self:
        """With the network's own `classes` (names), where it has such an attribute."""
        first = next(iter(model.output_shapes), ())
        if len(first) != 4:
            return cls()
        count = max(first[1], 2)
        names = model.classes if first[1] > 1 else (_BACKGROUND, *model.classes)
        return cls(names if len(names) == count else (), (first[2], first[3]), count)

    def check(self, output: Output) -> None:
        """Refuse what is no logits of pixels."""
        logits: Any = output.get("out") if isinstance(output, dict) else output
        if not is_tensor(logits) or logits.ndim != 4 or logits.shape[0] != 1:
            raise TaskError(
                'a segmenter gives logits 1×channels×height×width, or a dict with them as "out", '
                f"and not {described(output)}: name the task that fits (--task)"
            )
        if 0 in logits.shape or logits.shape[1] > VOID:
            raise TaskError(f"a segmenter gives 1 to {VOID} channels, and not {described(output)}")

    def check_label(self, output: Output, label: Any) -> None:
        """Refuse what is no mask."""
        if not isinstance(label, MaskFile):
            raise TaskError("a segmenter's pictures are labelled by masks (docs/tasks.md)")

    def divergence(self, reference: Output, output: Output) -> float:
        """Kullback and Leibler's of a pixel's class, the mean over pixels, in nats."""
        p, q = _logits(reference), _logits(output)
        if p.shape[1] == 1:
            return float(bernoulli_divergence(p, q).mean())
        return float(categorical_divergence(p, q, 1).mean())

    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """That of a class drawn at every pixel, over the square root of their number.

        Its gradient has the mean outer product that one pixel drawn at random has, since pixels are
        independent, at a fraction of the noise.
        """
        logits = _logits(output)
        if logits.shape[1] == 1:
            each = bernoulli_likelihood(logits, random)[1]
        else:
            each = categorical_likelihood(logits, random, 1)[1]
        whole: torch.Tensor = each.sum() / each.numel() ** 0.5
        return whole

    def statistics(self, reference: Output, output: Output, truth: Any) -> dict[str, Any]:
        """Of the masks, and not of the logits."""
        return super().statistics(mask_of(reference), mask_of(output), truth)

    def predict(self, output: Output) -> Prediction:
        """The mask, row after row, as runs of one class.

        `{"size": [height, width], "runs": [class, pixels, class, pixels, ...]}`, and the `names` of
        all classes where they are known.
        """
        mask = mask_of(output)
        flat = mask.ravel()
        starts = np.flatnonzero(np.diff(flat, prepend=-1))
        lengths = np.diff(starts, append=flat.size)
        runs = np.stack([flat[starts], lengths], 1).ravel()
        return {"size": list(mask.shape), "runs": runs.tolist(), **self._named}

    def check_prediction(self, prediction: Prediction) -> None:
        """Refuse what is no mask of this network's size and classes."""
        size: Any = prediction.get("size")
        runs: Any = prediction.get("runs")
        right = prediction == {"size": size, "runs": runs} | self._named
        right = right and _whole(size) and _whole(runs)
        right = right and len(size) == 2 and 0 < size[0] * size[1] <= PIXELS
        right = right and self._size in (None, tuple(size)) and len(runs) % 2 == 0
        if right:
            kinds, lengths = runs[::2], runs[1::2]
            right = min(lengths, default=0) > 0 and sum(lengths) == size[0] * size[1]
            right = right and max(kinds) < (self._classes or VOID)
        if not right:
            wanted = "×".join(map(str, self._size)) if self._size else "some size"
            raise TaskError(
                f"no mask of {wanted} and {self._classes or 'some'} classes: runs of a class and a "
                "number of pixels expected that fill it, and the names of the classes"
            )

    def lines(self, prediction: Prediction) -> list[str]:
        """The share of pixels of each class, the largest five."""
        pixels: dict[int, int] = {}
        runs = prediction["runs"]
        for kind, length in zip(runs[::2], runs[1::2], strict=True):
            pixels[kind] = pixels.get(kind, 0) + length
        shares = sorted(pixels.items(), key=lambda pair: -pair[1])[:_LISTED]
        whole = sum(pixels.values())
        return [f"{self._label(kind)} {100 * count / whole:.0f} %" for kind, count in shares]

    def draw(self, picture: Image.Image, prediction: Prediction) -> Image.Image:
        """The mask over the picture, a colour a class; class 0, the background, stays bare."""
        mask = Image.fromarray(unrolled(prediction)).resize(picture.size, Image.Resampling.NEAREST)
        kinds = np.asarray(mask)
        palette = np.array([colour(kind) for kind in range(VOID + 1)])
        over = np.where(kinds[..., None] > 0, _TINT, 0.0)
        pixels = (1 - over) * np.asarray(picture) + over * palette[kinds]
        return Image.fromarray(np.rint(pixels).astype(np.uint8))

    @property
    def _named(self) -> Prediction:
        return {"names": list(self._names)} if self._names else {}

    def _label(self, kind: int) -> str:
        return self._names[kind] if kind < len(self._names) else f"class {kind}"


def mask_of(output: Output) -> NDArray[np.int64]:
    """The likeliest class of each pixel, (H, W)."""
    logits = array(_logits(output))[0]
    classes = logits.argmax(0) if len(logits) > 1 else logits[0] > 0
    return np.asarray(classes, np.int64)


def resized(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """A mask with as many rows and columns as asked for, of the nearest pixels."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * have / wanted).astype(np.int64)
        for wanted, have in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def _logits(output: Output) -> Any:
    return output["out"] if isinstance(output, dict) else output


def unrolled(prediction: Prediction) -> NDArray[np.uint8]:
    """The mask of a prediction, (H, W)."""
    runs = np.array(prediction["runs"]).reshape(-1, 2)
    return np.repeat(runs[:, 0], runs[:, 1]).astype(np.uint8).reshape(prediction["size"])


def _whole(values: Any) -> bool:
    """Whether it is a list of integers of 0 or more."""
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)
