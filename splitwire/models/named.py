"""A network of several inputs as one that takes a vector."""

import inspect
from math import prod
from typing import Any

import torch
from torch import nn

from splitwire.errors import ModelError
from splitwire.models.inputs import Inputs


class Named(nn.Module):
    """`network(name=tensor, ...)` for the tensors that lie one after another in each row of (1, N).

    Numbers come as float32; they are given to a network of float16 weights, say, as float16.
    """

    def __init__(self, network: nn.Module, inputs: Inputs) -> None:
        """Wrap `network`; its weights are shared, not copied.

        Raises:
            ModelError: it is not called with tensors of those names.
        """
        super().__init__()
        _check_names(network, inputs)
        self.network = network
        self._shapes = dict(inputs.shapes)
        self._dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), None)

    def forward(self, x: torch.Tensor) -> object:
        """Whatever the network gives for float32 (batch, N)."""
        whole: Any = x if self._dtype is None else x.to(self._dtype)
        parts = whole.split([prod(shape) for shape in self._shapes.values()], dim=1)
        pairs = zip(self._shapes.items(), parts, strict=True)
        return self.network(**{name: part.unflatten(1, shape) for (name, shape), part in pairs})


def _check_names(network: nn.Module, inputs: Inputs) -> None:
    try:
        takes = inspect.signature(network.forward)
    except ValueError:  # of a kind that does not say
        return
    try:
        takes.bind(**inputs.shapes)
    except TypeError as error:
        raise ModelError(
            f"the network's Inputs are {', '.join(inputs.shapes)}, and its forward takes "
            f"{', '.join(takes.parameters)} ({error}): give them the names of its arguments"
        ) from error
