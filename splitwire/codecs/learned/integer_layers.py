"""Convolutions in integers, so that a network computes the same bits everywhere.

Weights and biases are integers, and activations are rounded to integers between layers ("integer
networks", J. Ballé, N. Johnston, D. Minnen, ICLR 2019). Sums of their products stay below 2**53,
where float64 rounds nothing: BLAS may add them in any order, on any number of threads and with any
instruction set. What is left, a multiplication and a rounding of each number, IEEE 754 fixes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]  # float64, or float32

LARGEST = 2**15 - 1  # of an activation
_MOST_TERMS = 1 << 20  # of a sum: 7 + 15 + 20 bits, below 53 with any bias of 31
_KINDS = {"weight": "i1", "bias": "i4", "scale": "f4", "form": "i4"}


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, zeros around, then perhaps a rectifier and a pixel shuffle.

        y = clip(rint((weight * x + bias) scale), low, 32767)    low: 0 if rectified, or -32767

    Attributes:
        weight: int8 (O, I, K, K), K odd.
        bias: int32 (O,).
        scale: float32 (O,), from sums to the integers of the next layer.
        form: int32 (3,): the stride; 1 if rectified, or 0; and r, where groups of r * r channels
            become one of r times the height and the width (r = 1 leaves them).
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    scale: NDArray[np.float32]
    form: NDArray[np.int32]
    _made: dict[np.dtype[Any], list[Numbers]] = field(default_factory=dict)

    def __call__(self, x: Numbers) -> Numbers:
        """What it makes of integers (I, H, W): integers too, exact in float64.

        In float32, which is twice as fast, sums are rounded: good enough for an encoder.
        """
        stride, rectified, shuffle = (int(n) for n in self.form)
        windows = _windows(x, self.weight.shape[-1], stride)
        height, width = windows.shape[1:]
        weight, bias, scale = self._numbers(x.dtype)
        y = weight @ windows.reshape(len(windows), -1)
        y += bias
        y *= scale
        np.clip(np.rint(y, out=y), 0 if rectified else -LARGEST, LARGEST, out=y)
        parts = y.reshape(-1, shuffle, shuffle, height, width).transpose(0, 3, 1, 4, 2)
        return parts.reshape(-1, height * shuffle, width * shuffle)

    def _numbers(self, dtype: np.dtype[Any]) -> list[Numbers]:
        if dtype not in self._made:
            arrays = (
                self.weight.reshape(len(self.weight), -1),
                self.bias[:, None],
                self.scale[:, None],
            )
            self._made[dtype] = [array.astype(dtype) for array in arrays]
        return self._made[dtype]

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


def _windows(x: Numbers, size: int, stride: int) -> Numbers:
    """The places (I size size, H, W) that each place of a convolution looks at."""
    if size == stride == 1:
        return x
    channels, height, width = x.shape
    rim = size // 2
    padded = np.zeros((channels, height + 2 * rim, width + 2 * rim), x.dtype)
    padded[:, rim : rim + height, rim : rim + width] = x
    rows, columns = -(-height // stride), -(-width // stride)
    windows = np.empty((channels, size, size, rows, columns), x.dtype)
    for i in range(size):
        for j in range(size):
            windows[:, i, j] = padded[:, i : i + height : stride, j : j + width : stride]
    return windows.reshape(-1, rows, columns)


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
