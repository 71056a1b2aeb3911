from collections.abc import Callable
from functools import cache

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.models.count import ATTENTION
from splitwire.models.trace import trace

aten = torch.ops.aten
efficient = aten._scaled_dot_product_efficient_attention
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]

# Attention in every spelling; below, those that let heads of the query share key and value.
SPELLINGS: dict[str, Attend] = {
    "whole": lambda q, k, v: aten.scaled_dot_product_attention(q, k, v),
    "causal": lambda q, k, v: aten.scaled_dot_product_attention(q, k, v, is_causal=True),
    "masked": lambda q, k, v: aten.scaled_dot_product_attention(q, k, v, q[..., : k.shape[2]]),
    "math": lambda q, k, v: aten._scaled_dot_product_attention_math(q, k, v)[0],
    "mps": lambda q, k, v: aten._scaled_dot_product_attention_math_for_mps(q, k, v)[0],
    "cpu": lambda q, k, v: aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)[0],
    "flash": lambda q, k, v: aten._scaled_dot_product_flash_attention(q, k, v)[0],
    "cudnn": lambda q, k, v: aten._scaled_dot_product_cudnn_attention(q, k, v, None, False)[0],
    "efficient": lambda q, k, v: efficient(q, k, v, None, False)[0],
    "other": lambda q, k, v: aten._scaled_dot_product_fused_attention_overrideable(q, k, v)[0],
    "keywords": lambda q, k, v: aten.scaled_dot_product_attention(value=v, key=k, query=q),
}
GROUPED: dict[str, Attend] = {
    "whole": lambda q, k, v: aten.scaled_dot_product_attention(q, k, v, enable_gqa=True),
    "math": lambda q, k, v: aten._scaled_dot_product_attention_math(q, k, v, enable_gqa=True)[0],
    "cpu": SPELLINGS["cpu"],
    "flash": SPELLINGS["flash"],
}
SIZES = [
    (16, 16),
    pytest.param(12, 16, marks=pytest.mark.full),
    (12, 8),
]  # the length of the key, the width of the value


class Attention(nn.Module):
    """The picture's rows as queries of three heads, the first of them as keys of some heads."""

    def __init__(self, attend: Attend, heads: int, length: int, width: int) -> None:
        super().__init__()
        self.attend, self.heads, self.length, self.width = attend, heads, length, width

    def forward(self, x: Tensor) -> Tensor:
        key = x[:, : self.heads, : self.length]
        return self.attend(x, key, key[..., : self.width])


def counted(attend: Attend, length: int, width: int, heads: int = 3) -> int:
    """The multiply-accumulates of attention of 16 queries of width 16."""
    network = Attention(attend, heads, length, width)
    try:
        return sum(trace("attention", network, (1, 3, 16, 16)).macs)  # some kernels run on no CPU
    except ModelError as error:
        elsewhere = attend in (SPELLINGS["mps"], SPELLINGS["other"])
        if elsewhere and isinstance(error.__cause__, NotImplementedError):
            pytest.skip("this release of torch exports that kernel on its own device only")
        raise


@pytest.mark.parametrize(("length", "width"), SIZES)
@pytest.mark.parametrize("name", SPELLINGS)
def test_attention_counts_once_in_every_spelling(name: str, length: int, width: int) -> None:
    assert counted(SPELLINGS[name], length, width) == 3 * 16 * length * (16 + width)


@pytest.mark.parametrize("name", GROUPED)
def test_shared_keys_count_for_each_head_of_the_query(name: str) -> None:
    assert counted(GROUPED[name], 12, 8, heads=1) == 3 * 16 * 12 * (16 + 8)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("name", SPELLINGS)
def test_it_makes_no_difference_what_pytorch_counts(
    name: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = flop_registry[aten._scaled_dot_product_flash_attention]
    whole = ("scaled_dot_product_attention", "_scaled_dot_product_attention_math")
    for kernel in (getattr(aten, spelling) for spelling in (*ATTENTION, *whole)):
        if known:
            monkeypatch.setitem(flop_registry, kernel, formula)
        else:
            monkeypatch.delitem(flop_registry, kernel, raising=False)
    assert counted(SPELLINGS[name], 12, 8) == 3 * 16 * 12 * (16 + 8)


@pytest.mark.parametrize("name", ["whole", "math", "cpu"])
def test_attention_counts_in_inference_mode_too(name: str) -> None:
    with torch.inference_mode():
        assert counted(SPELLINGS[name], 12, 16) == 3 * 16 * 12 * (16 + 16)


@cache
def untrained(name: str) -> sw.Model:
    return sw.load_model(f"torchvision:{name}", None)


@pytest.mark.parametrize(
    "name",
    [
        "resnet34",
        "mobilenet_v3_large",
        *[
            pytest.param(name, marks=pytest.mark.full)
            for name in ("efficientnet_b0", "resnet50", "swin_t", "vit_b_16")
        ],
    ],
)
def test_multiply_accumulates_are_the_published_ones(name: str) -> None:
    # In billions, of the same sizes of picture, and rounded to three decimals.
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["_ops"]
    assert sum(untrained(name).graph.macs) / 1e9 == pytest.approx(published, abs=0.0005)


def test_a_head_counts_what_it_multiplies() -> None:
    split = sw.split(untrained("resnet34"), "avgpool")
    assert split.cloud_macs == 512 * 1000
