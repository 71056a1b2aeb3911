"""Embedding: numbers of which the direction is what counts: a vector, or a backbone's maps."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_floating
from splitwire.models.described import Described
from splitwire.tasks.base import Output, Prediction, Task, described, tensors
from splitwire.tasks.metric import Metric, mean

if TYPE_CHECKING:  # predictions are made without it
    import torch

Floats = NDArray[np.float64]


def _cosine(reference: Output, output: Output, truth: Any) -> float:
    return float((_direction(_whole(reference)) * _direction(_whole(output))).sum())


def _pair(reference: Output, output: Output, truth: Any) -> list[str]:
    """Both directions, float16 in base64: ten times less than their numbers in words."""
    halves = (_direction(_pooled(x))[0].astype("<f2") for x in (reference, output))
    return [b64encode(half.tobytes()).decode() for half in halves]


def retrieval(statistics: Sequence[list[str]], weights: Floats) -> Floats:
    """The share of pictures whose nearest other picture stays the same, under weights (n pictures).

    Each picture is looked up among the uncompressed embeddings of all others, whatever the weights:
    these say how often it is asked for. NaN where there are fewer than three pictures, since the
    nearest of one other tells nothing.
    """
    if len(statistics) < 3:
        return np.full(len(weights), np.nan)
    kept, coded = (
        np.stack(
            [np.frombuffer(b64decode(pair[i]), "<f2").astype(np.float64) for pair in statistics]
        )
        for i in range(2)
    )
    alone = np.where(np.eye(len(kept), dtype=bool), -np.inf, 0.0)
    nearest = [(asked @ kept.T + alone).argmax(1) for asked in (kept, coded)]
    return mean((nearest[0] == nearest[1]).tolist(), weights)


class Embedding(Task):
    """A vector (1, numbers), or a backbone's maps in any structure, compared by the angle.

    All numbers of all tensors count as one vector. What is looked up and told is what is left of
    it when maps (1, channels, H, W) and sequences (1, tokens, channels) are averaged over places.

    What it says of a picture is taken for a normal distribution about the vector's direction, of
    deviation 1 in each number. The divergence of two of these is half the squared distance of the
    directions, which is 1 − the cosine of their angle: 0 to 2.

    Args:
        numbers: how many the averaged vector has; None where nobody knows.
    """

    name: ClassVar[str] = "embedding"
    unit: ClassVar[str] = "1 − cosine"
    fidelity: ClassVar[float] = 0.01
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("cosine", "cosine of the angle with the uncompressed network's vector", _cosine),
        Metric(
            "nearest",
            "pictures whose nearest other picture, by the uncompressed vectors, stays the same",
            _pair,
            retrieval,
            share=True,
        ),
    )

    def __init__(self, numbers: int | None = None) -> None:
        self._numbers = numbers

    @classmethod
    def of(cls, model: Described) -> Self:
        """With the length of the network's vector, averaged over places."""
        known = [shape for shape in model.output_shapes if len(shape) > 1]
        return cls(sum(shape[2] if len(shape) == 3 else shape[1] for shape in known))

    def check(self, output: Output) -> None:
        """Refuse what holds no two floats, or is of more pictures than one."""
        found = tensors(output)
        right = all(is_floating(t) and t.ndim > 1 and t.shape[0] == 1 for t in found)
        if not right or sum(prod(t.shape[1:]) for t in found) < 2:
            raise TaskError(
                f"an embedding is floats, 1×numbers or maps 1×…, and not {described(output)}: name "
                "the task that fits (--task), or write one (docs/adding-a-task.md)"
            )

    def check_label(self, output: Output, label: Any) -> None:
        """Take any: an embedding is judged by the uncompressed network's alone."""

    def divergence(self, reference: Output, output: Output) -> float:
        """1 − the cosine of the angle between the two vectors; one of zeros is at 1 from others."""
        a, b = _direction(_whole(reference)), _direction(_whole(output))
        return float(np.square(a - b).sum() / 2)

    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """That of a point drawn about the vector's direction, less a constant."""
        import torch
        from torch.nn import functional as F

        direction = F.normalize(torch.cat([tensor.flatten(1) for tensor in tensors(output)], 1))
        noise = torch.from_numpy(random.standard_normal(tuple(direction.shape))).to(direction)
        return -(direction.detach() + noise - direction).square().sum() / 2

    def predict(self, output: Output) -> Prediction:
        """The vector itself, averaged over places: `{"vector": [0.25, ...]}`."""
        return {"vector": [float(f"{v:.5g}") for v in _pooled(output)[0].tolist()]}

    def check_prediction(self, prediction: Prediction) -> None:
        """Refuse what is no vector of the network's length."""
        vector = prediction.get("vector")
        right = prediction.keys() == {"vector"} and isinstance(vector, list) and len(vector) > 1
        right = right and all(type(value) in (int, float) for value in vector or [])
        if not right or (self._numbers and len(vector or []) != self._numbers):
            raise TaskError(f"no embedding: a vector of {self._numbers or 'some'} numbers expected")

    def lines(self, prediction: Prediction) -> list[str]:
        """The vector's length and its first numbers."""
        vector = prediction["vector"]
        first = ", ".join(f"{value:.3g}" for value in vector[:4])
        return [f"{len(vector)} numbers of norm {np.linalg.norm(vector):.4g}", f"{first}, …"]


def _whole(output: Output) -> Floats:
    """All numbers, (1, numbers)."""
    return np.concatenate([_double(tensor).reshape(1, -1) for tensor in tensors(output)], 1)


def _pooled(output: Output) -> Floats:
    """The means over places of maps and sequences, (1, numbers)."""
    return np.concatenate([_over_places(_double(tensor)) for tensor in tensors(output)], 1)


def _over_places(numbers: Floats) -> Floats:
    """(1, channels, ...) of maps, (1, tokens, channels), or (1, numbers) to (1, numbers)."""
    if numbers.ndim == 3:
        return np.asarray(numbers.mean(1))
    return np.asarray(numbers.mean(tuple(range(2, numbers.ndim))) if numbers.ndim > 3 else numbers)


def _double(tensor: Any) -> Floats:
    return array(tensor).astype(np.float64)


def _direction(vector: Floats) -> Floats:
    """The vector over its norm, (1, numbers); zeros stay zeros."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))
