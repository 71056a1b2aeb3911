"""Multiply-accumulates of tensor operations, from their shapes."""

from math import prod

import torch
from torch.utils.flop_counter import FlopCounterMode

# The kernels that attention runs as. `scaled_dot_product_attention` and its `_math` form are none:
# PyTorch takes them apart, into one of these or into matrix products.
ATTENTION = (
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
    "_scaled_dot_product_attention_math_for_mps",
)


def flop_counter() -> FlopCounterMode:
    """PyTorch's counter, which takes a multiply and an add for two, with all kernels of attention.

    Which of them PyTorch itself counts, and for which shapes, differs from release to release. A
    formula given here takes the place of PyTorch's own, so that none counts twice.
    """
    aten = torch.ops.aten
    kernels = [getattr(aten, name) for name in ATTENTION if hasattr(aten, name)]
    return FlopCounterMode(display=False, custom_mapping=dict.fromkeys(kernels, _attention))


def _attention(
    query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object
) -> int:
    """The two matrix products of softmax(Q Kᵀ) V; scores that a mask hides count like the others.

    Heads of the query may share a head of key and value, so it is the query's heads that count.
    """
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
