"""Networks of several inputs: tensors by name, which travel as one.

    an .npz file: left, right ─▶ one vector, float32 (N,) ─▶ network(left=..., right=...)

So its graph has one input, as that of a network on pictures has, and a cut sends what is used
behind it: of an input that the cloud alone uses, its part of the vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from splitwire.errors import DataError, ModelError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Inputs:
    """What a network takes: float32 tensors by the names of its arguments.

    Args:
        shapes: of each, without the batch dimension; a number alone is of shape (1,).

    Raises:
        ModelError: no tensors, or a shape that none has.
    """

    held: ClassVar[type[np.generic]] = np.float32
    """As what tensors can be kept."""
    shapes: Mapping[str, Shape]

    def __post_init__(self) -> None:
        shapes = list(self.shapes.values())
        if not shapes or not all(isinstance(s, tuple) and s and min(s) > 0 for s in shapes):
            raise ModelError(
                "inputs are names with shapes of at least one number, as (3, 224, 224) or (1,), "
                f"not {dict(self.shapes)}"
            )

    @property
    def shape(self) -> Shape:
        """Of what the network takes: all their numbers, (N,)."""
        return (sum(map(prod, self.shapes.values())),)

    def picture(self, arrays: object, view: int = 0) -> NDArray[np.float32]:
        """The tensors of one example as one vector, float32 (N,), in the order of `shapes`.

        Args:
            arrays: by name; others than those that are wanted are passed over.
            view: 0: there are no others.

        Raises:
            DataError: a tensor is missing, of another shape or not of real numbers, or there is
                another view asked for.
        """
        if view:
            raise DataError("tensors are seen in one view: leave `views` at 1")
        if not isinstance(arrays, Mapping):
            raise DataError(f"a picture, and the network takes tensors: give .npz files of {self}")
        for name, shape in self.shapes.items():
            found = np.shape(arrays[name]) if name in arrays else "none"
            if found != shape:
                raise DataError(f"{name} is {found}, and {shape} is wanted: .npz files of {self}")
        return np.concatenate([_numbers(name, arrays[name]) for name in self.shapes])

    def __str__(self) -> str:
        return ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())


def _numbers(name: str, given: object) -> NDArray[np.float32]:
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} holds {array.dtype}: save real numbers, as float32")
    if np.isnan(array).any():
        raise DataError(f"{name} holds NaN: look for what makes them, or take the file out")
    return array.astype(np.float32).ravel()
