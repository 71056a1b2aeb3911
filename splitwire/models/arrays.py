"""Tensors, whatever made them: torch's, or arrays of a network that ran without."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of torch's, or an array."""
    return isinstance(value, np.ndarray) or hasattr(value, "detach")


def array(tensor: Any) -> NDArray[Any]:
    """A tensor's numbers, which are not copied unless they are bfloat16 (then float32)."""
    if isinstance(tensor, np.ndarray):
        return tensor
    bare = tensor.detach().cpu()
    found: NDArray[Any] = (bare.float() if str(bare.dtype) == "torch.bfloat16" else bare).numpy()
    return found


def is_floating(tensor: Any) -> bool:
    """Whether a tensor holds floating-point numbers."""
    if isinstance(tensor, np.ndarray):
        return bool(np.issubdtype(tensor.dtype, np.floating))
    return bool(tensor.is_floating_point())


def leaves(output: Any) -> Iterator[Any]:
    """What an output holds, in the order of torch's pytree."""
    if isinstance(output, Mapping):
        for value in output.values():
            yield from leaves(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from leaves(value)
    elif is_tensor(output) or output is None or isinstance(output, bool | int | float | str):
        yield output
    else:  # of a kind that somebody has registered with torch
        from torch.utils import _pytree as pytree

        yield from pytree.tree_leaves(output)
