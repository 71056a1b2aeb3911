"""Loading a network by name, with the weights and the preprocessing that belong to it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.utils import _pytree as pytree

from splitwire.disk import write_whole
from splitwire.models import sources
from splitwire.models.device import CPU, Device
from splitwire.models.exactness import noise, repeated
from splitwire.models.graph import NetGraph
from splitwire.models.inputs import Inputs
from splitwire.models.named import Named
from splitwire.models.normalised import Normalised
from splitwire.models.preprocess import Preprocess
from splitwire.models.trace import trace
from splitwire.models.weights import GIVEN, UNTRAINED, Weights, check_numbers, fill


@dataclass(frozen=True, eq=False)
class Model:
    """A network that takes pixels, frozen and in evaluation mode.

    `module` takes float32 pixels 0 to 255 of `input_shape` (1, 3, H, W) and normalises them itself;
    `preprocess` makes such pixels of a photo, or of tensors by name the one that a network of
    several inputs takes, (1, N); `weights` says where the weights come from, `device`
    where it runs.
    """

    name: str
    module: nn.Module
    preprocess: Preprocess | Inputs
    input_shape: tuple[int, ...]
    weights: Weights = GIVEN
    device: Device = CPU

    def on(self, device: Device) -> "Model":
        """The same network on a device, to which its weights move."""
        return replace(self, module=self.module.to(device.name), device=device)

    @property
    def network(self) -> nn.Module:
        """The network itself, on normalised pixels, with whatever attributes its author gave it."""
        assert isinstance(self.module, Normalised | Named)
        return self.module.network

    @property
    def classes(self) -> tuple[str, ...]:
        """What the network's own `classes` says its classes or points are called, in order.

        Empty where it has none.
        """
        return tuple(getattr(self.network, "classes", ()))

    @property
    def strides(self) -> tuple[int, ...]:
        """The sides of a detector's cells in pixels, as the network's own `strides` has them."""
        return tuple(getattr(self.network, "strides", ()))

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the tensors that it gives, in the order in which its output holds them."""
        return tuple(tuple(node.meta["val"].shape) for node in self.graph.outputs)

    def structured(self, flat: Iterable[NDArray[np.generic]]) -> Any:
        """Its output, made of that output's tensors in order, which may have lost their types."""
        leaves, graph = iter(flat), self.graph
        filled = [
            _as_leaf(next(leaves), node) if isinstance(node, fx.Node) else node
            for node in graph.results
        ]
        return pytree.tree_unflatten(filled, graph.structure)

    def __call__(self, x: torch.Tensor) -> Any:
        """The network's output (any structure of tensors) for pixels float32 (1, 3, H, W).

        In float32, whatever the precision of its halves.
        """
        return self.device.bring(self.module(self.device.put(x)))

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that tell this network and its weights from any other.

        The head of the SHA-256 of the name and of each tensor's name, type, shape and bytes.
        """
        sha = hashlib.sha256(self.name.encode())
        for key, value in self.module.state_dict().items():
            sha.update(f"\n{key} {value.dtype} {tuple(value.shape)}\n".encode())
            sha.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return sha.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the weights (.safetensors), as `load_model` takes them.

        Raises:
            StorageError: they cannot be written.
        """
        state = self.network.state_dict()
        copies = {name: value.clone() for name, value in state.items()}
        write_whole(path, safetensors.torch.save(copies))

    @cached_property
    def graph(self) -> NetGraph:
        """The exported graph that cuts are made in, traced once.

        Raises:
            ModelError: it has none, or is random.
        """
        graph = trace(self.name, self.module, self.input_shape, self.device.name)
        _ = self.probe
        return graph

    @cached_property
    def probe(self) -> tuple[torch.Tensor, Any]:
        """A picture of noise and the output for it, which cuts are compared with.

        Raises:
            ModelError: the network fails on it, or gives another output the second time.
        """
        x = noise(self.input_shape).to(self.device.name)
        return x, repeated(self.name, self.module, x)


def load_model(name: str, weights: str | PathLike[str] | None = "pretrained") -> Model:
    """The network called `name`, frozen, in evaluation mode, on pixels 0 to 255.

    `name` is "lite0" (EfficientNet-Lite0; also "lite1", "lite2"), "nanodet" (detection of COCO's
    classes), "selfie" (segmentation of people), "movenet" (key points of one), "timm:NAME",
    "torchvision:NAME" (a classifier or segmenter), or "path/to/file.py:factory", where `factory()`
    gives an `nn.Module`, or a pair of it and a `Preprocess` (without one: ImageNet's, 224 of 256
    pixels) or, of a network of several inputs, `Inputs`.

    `weights` is "pretrained"; the path of a state dict (.pt, .pth, .safetensors); or None for
    untrained weights, the same at each call. A user's factory sets its own: for it "pretrained"
    and None leave them as they are, made with the same seed at each call.

    Raises `ModelError` for an unknown name, a file or factory that is not what it should be, and
    weights that cannot be had, do not fit, or hold NaN.
    """
    # Inference tensors can take no part in a gradient, so none are made here, whoever calls.
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network, preprocess = sources.build(name, pretrained=weights == "pretrained")
        if weights is None:
            origin = UNTRAINED
        elif weights == "pretrained":
            origin = Weights(sources.origin(name))
        else:
            origin = fill(name, network, Path(weights))
        check_numbers(name, network)
        return assemble(name, network, preprocess, origin)


def assemble(
    name: str, network: nn.Module, preprocess: Preprocess | Inputs, weights: Weights = GIVEN
) -> Model:
    """A `Model` of a network at hand, which is put in evaluation mode and frozen."""
    frozen = _wrapped(network, preprocess).eval().requires_grad_(False)
    return Model(name, frozen, preprocess, (1, *preprocess.shape), weights)


def _wrapped(network: nn.Module, preprocess: Preprocess | Inputs) -> nn.Module:
    if isinstance(preprocess, Inputs):
        return Named(network, preprocess)
    return Normalised(network, preprocess)


def _as_leaf(value: NDArray[np.generic], node: fx.Node) -> torch.Tensor:
    like = node.meta["val"]
    return torch.from_numpy(value).reshape(tuple(like.shape)).to(like.dtype)
