"""Convolutions in integers, so that a network computes the same bits everywhere.

Weights and biases are integers, and activations are rounded to integers between layers ("integer
networks", J. Ballé, N. Johnston, D. Minnen, ICLR 2019). Sums of their products stay below 2**53,
where float64 rounds nothing: BLAS may add them in any order, on any number of threads and with any
instruction set. What is left, a multiplication and a rounding of each number, IEEE 754 fixes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from splitwire.codecs.transform import Floats

LARGEST = 2**15 - 1  # of weights and activations
_MOST_TERMS = 1 << 20  # of a sum: 15 + 15 + 20 bits, below 53 with any bias of 31
_KINDS = {"weight": "i2", "bias": "i4", "scale": "f4", "form": "i4"}


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, zeros around, then perhaps a rectifier and a pixel shuffle.

        y = clip(rint((weight * x + bias) scale), low, 32767)    low: 0 if rectified, or -32767

    Attributes:
        weight: int16 (O, I, K, K), K odd.
        bias: int32 (O,).
        scale: float32 (O,), from sums to the integers of the next layer.
        form: int32 (3,): the stride; 1 if rectified, or 0; and r, where groups of r * r channels
            become one of r times the height and the width (r = 1 leaves them).
    """

    weight: NDArray[np.int16]
    bias: NDArray[np.int32]
    scale: NDArray[np.float32]
    form: NDArray[np.int32]

    def __call__(self, x: Floats) -> Floats:
        """What it makes of integers (I, H, W): integers too, both in float64."""
        stride, rectified, shuffle = (int(n) for n in self.form)
        size = self.weight.shape[-1]
        rim = (size // 2, size // 2)
        windows = sliding_window_view(np.pad(x, ((0, 0), rim, rim)), (size, size), (1, 2))
        windows = windows[:, ::stride, ::stride].transpose(0, 3, 4, 1, 2)
        height, width = windows.shape[3:]
        weight, bias, scale = self._floats
        y = weight @ windows.reshape(weight.shape[1], -1)
        y += bias
        y *= scale
        np.clip(np.rint(y, out=y), 0 if rectified else -LARGEST, LARGEST, out=y)
        parts = y.reshape(-1, shuffle, shuffle, height, width).transpose(0, 3, 1, 4, 2)
        return parts.reshape(-1, height * shuffle, width * shuffle)

    @cached_property
    def _floats(self) -> tuple[Floats, Floats, Floats]:
        weight = self.weight.reshape(len(self.weight), -1).astype(np.float64)
        bias, scale = (a.astype(np.float64)[:, None] for a in (self.bias, self.scale))
        return weight, bias, scale

    @property
    def macs(self) -> int:
        """Multiply-accumulates for each place of the output, before any shuffle."""
        return self.weight.size

    def is_sound(self) -> bool:
        """Whether its arrays fit together and its sums are exact."""
        shape = self.weight.shape
        fits = len(shape) == 4 and shape[2] == shape[3] and shape[2] % 2 == 1
        fits = fits and self.bias.shape == self.scale.shape == shape[:1] and self.weight.size > 0
        fits = fits and self.form.shape == (3,) and shape[1] * shape[2] ** 2 <= _MOST_TERMS
        if not fits or not np.isfinite(self.scale).all():
            return False
        stride, rectified, shuffle = (int(n) for n in self.form)
        return (
            1 <= stride <= 4
            and rectified in (0, 1)
            and shuffle in (1, 2, 4)
            and (shape[0] % shuffle**2 == 0)
        )


def layers_of(arrays: Mapping[str, NDArray[Any]], name: str) -> list[Layer]:
    """The layers whose arrays are called NAME.0.weight, NAME.0.bias, ..., NAME.1.weight, ...

    Raises:
        ValueError: one lacks an array, or holds what is no layer.
    """
    layers = []
    for number in takewhile(lambda n: f"{name}.{n}.weight" in arrays, count()):
        parts = {key: arrays.get(f"{name}.{number}.{key}") for key in _KINDS}
        kinds = {k: None if a is None else a.dtype.str.lstrip("<|") for k, a in parts.items()}
        layer = Layer(**parts) if kinds == _KINDS else None  # type: ignore[arg-type]
        if layer is None or not layer.is_sound():
            raise ValueError(f"{name}.{number} is no layer")
        layers.append(layer)
    return layers
