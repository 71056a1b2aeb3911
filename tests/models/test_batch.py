"""Several frames at once: each one's output is what it is alone."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

import splitwire as sw
from splitwire.models.batch import TOLERANCE, Batched

NORMED = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x):
        return x + self.body(x)

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.attention = nn.Linear(8, 24)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat((self.first.expand(x.shape[0], -1, -1), x), 1)
        rows, tokens, _ = x.shape
        three = self.attention(x).reshape(rows, tokens, 3, 2, 4).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(*three.unbind(0))
        x = x + y.transpose(1, 2).reshape(rows, tokens, 8)
        return x[:, 0] + x.new_zeros(8)

def normed():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 4), Block(8), Block(8), Tokens(), nn.Linear(8, 5))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean)
    return network, Preprocess(16, 20, (127.0,) * 3, (128.0,) * 3, "bilinear")

class Together(nn.Module):
    def forward(self, x):
        x = x.flatten(1)[:, :6]
        return x - x.mean() + x.softmax(0)

def together():
    return Together(), Preprocess(16, 20, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""

TOYS = Path(__file__).with_name("toys.py")


@pytest.fixture(scope="module")
def normed(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("normed") / "normed.py"
    file.write_text(NORMED, encoding="utf-8")
    return str(file)


def leaves(output: Any) -> list[Any]:
    return pytree.tree_leaves(output, is_leaf=lambda x: x is None)


def check(model: sw.Model, at: str, count: int = 5) -> bool:
    """Fails where a frame's output depends on the others; whether the graph ran as it is."""
    split = sw.split(model, at)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        batched = Batched(split.edge, split.cloud, model.input_shape)
        frames = [split.edge(torch.rand(model.input_shape) * 255) for _ in range(count)]
        outputs = batched(frames)
        assert len(outputs) == count
        for frame, output in zip(frames, outputs, strict=True):
            alone = split.cloud(*frame)
            assert pytree.tree_structure(output) == pytree.tree_structure(alone)
            for a, b in zip(leaves(alone), leaves(output), strict=True):
                if isinstance(a, torch.Tensor):
                    assert (a.shape, a.dtype) == (b.shape, b.dtype)
                    assert torch.allclose(a, b, rtol=0, atol=TOLERANCE * float(a.abs().max()))
                else:
                    assert a == b
    return batched.direct


@pytest.mark.parametrize("at", ["input", "0", "1.body.0", "1", "2", "3", "output"])
def test_a_batch_takes_the_operations_of_one_frame(normed: str, at: str) -> None:
    # Warnings are errors here: no operation is done in a loop over the batch.
    assert check(sw.load_model(f"{normed}:normed"), at)


@pytest.mark.parametrize("name", ["plain", "heads", "wide"])
def test_outputs_of_any_structure_are_each_frame_s_own(name: str) -> None:
    assert check(sw.load_model(f"{TOYS}:{name}"), "input")


def test_what_mixes_the_frames_of_a_batch_is_not_run_as_it_is(normed: str) -> None:
    assert not check(sw.load_model(f"{normed}:together"), "input")


def test_what_takes_a_mean_over_all_is_not_run_as_it_is() -> None:
    try:
        assert not check(sw.load_model(f"{TOYS}:hard"), "stem")
    except RuntimeError as error:
        if "cannot be represented as a SymInt" not in str(error):
            raise
        pytest.skip("this release of torch maps no slice without an end over a batch")
