"""The contract of a task, on one page: what a network's output means.

An output is whatever the network returns for one picture: any structure of tensors, each with its
batch dimension of 1. A task says whether an output is one of its kind, how far one strays from
another, how likely the network holds what it says, and what a reader is shown of it.

docs/adding-a-task.md writes a whole task in thirty lines.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from splitwire.errors import TaskError
from splitwire.models.arrays import array, is_floating, is_tensor, leaves
from splitwire.models.described import Described
from splitwire.tasks.metric import Metric

if TYPE_CHECKING:  # predictions are made without it
    import torch

Output = Any
Prediction = dict[str, Any]

_LINE = 15  # pixels that a line of words takes under a picture


class Task(ABC):
    """What the output of a network means.

    Attributes:
        name: what experiments and handshakes call it.
        unit: of the divergence.
        fidelity: divergence within which an output counts as kept, unless told otherwise; `ftc`
            and `learned` lose about that at quality 50.
        metrics: what else is told of each output; the first without truth and the first by truth
            are those that a narrow table and the figures show.
        draws: whether `draw` draws on the picture itself, so that the best and the worst picture of
            each codec are worth a look.
    """

    name: ClassVar[str]
    unit: ClassVar[str] = "nats"
    fidelity: ClassVar[float] = 0.05
    draws: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = ()

    @classmethod
    def of(cls, model: Described) -> Self:
        """The task for one network, which may tell it what its outputs are called."""
        return cls()

    @abstractmethod
    def check(self, output: Output) -> None:
        """Refuse what is no output of this task.

        Raises:
            TaskError: what was expected, and what was given.
        """

    def check_label(self, output: Output, label: Any) -> None:  # noqa: B027
        """Refuse a label that outputs of this form can never be right about.

        Args:
            output: any of the network's.
            label: what a data set says of a picture: a class's index, or an annotation.

        Raises:
            TaskError: what labels there can be.
        """

    @abstractmethod
    def divergence(self, reference: Output, output: Output) -> float:
        """How far an output is from the uncompressed network's, at least 0, in `unit`.

        Where the network gives a distribution it is Kullback and Leibler's, in nats.
        """

    @abstractmethod
    def log_likelihood(self, output: Output, random: np.random.Generator) -> "torch.Tensor":
        """The log-likelihood (nats) of a label drawn from the network's own distribution.

        Args:
            output: of the network, with a gradient.
            random: what to draw with.

        Returns:
            A tensor of one number that can be differentiated: the outer products of its gradients
            have the Fisher information as their mean, which is what codecs are calibrated on.
        """

    def statistics(self, reference: Output, output: Output, truth: Any) -> dict[str, Any]:
        """What each of the task's metrics notes of one picture, None where it is nothing.

        A task whose metrics judge what is made of outputs makes it here, once for all of them.
        """
        return {m.name: m.measure(reference, output, truth) for m in self.metrics}

    @abstractmethod
    def predict(self, output: Output) -> Prediction:
        """What an answer carries and a reader is shown: values that JSON has, by name."""

    def check_prediction(self, prediction: Prediction) -> None:  # noqa: B027
        """Refuse what `predict` never tells: it may have come from a cloud that cannot be trusted.

        That its numbers are finite and its words printable is seen to already.

        Raises:
            TaskError: what was expected, and what was told.
        """

    def lines(self, prediction: Prediction) -> list[str]:
        """A prediction in words, a line each."""
        return [f"{name}: {_short(value)}" for name, value in prediction.items()]

    def draw(self, picture: Image.Image, prediction: Prediction) -> Image.Image:
        """A picture with a prediction drawn on it; without a better idea, its lines below it."""
        lines = self.lines(prediction)
        drawn = Image.new("RGB", (picture.width, picture.height + _LINE * len(lines) + 4), "white")
        drawn.paste(picture)
        pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(12)
        for at, line in enumerate(lines):
            pen.text((3, picture.height + 2 + _LINE * at), line, fill="black", font=font)
        return drawn

    def checked(self, output: Output) -> Output:
        """An output that is one of this task's, and holds no NaN.

        Raises:
            TaskError: it is not, or does.
        """
        self.check(output)
        if any(is_floating(t) and np.isnan(array(t)).any() for t in tensors(output)):
            raise TaskError("the network's output holds NaN")
        return output


def tensors(output: Output) -> list[Any]:
    """The tensors of an output, or its arrays, in the order in which its structure holds them."""
    return [leaf for leaf in leaves(output) if is_tensor(leaf)]


def described(output: Output) -> str:
    """What an output is made of, for an error: "Tensor 1×1000", or "dict of 1×1, 1×1"."""
    shapes = ", ".join("×".join(map(str, t.shape)) for t in tensors(output))
    kind = type(output).__name__
    return f"{kind} {shapes}" if is_tensor(output) else f"{kind} of {shapes}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return str(value)
