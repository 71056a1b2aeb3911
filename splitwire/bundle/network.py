"""A network as its bundle describes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.bundle.manifest import Manifest
from splitwire.bundle.steps import preprocess_of
from splitwire.bundle.structure import filled
from splitwire.models.preprocess import Preprocess


@dataclass(frozen=True, eq=False)
class Network:
    """What a manifest says of the network, as tasks and handshakes ask for it."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """What `load_model` takes."""
        return self.manifest.network

    @property
    def digest(self) -> str:
        """What tells the network and its weights from any other."""
        return self.manifest.digest

    @cached_property
    def preprocess(self) -> Preprocess:
        """How it wants its pictures."""
        return preprocess_of(self.manifest.preprocess)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, 3, H, W)."""
        return self.manifest.input.shape

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the tensors that it gives, in order."""
        return tuple(output.shape for output in self.manifest.outputs)

    @property
    def classes(self) -> tuple[str, ...]:
        """What its classes or points are called."""
        return self.manifest.labels

    @property
    def strides(self) -> tuple[int, ...]:
        """The sides of a detector's cells, in pixels."""
        return self.manifest.strides

    def structured(self, flat: Iterable[NDArray[np.generic]]) -> Any:
        """Its output, made of that output's arrays in order, which may have lost their types."""
        pairs = zip(flat, self.manifest.outputs, strict=True)
        arrays = [array.reshape(said.shape).astype(said.dtype, copy=False) for array, said in pairs]
        return filled(self.manifest.output, arrays)
