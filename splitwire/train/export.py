"""From trained convolutions to the integers of a profile (codecs/learned/integer_network.py).

Weights get 8 bits, with a scale for each output channel; activations get 16, and room for twice
the largest that the given features make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from splitwire.codecs.learned.integer_layers import LARGEST
from splitwire.codecs.learned.integer_network import SLOPE, SUM
from splitwire.errors import TrainingError
from splitwire.train.architecture import QUALITIES

_ROOM = 2.0
_HEAVIEST = 127  # of a weight

Arrays = dict[str, NDArray[Any]]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Exported:
    """What `export` takes of a network beside its branches.

    Attributes:
        branches: sequences of Conv2d (zeros around, half its odd size), ReLU and PixelShuffle.
        inputs: batches that the branches see, (B, C + 1, H, W), the plane of qualities last.
        mean: of each channel, taken away before; (C,).
        before: from the channels to what the branches were trained to see, (C, C), if anything.
        after: from what the branches give to the channels, likewise.
        offset: added to what the branches give, to each channel.
        adding: how outputs of branches add up; see codecs/learned/integer_network.py.
    """

    branches: Sequence[nn.Sequential]
    inputs: Sequence[Tensor]
    mean: Matrix
    before: Matrix | None = None
    after: Matrix | None = None
    offset: Matrix | None = None
    adding: int = SUM


def export(name: str, network: Exported) -> Arrays:
    """The arrays of a network by their names in a profile.

    Raises:
        TrainingError: a branch holds a layer that has no counterpart.
    """
    folded = [_folded(branch, network.before, network.after) for branch in network.branches]
    if network.offset is not None:
        last = folded[0][-1]
        last.bias += torch.tensor(network.offset).repeat_interleave(last.shuffle**2)
    inputs = [_unmixed(x.double(), network.before) for x in network.inputs]
    coarse = _unit(max(float(x[:, :-1].abs().max()) for x in inputs))
    runs = [_run(branch, inputs) for branch in folded]
    fine = max(_unit(peaks[-1]) for _, peaks in runs)
    arrays: Arrays = {
        f"{name}.mean": network.mean.astype(np.float32),
        f"{name}.units": np.array([coarse, fine], np.float32),
        f"{name}.residual": np.array([network.adding], np.uint8),
    }
    for number, (layers, peaks) in enumerate(runs):
        units = [float(np.float32(coarse)), *map(_unit, peaks[:-1]), float(np.float32(fine))]
        for at, layer in enumerate(layers):
            parts = _integers(layer, units[at], units[at + 1], first=not at)
            arrays |= {f"{name}.{number}.{at}.{key}": part for key, part in parts.items()}
    return arrays


@dataclass
class _Layer:
    """A convolution with what follows it, in float64."""

    weight: Tensor
    bias: Tensor
    stride: int
    rectified: bool = False
    shuffle: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        size = self.weight.shape[-1]
        y = torch.nn.functional.conv2d(x, self.weight, self.bias, self.stride, size // 2)
        y = y.relu() if self.rectified else y
        return torch.nn.functional.pixel_shuffle(y, self.shuffle)


def _folded(branch: nn.Sequential, before: Matrix | None, after: Matrix | None) -> list[_Layer]:
    layers: list[_Layer] = []
    for module in branch:
        if isinstance(module, nn.Conv2d) and _is_plain(module):
            assert module.bias is not None
            weight, bias = module.weight.detach().double(), module.bias.detach().double()
            layers.append(_Layer(weight.cpu(), bias.cpu(), module.stride[0]))
        elif isinstance(module, nn.ReLU) and layers:
            layers[-1].rectified = True
        elif isinstance(module, nn.PixelShuffle) and layers:
            layers[-1].shuffle = module.upscale_factor
        else:
            raise TrainingError(f"{module} has no counterpart in integers")
    if before is not None:
        first = layers[0]
        seen = torch.einsum("okhw,kc->ochw", first.weight[:, :-1], torch.tensor(before))
        first.weight = torch.cat([seen, first.weight[:, -1:]], 1)
    if after is not None:
        last, matrix = layers[-1], torch.tensor(after)
        parts = last.weight.reshape(len(after), -1, *last.weight.shape[1:])
        last.weight = torch.einsum("ck,ksihw->csihw", matrix, parts).flatten(0, 1)
        last.bias = (matrix @ last.bias.reshape(len(after), -1)).flatten()
    return layers


def _is_plain(module: nn.Conv2d) -> bool:
    size, stride = module.kernel_size, module.stride
    padded = module.padding == (size[0] // 2, size[0] // 2) and module.padding_mode == "zeros"
    square = size[0] == size[1] and size[0] % 2 == 1 and stride[0] == stride[1]
    return padded and square and module.groups == 1 and module.dilation == (1, 1)


def _unmixed(x: Tensor, before: Matrix | None) -> Tensor:
    """What the branches saw, as channels again."""
    if before is None:
        return x
    back = torch.einsum("ck,bkhw->bchw", torch.tensor(np.linalg.inv(before)), x[:, :-1])
    return torch.cat([back, x[:, -1:]], 1)


def _run(layers: list[_Layer], inputs: Sequence[Tensor]) -> tuple[list[_Layer], list[float]]:
    """The layers, and the largest magnitude behind each."""
    peaks = [0.0] * len(layers)
    for x in inputs:
        for at, layer in enumerate(layers):
            x = layer(x)
            peaks[at] = max(peaks[at], float(x.abs().max()))
    return layers, peaks


def _unit(peak: float) -> float:
    return max(_ROOM * peak, 1e-12) / LARGEST


def _integers(layer: _Layer, before: float, after: float, first: bool) -> Mapping[str, Any]:
    weight = layer.weight.numpy().copy()
    if first:  # the plane of qualities comes in a unit of its own
        weight[:, -1] *= 1 / (QUALITIES * SLOPE) / before
    bias = layer.bias.numpy() / before
    unit = np.maximum(np.abs(weight).max((1, 2, 3)) / _HEAVIEST, np.abs(bias) / (2**31 - 1))
    unit = np.maximum(unit, 1e-30)
    return {
        "weight": np.rint(weight / unit[:, None, None, None]).astype(np.int8),
        "bias": np.rint(bias / unit).astype(np.int32),
        "scale": (unit * before / after).astype(np.float32),
        "form": np.array([layer.stride, layer.rectified, layer.shuffle], np.int32),
    }
