"""Classification: one row of logits, a softmax over classes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_tensor
from splitwire.models.described import Described
from splitwire.tasks.base import Output, Prediction, Task, described, tensors
from splitwire.tasks.metric import Metric

if TYPE_CHECKING:  # predictions are made without it
    import torch

Floats = NDArray[np.float64]

SHOWN = 5  # classes of a prediction
IMAGENET_CLASSES = 1000
_ADVICE = (
    "name the task that fits (--task embedding, detection, segmentation, keypoints), or write one "
    "(docs/adding-a-task.md)"
)
_ROUNDED = 1e-4  # by which rounded probabilities may be more than one


def divergence(reference_logits: ArrayLike, logits: ArrayLike) -> Floats:
    """The Kullback-Leibler divergence of a network's output from the uncompressed one's, in nats.

    With p and q the softmax of the two, KL(p‖q) = Σ p (log p − log q), worked out in float64 from
    log-softmax, so that no probability underflows before its logarithm is taken. A class that p
    rules out (a logit of −∞) adds nothing; one that q alone rules out makes it infinite; a NaN
    makes it NaN.

    Args:
        reference_logits: output of the uncompressed network, shape (..., classes).
        logits: output to judge, of the same shape.

    Returns:
        Shape (...), at least 0.
    """
    p, q = _log_softmax(reference_logits), _log_softmax(logits)
    ratio = np.zeros(np.broadcast_shapes(p.shape, q.shape))
    np.subtract(p, q, out=ratio, where=~np.isneginf(p))
    terms = np.sum(np.exp(p) * ratio, axis=-1)
    return np.asarray(np.maximum(terms, 0.0))  # rounding can leave −1e-17


def top_k(logits: ArrayLike, k: int) -> NDArray[np.int64]:
    """The k classes of the largest logits, best first; of equals the lower class comes first.

    Args:
        logits: shape (..., classes).
        k: how many; all of them where there are fewer.

    Returns:
        Shape (..., k).
    """
    order = np.argsort(-np.asarray(logits, dtype=np.float64), axis=-1, kind="stable")
    return order[..., :k].astype(np.int64)


def _agreement(reference: Output, output: Output, truth: Any) -> float:
    return float(top_k(_row(reference), 1)[0] == top_k(_row(output), 1)[0])


def _top1(reference: Output, output: Output, truth: int | None) -> float | None:
    return None if truth is None else float(truth in top_k(_row(output), 1))


def _top5(reference: Output, output: Output, truth: int | None) -> float | None:
    return None if truth is None else float(truth in top_k(_row(output), 5))


class Classification(Task):
    """A network whose output is one row of logits, (1, classes).

    Args:
        names: of the classes, in order; none where nobody knows them.
        classes: how many there are; None where nobody knows.
    """

    name: ClassVar[str] = "classification"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("agree", "top-1 agreement with the uncompressed network", _agreement, share=True),
        Metric("top1", "top-1 accuracy", _top1, share=True, by_truth=True),
        Metric("top5", "top-5 accuracy", _top5, share=True, by_truth=True),
    )

    def __init__(self, names: Sequence[str] = (), classes: int | None = None) -> None:
        self._names = names
        self._classes = classes

    @classmethod
    def of(cls, model: Described) -> Self:
        """With the names of ImageNet's classes where those are the network's."""
        shapes = model.output_shapes
        known = len(shapes) == 1 and len(shapes[0]) == 2
        return cls(class_names(model), shapes[0][1] if known else None)

    def check(self, output: Output) -> None:
        """Refuse what is no row of logits of two classes or more."""
        if not is_tensor(output) or output.ndim != 2 or output.shape[0] != 1:
            raise TaskError(
                f"a classifier gives one row of logits, 1×classes, and not {described(output)}: "
                f"{_ADVICE}"
            )
        if output.shape[1] < 2:
            raise TaskError(
                f"a classifier tells two classes or more apart, and this network gives one row of "
                f"{output.shape[1]}, as a regressor does: {_ADVICE}"
            )

    def check_label(self, output: Output, label: Any) -> None:
        """Refuse what is no index, and one that no class of the network has."""
        classes = output.shape[1]
        if not isinstance(label, int):
            raise TaskError("a classifier's pictures are labelled by the index of a class")
        if label >= classes:
            raise TaskError(
                f"it is the index {label:,}, and the network has {classes:,} classes, 0 to "
                f"{classes - 1:,}: name folders by the network's indices"
            )

    def divergence(self, reference: Output, output: Output) -> float:
        """Kullback and Leibler's, in nats."""
        return float(divergence(_row(reference), _row(output)))

    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """That of a class drawn from the softmax (J. Martens, arXiv:1412.1193)."""
        chances = output[0].float().log_softmax(0)
        shares = chances.detach().double().exp().numpy()
        chosen: torch.Tensor = chances[random.choice(len(shares), p=shares / shares.sum())]
        return chosen

    def predict(self, output: Output) -> Prediction:
        """The best five classes, their probabilities, and their names where they have any."""
        logits = _row(output)
        best = top_k(logits, SHOWN)
        chances = np.exp(_log_softmax(logits)[best])
        said = {"classes": best.tolist(), "probabilities": [float(f"{p:.6g}") for p in chances]}
        return said | ({"names": [self._names[i] for i in best]} if self._names else {})

    def check_prediction(self, prediction: Prediction) -> None:
        """Refuse what is no ranking of this network's classes."""
        told: list[Any] = [prediction.get(key) for key in ("classes", "probabilities", "names")]
        classes, chances, names = told
        count = min(SHOWN, self._classes or SHOWN)
        most = self._classes if self._classes is not None else 1 << 31
        right = (
            prediction.keys() <= {"classes", "probabilities", "names"}
            and _all(classes, int, lambda index: 0 <= index < most)
            and _all(chances, int | float, lambda chance: 0 <= chance <= 1)
            and len(classes) == len(set(classes)) == len(chances)
            and (len(classes) == count if self._classes else 1 <= len(classes) <= count)
            and chances == sorted(chances, reverse=True)
            and sum(chances) <= 1 + _ROUNDED
            and (names is None or (_all(names, str) and len(names) == len(classes)))
        )
        if not right:
            raise TaskError(
                f"no ranking of {self._classes or 'some'} classes: {count} classes, best first, "
                "and their probabilities expected"
            )

    def lines(self, prediction: Prediction) -> list[str]:
        """A class a line, with its probability."""
        names = prediction.get("names") or [f"class {i}" for i in prediction["classes"]]
        pairs = zip(names, prediction["probabilities"], strict=True)
        return [f"{name} {100 * chance:.0f} %" for name, chance in pairs]


def _all(values: Any, kind: Any, right: Callable[[Any], bool] = lambda value: True) -> bool:
    """Whether it is a list, and all of it of one kind and right; true and false are no numbers."""
    return isinstance(values, list) and all(
        isinstance(value, kind) and not isinstance(value, bool) and right(value) for value in values
    )


def class_names(model: Described) -> list[str]:
    """The names of a network's classes in order; empty where nobody knows them.

    They are the network's own `classes` where it says as many as it has. Another network of a
    thousand is taken for one of ImageNet-1k, whose names timm carries. A user's own file may hold
    anything, and has no other names here.
    """
    shapes = model.output_shapes
    if [shape[1:] for shape in shapes] == [(len(model.classes),)]:
        return list(model.classes)
    if shapes != ((1, IMAGENET_CLASSES),) or ".py:" in model.name:
        return []
    from timm.data.imagenet_info import ImageNetInfo

    known = ImageNetInfo()
    return [known.index_to_description(i).split(",")[0] for i in range(IMAGENET_CLASSES)]


def _row(output: Output) -> NDArray[np.float32]:
    (logits,) = tensors(output)
    return np.asarray(array(logits)[0], np.float32)


def _log_softmax(logits: ArrayLike) -> Floats:
    x = np.asarray(logits, dtype=np.float64)
    x = x - np.max(x, axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True)))
