"""Networks of less common kinds: grey, in half precision, of wrapped checkpoints."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import Plan, few_crops
from torch import nn
from toys import SMALL

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.runner.link import Wire
from splitwire.runner.local import infer

GREY = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def grey():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(900, 10))
    return network, Preprocess((32, 32), 36, (127.0,), (128.0,), "bilinear")

def half():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(900, 10))
    return network.half(), Preprocess((32, 32), 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(GREY, encoding="utf-8")
    return str(tmp_path / "net.py")


def test_a_network_of_one_channel_takes_grey_pictures(file: str) -> None:
    model = sw.load_model(f"{file}:grey")
    assert model.input_shape == (1, 1, 32, 32)
    photo = Image.linear_gradient("L").convert("RGB")
    x = model.preprocess.picture(photo)
    assert x.shape == (1, 32, 32)
    colour = replace(model.preprocess, mean=(0.0,) * 3, std=(1.0,) * 3).picture(photo)
    np.testing.assert_array_equal(x[0], colour[1])
    split, codec = sw.split(model, "1"), sw.codec("raw:dtype=float32")
    outcome = infer(split, [codec], [codec], Wire(), x)
    assert torch.equal(outcome.output, model(torch.from_numpy(x)[None]))


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp", "avif"])
def test_grey_pictures_are_sent_in_every_format(format_: str) -> None:
    codec = sw.codec(f"picture:format={format_}")
    if codec.missing:
        return
    x = np.linspace(0, 255, 32 * 48).round().reshape(1, 32, 48).astype(np.float32)
    y = sw.decode(codec.encode(x))
    assert y.shape == x.shape
    assert np.abs(y - x).mean() < (0.01 if format_ == "png" else 3)


@pytest.mark.parametrize("net", ["grey", "half"])
def test_eval_measures_it(tiny: Plan, tmp_path: Path, file: str, net: str) -> None:
    least: dict[str, Any] = {"links": (), "edge": "this", "cloud": "this", "limit": 1}
    specs = {"codecs": ("raw:bits=8", "ftc"), "pictures": ("picture", "film")}
    plan = load_experiment(None, model=f"{file}:{net}", splits=("1",), **least, **specs)
    with few_crops():
        run = Run(plan, tmp_path / "run")
    samples = list(run)
    assert [sample.error for sample in samples] == [None] * len(samples)
    assert ("film" in run.missing) == (net == "grey")
    assert all(s.divergence is not None and s.divergence < 0.2 for s in samples)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_runs_in_its_own_precision_and_is_cut_to_the_bit(kind: torch.dtype) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(784, 5))
    model = assemble("own", network.to(kind), SMALL)
    split = sw.split(model, "1")
    assert split.difference == 0 and split.crossings[0].dtype == kind
    codec = sw.codec("raw:dtype=float32")
    x = model.preprocess.picture(Image.linear_gradient("L"))
    outcome = infer(split, [codec], [codec], Wire(), x)
    assert outcome.output.dtype == kind
    if kind != torch.float64:  # whose features are coded as float32
        assert torch.equal(outcome.output, model(torch.from_numpy(x)[None]))


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("module.", None),
        ("model.", "state_dict"),
        ("model.net.", "state_dict"),
        ("_orig_mod.module.", "model_state_dict"),
        ("", "net"),
    ],
)
def test_what_training_wraps_around_weights_is_taken_off(
    tmp_path: Path, file: str, prefix: str, key: str | None
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(900, 10))
    state: dict[str, Any] = {f"{prefix}{k}": v for k, v in network.state_dict().items()}
    if key == "state_dict":
        state["loss.weight"] = torch.ones(3)
    torch.save({key: state, "epoch": 3} if key else state, tmp_path / "w.pt")
    loaded = sw.load_model(f"{file}:grey", tmp_path / "w.pt")
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value)


class Two(nn.Module):
    def forward(self, image: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        return image + depth


class Picky(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[x > 0]


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp() if x.sum() > 0 else x.sin()


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Two(), r"takes 2 inputs \(image, depth\), and a picture is one: have its"),
        (Picky(), "how many numbers index holds depends on the picture: leave that part"),
        (Branching(), "depends on the numbers in the picture.*write `torch.where` for `if`"),
        (
            nn.Conv2d(1, 4, 3),
            "expected input.*it is given 1×3×16×16, as its Preprocess or",
        ),
    ],
)
def test_what_no_graph_can_hold_is_refused_in_a_line_and_nothing_else(
    network: nn.Module, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=said):
        _ = assemble("own", network, SMALL).graph
    assert capfd.readouterr() == ("", "")


def test_preprocessing_of_two_channels_is_refused() -> None:
    with pytest.raises(ModelError, match=r"three means .* or one of each for grey"):
        Preprocess(32, 36, (0.0, 0.0), (1.0, 1.0), "bilinear")
