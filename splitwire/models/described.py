"""What is known of a network without running it; without torch where a bundle says it."""

from collections.abc import Iterable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from splitwire.models.inputs import Inputs
from splitwire.models.preprocess import Preprocess

Precision = Literal["float32", "bf16", "fp16"]
"""What halves of networks compute in."""


class Described(Protocol):
    """A `Model`, or what a bundle tells of one."""

    @property
    def name(self) -> str:
        """What `load_model` takes."""

    @property
    def digest(self) -> str:
        """What tells the network and its weights from any other."""

    @property
    def preprocess(self) -> Preprocess | Inputs:
        """How it wants its pictures, or its tensors by name."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, 3, H, W)."""

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the tensors that it gives, in the order in which its output holds them."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What its classes or points are called, in order; empty where it does not say."""

    @property
    def strides(self) -> tuple[int, ...]:
        """The sides of a detector's cells, in pixels; empty where it does not say."""

    def structured(self, flat: Iterable[NDArray[np.generic]]) -> Any:
        """Its output, made of that output's tensors in order."""
