"""What an edge needs of a network in two halves, whatever runs them: torch or ONNX Runtime."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from splitwire.models.described import Described


class Crosses(Protocol):
    """A tensor that goes from the edge to the cloud."""

    @property
    def name(self) -> str:
        """Of the operation that makes it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """With the batch dimension of 1."""

    @property
    def elements(self) -> int:
        """How many numbers it holds."""


class Halves(Protocol):
    """A `Split`, or the halves in a bundle."""

    @property
    def model(self) -> Described:
        """The network."""

    @property
    def at(self) -> str:
        """The cut point."""

    @property
    def crossings(self) -> Sequence[Crosses]:
        """What crosses, in order."""

    @property
    def shapes(self) -> list[list[int]]:
        """The shapes of what crosses, without the batch, as a handshake says them."""

    def start(self, picture: NDArray[np.float32]) -> Sequence[Any]:
        """The first half: what crosses, of pixels float32 (3, H, W), 0 to 255."""

    def finish(self, features: Sequence[Any]) -> Any:
        """The second half: the network's output, of what `start` gave."""
