"""What can be trained: architectures, found by name, and what each of them is.

An architecture is a function from what calibration found (`Start`) to a `Trainable`;
docs/learned.md adds one in a few lines.
"""

import runpy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.codecs.ftc.sensitivity import Learnt
from splitwire.codecs.ftc.steps import MIDDLE
from splitwire.codecs.learned.integer_network import TRAINED
from splitwire.errors import TrainingError, did_you_mean

BUILTIN = ("transform", "factorised", "hyperprior")
QUALITIES = 16.0  # in a unit of the plane that networks see

_registered: dict[str, "Architecture"] = {}


@dataclass(frozen=True, eq=False)
class Start:
    """What training starts from.

    Attributes:
        shape: (C, H, W) of the feature tensor.
        learnt: what calibration of `ftc` learnt of some of the training features.
        level: the step of the middle quality that calibration chose, in eighths of an octave.
    """

    shape: tuple[int, int, int]
    learnt: Learnt
    level: int


class Trainable(nn.Module, ABC):
    """A codec of feature tensors that gradients run through."""

    @abstractmethod
    def forward(self, x: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded features (B, C, H, W) and the bits of each tensor (B,), at qualities (B,).

        Qualities are whole numbers. In evaluation mode everything is rounded as the codec rounds
        it, but for its networks' integers; in training mode noise may stand for that.
        """

    @abstractmethod
    def arrays(self, features: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
        """The arrays of its profile, given batches of training features to take statistics of."""

    def groups(self) -> list[dict[str, Any]]:
        """Its parameters for the optimiser, with the rate of each relative to the usual one."""
        return [{"params": list(self.parameters()), "scale": 1.0}]


Architecture = Callable[[Start], Trainable]


def register_architecture(name: str) -> Callable[[Architecture], Architecture]:
    """Decorator: make an architecture known by a name.

    Raises:
        TrainingError: the name is another's.
    """

    def register(made: Architecture) -> Architecture:
        taken = _registered.get(name, made)
        if (taken.__module__, taken.__qualname__) != (made.__module__, made.__qualname__):
            raise TrainingError(f"the architecture {name!r} is {taken.__module__}'s")
        _registered[name] = made
        return made

    return register


def architecture(name: str) -> Architecture:
    """The architecture of that name; "path/to/file.py:NAME" runs the file first.

    Raises:
        TrainingError: there is none, and the message lists what there is; or no such file.
    """
    for module in BUILTIN:
        import_module(f"splitwire.train.{module}")
    path, colon, rest = name.rpartition(":")
    if colon:
        try:
            runpy.run_path(path)
        except OSError as error:
            raise TrainingError(f"cannot read the architecture {path}: {error}") from error
        name = rest
    if name not in _registered:
        hint, known = did_you_mean(name, _registered), ", ".join(_registered)
        raise TrainingError(f"unknown architecture {name!r}{hint}; there are: {known}")
    return _registered[name]


def straight_through(x: Tensor) -> Tensor:
    """Rounded numbers, with the gradient of numbers that were not."""
    return x + (x.round() - x).detach()


def noisy(x: Tensor) -> Tensor:
    """Numbers with the noise that rounding is like (J. Ballé et al., ICLR 2017)."""
    return x + torch.rand_like(x) - 0.5


def plane_of(quality: Tensor) -> Tensor:
    """What networks see of qualities (B,): (B, 1, 1, 1), about 0."""
    return ((quality - MIDDLE) / QUALITIES)[:, None, None, None]


def step_at(plane: Tensor) -> Tensor:
    """The step of the quality that a plane tells, in those of the middle quality."""
    return torch.exp2(-QUALITIES / 8 * plane)


def with_plane(x: Tensor, plane: Tensor) -> Tensor:
    """A tensor with one more channel, of a constant of each picture's."""
    return torch.cat([x, plane.expand(len(x), 1, *x.shape[2:])], 1)


def spread(x: Tensor) -> Tensor:
    """Planes for a batch, of qualities over the whole range that networks are trained for."""
    return plane_of(torch.linspace(*TRAINED, len(x), device=x.device))


def tensor(array: NDArray[Any]) -> Tensor:
    """A float32 tensor of numbers."""
    return torch.tensor(np.asarray(array), dtype=torch.float32)
