"""How exactly two runs of a network agree: the whole with itself, and with its halves.

Halves are cut from the exported graph, which has the network's own kernels, so that they agree with
it to the bit. Exceptions are networks that run through fused kernels of their own where they are
whole (`nn.TransformerEncoder`, compiled modules), and kernels that choose their way by the layout
in memory that a tensor lost on a link. Those differ by rounding, and this is where it is measured.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import torch
from torch.utils import _pytree as pytree

from splitwire.errors import ModelError
from splitwire.models.messages import reason

Run = Callable[[torch.Tensor], Any]


def noise(shape: tuple[int, ...]) -> torch.Tensor:
    """A picture of float32 noise, integers 0 to 255, always the same."""
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=random).float()


def repeated(name: str, run: Run, x: torch.Tensor) -> Any:
    """The output of a network for `x`, once a second run is seen to give the same.

    Raises:
        ModelError: it fails, or it is random.
    """
    try:
        with torch.inference_mode():
            output, again = run(x), run(x)
    except Exception as error:
        raise ModelError(
            f"{name} cannot be cut, it fails on a picture of noise: {reason(error)}"
        ) from error
    if (apart := difference(output, again)) > 0:
        raise ModelError(
            f"{name} cannot be cut: two runs of it on one picture differ by {apart:.2g}, so it is "
            "random (torch.rand, or dropout that is never off), and halves of it would agree with "
            "nothing: take that out of its forward"
        )
    return output


def difference(one: Any, other: Any) -> float:
    """The largest absolute difference of two outputs; 0 where they are equal to the bit.

    Infinite where they differ in anything but finite numbers. NaN equals NaN.
    """
    (ours, shape), (theirs, their_shape) = map(pytree.tree_flatten, (one, other))
    if shape != their_shape:
        return inf
    return max(map(_apart, ours, theirs), default=0.0)


def _apart(a: Any, b: Any) -> float:
    if not (torch.is_tensor(a) and torch.is_tensor(b)):
        return 0.0 if a == b else inf
    if a.shape != b.shape or a.dtype != b.dtype:
        return inf
    if a.is_complex():
        a, b = torch.view_as_real(a), torch.view_as_real(b)
    differs = (a != b) & ~(a.isnan() & b.isnan())
    far = (a[differs].double() - b[differs].double()).abs()
    return float(far.nan_to_num(nan=inf, posinf=inf).max()) if len(far) else 0.0
