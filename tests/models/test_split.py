import math
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.utils._pytree import tree_flatten

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.models.exactness import difference
from splitwire.models.load import assemble
from splitwire.models.measure import edge_seconds
from splitwire.models.preprocess import Preprocess
from splitwire.models.split import layers_between

TOY_FILE = Path(__file__).with_name("toys.py")


def network(name: str) -> nn.Module:
    made: nn.Module = torchvision.models.get_model(name, weights=None)
    return made


def vit() -> nn.Module:
    made: nn.Module = timm.create_model("vit_tiny_patch16_224", img_size=64)
    return made


# The smallest inputs on which nothing degenerates; the most tensors that cross at once.
NETWORKS: dict[str, tuple[Callable[[], nn.Module] | None, int, int]] = {
    "resnet34": (lambda: network("resnet34"), 64, 2),
    "vgg16": (lambda: network("vgg16"), 32, 1),
    "mobilenet_v3": (lambda: network("mobilenet_v3_small"), 64, 3),
    "lite0": (None, 224, 2),
    "nanodet": (None, 416, 5),
    "selfie": (None, 256, 6),
    "movenet": (None, 192, 5),
    "vit": (vit, 64, 4),
    "densenet121": (lambda: network("densenet121"), 64, 25),
    "hard": (None, 16, 5),
    "heads": (None, 16, 2),
    "wide": (None, 16, 5),
}
TOYS = ("hard", "heads", "wide")
SLOW = ("densenet121", "mobilenet_v3", "vgg16")  # 10 to 30 seconds each
ALIKE = ("movenet", "resnet34")  # nanodet and lite0 are cut in the same ways


def daily(*left_out: str) -> list[Any]:
    """All networks, of which some wait for the night."""
    night = pytest.mark.full
    return [pytest.param(name, marks=night if name in left_out else ()) for name in NETWORKS]


@cache
def model(name: str) -> sw.Model:
    make, side, _ = NETWORKS[name]
    if make is None:
        return sw.load_model(f"{TOY_FILE}:{name}" if name in TOYS else name)
    with torch.inference_mode(False), torch.random.fork_rng():
        torch.manual_seed(0)
        return assemble(name, make(), Preprocess(side, side, (127.0,) * 3, (128.0,) * 3, "box"))


def pixels(of: sw.Model) -> torch.Tensor:
    return torch.randint(0, 256, of.input_shape, generator=torch.Generator().manual_seed(1)).float()


def equal(one: Any, other: Any) -> bool:
    """Whether two outputs are the same to the bit, structure and all."""
    (ours, shape), (theirs, their_shape) = tree_flatten(one), tree_flatten(other)
    if shape != their_shape:
        return False
    pairs = zip(ours, theirs, strict=True)
    return all(torch.equal(a, b) if torch.is_tensor(a) else a == b for a, b in pairs)


def check(of: sw.Model, points: list[sw.CutPoint]) -> None:
    """Edge then cloud is the whole, with the tensors as they are and as a link delivers them."""
    x = pixels(of)
    with torch.inference_mode():
        whole = of(x)
        for point in points:
            split = sw.split(of, point.name)
            sent = split.edge(x)
            assert [(c.shape, c.dtype) for c in point.crossings] == [
                (tuple(tensor.shape), tensor.dtype) for tensor in sent
            ]
            assert split.crossings == point.crossings
            assert equal(split.cloud(*sent), whole), point.name
            delivered = [t.clone(memory_format=torch.contiguous_format) for t in sent]
            assert equal(split.cloud(*delivered), whole), point.name


@pytest.mark.parametrize("name", TOYS)
def test_every_cut_of_a_toy_is_exact(name: str) -> None:
    check(model(name), sw.cut_points(model(name)))


@pytest.mark.parametrize("name", daily(*SLOW, *ALIKE, *TOYS))
def test_every_tenth_cut_is_exact(name: str) -> None:
    points = sw.cut_points(model(name))
    check(model(name), [points[0], *points[5::10], points[-1]])


def test_outputs_keep_their_types_and_their_order() -> None:
    heads, wide = (sw.split(model(name), "stem") for name in ("heads", "wide"))
    given = heads.cloud(*heads.edge(pixels(heads.model)))
    assert list(given) == list(heads.model(pixels(heads.model))) == ["scores", "boxes"]
    number, maps, found, none, again = wide.cloud(*wide.edge(pixels(wide.model)))
    assert (number, none, [f.kind for f in found]) == (2, None, ["above", "below"])
    assert again is maps["maps"][0]


@pytest.mark.full
@pytest.mark.parametrize("name", NETWORKS)
def test_every_cut_is_exact(name: str) -> None:
    check(model(name), sw.cut_points(model(name)))


@pytest.mark.parametrize("name", daily(*SLOW))
def test_cut_points_are_in_order_and_have_names_of_their_own(name: str) -> None:
    points = sw.cut_points(model(name))
    assert len({point.name for point in points}) == len(points)
    assert (points[0].name, points[-1].name) == ("input", "output")
    assert (points[0].edge_share, points[-1].edge_share) == (0, 1)
    shares = [point.edge_share for point in points]
    assert shares == sorted(shares)
    assert max(len(point.crossings) for point in points) == NETWORKS[name][2]
    assert all(len({c.name for c in p.crossings}) == len(p.crossings) for p in points)


def test_a_module_is_cut_at_its_output() -> None:
    split = sw.split(model("lite0"), "blocks.3")
    assert [(c.shape, c.dtype) for c in split.crossings] == [((1, 80, 14, 14), torch.float32)]
    point = next(p for p in sw.cut_points(model("lite0")) if p.name == "blocks.3")
    assert (point.module, point.elements) == ("blocks.3", 15_680)
    by_node = sw.split(model("lite0"), point.node)
    assert by_node.crossings == split.crossings


def test_three_levels_of_a_detector_cross_together() -> None:
    crossings = sw.split(model("nanodet"), "neck").crossings
    assert [c.shape for c in crossings] == [(1, 128, side, side) for side in (52, 26, 13)]


def test_a_module_called_twice_ends_at_its_last_call() -> None:
    resnet = model("resnet34")
    assert sw.split(resnet, "layer1.0.relu").edge_macs == sw.split(resnet, "layer1.0").edge_macs
    assert len(sw.split(resnet, "layer1.0.bn2").crossings) == 2


def test_the_ends_send_the_picture_and_the_outputs() -> None:
    lite = model("lite0")
    x = pixels(lite)
    cloud_only, edge_only = sw.split(lite, "input"), sw.split(lite, "output")
    assert torch.equal(cloud_only.edge(x)[0], x)
    assert (cloud_only.edge_macs, edge_only.cloud_macs) == (0, 0)
    assert not cloud_only.edge.state_dict()
    assert not edge_only.cloud.state_dict()
    assert torch.equal(edge_only.edge(x)[0], lite(x))


def test_each_half_holds_the_weights_it_uses_and_no_copies() -> None:
    of = model("resnet34")
    split = sw.split(of, "layer2")
    whole = {v.data_ptr() for v in of.module.state_dict().values()}
    edge, cloud = ({v.data_ptr() for v in half.parameters()} for half in (split.edge, split.cloud))
    assert edge
    assert cloud
    assert not edge & cloud
    assert edge | cloud <= whole
    hard = sw.split(model("hard"), "stem")
    assert {key.split(".")[1] for key in hard.edge.state_dict() if "." in key} == {"stem"}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", ["hard", "lite0", "vit"])
def test_the_halves_can_be_differentiated(name: str, inference: bool) -> None:
    at = {"hard": "stem", "lite0": "blocks.3", "vit": "blocks.3"}[name]
    with torch.inference_mode(inference):  # wherever the model was made and cut
        fresh = sw.load_model(f"{TOY_FILE}:hard") if name == "hard" else model(name)
        split = sw.split(fresh, at)
    x = pixels(fresh).requires_grad_()
    sent = split.edge(x)
    kept = [tensor.detach().requires_grad_() for tensor in sent]
    out = split.cloud(*kept)
    (out["logits"] if name == "hard" else out).sum().backward()
    assert all(k.grad is not None and bool(k.grad.any()) for k in kept)
    sum(tensor.sum() for tensor in sent).backward()
    assert x.grad is not None
    assert bool(x.grad.any())
    assert all(p.grad is None for p in split.cloud.parameters())


def test_a_name_of_a_module_and_of_a_node_means_the_module() -> None:
    of = model("hard")
    named = {point.name: point for point in sw.cut_points(of)}
    assert named["relu"].module == "relu"
    assert named["relu"].node != "relu"
    assert named["node:relu"].node == "relu"
    assert named["output"].module is None  # its module `output` ends before the last operation
    assert sw.split(of, "node:relu").crossings == named["node:relu"].crossings


@pytest.mark.parametrize(
    ("at", "near"), [("blocks.9", "blocks.6"), ("", "splits lite0"), ("inputs", "input")]
)
def test_an_unknown_cut_is_an_error_with_near_names(at: str, near: str) -> None:
    with pytest.raises(ModelError, match=near) as caught:
        sw.split(model("lite0"), at)
    assert str(caught.value).endswith("(`splitwire splits lite0` lists them)")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("factory", "why"),
    [
        ("counting", "it changes its own state"),
        ("branching", "it does not export: "),
        ("deaf", "its output does not depend"),
    ],
)
def test_a_network_that_cannot_be_cut_is_an_error(factory: str, why: str) -> None:
    of = sw.load_model(f"{TOY_FILE}:{factory}")
    with pytest.raises(ModelError, match=f"{factory} cannot be cut[:,] {why}") as caught:
        sw.cut_points(of)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("factory", ["random", "undecided"])
def test_a_random_network_is_refused(factory: str) -> None:
    of = sw.load_model(f"{TOY_FILE}:{factory}")
    for cut in (sw.cut_points, lambda of: sw.split(of, "input")):
        with pytest.raises(ModelError, match=rf"{factory} cannot be cut: two runs .* differ by"):
            cut(of)


@pytest.mark.parametrize("name", TOYS)
def test_a_cut_knows_that_it_is_exact(name: str) -> None:
    assert sw.split(model(name), "stem").difference == 0


def test_a_cut_knows_by_how_much_it_is_not_exact() -> None:
    of = sw.load_model(f"{TOY_FILE}:encoder")
    x, whole = of.probe
    for at in ("input", "stem", "encoder", "output"):
        split = sw.split(of, at)
        with torch.inference_mode():
            sent = [t.clone(memory_format=torch.contiguous_format) for t in split.edge(x)]
            apart = (split.cloud(*sent) - whole).abs().max().item()
        assert split.difference == apart
        assert 0 <= apart < 1e-5


def test_the_difference_of_two_outputs() -> None:
    one = {"a": torch.tensor([1.0, math.nan, math.inf]), "b": (torch.tensor([3]), "x")}
    assert difference(one, deepcopy(one)) == 0
    assert difference(one, {**one, "a": torch.tensor([1.5, math.nan, math.inf])}) == 0.5
    assert difference(one, {**one, "b": (torch.tensor([1]), "x")}) == 2
    for other in (
        {**one, "a": torch.tensor([math.nan, math.nan, math.inf])},
        {**one, "a": torch.tensor([1.0, math.nan])},
        {**one, "a": torch.tensor([1.0, math.nan, 9.0])},
        {**one, "b": (torch.tensor([3]), "y")},
        {**one, "b": (torch.tensor([3.0]), "x")},
        {"a": one["a"]},
    ):
        assert difference(one, other) == math.inf


def test_the_graph_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    of = sw.load_model(f"{TOY_FILE}:plain")
    graph = of.graph
    monkeypatch.setattr(torch.export, "export", None)
    sw.cut_points(of)
    sw.split(of, "1")
    assert of.graph is graph


def test_the_edge_takes_time() -> None:
    lite = model("lite0")
    first, last = (edge_seconds(sw.split(lite, at), repeats=3) for at in ("conv_stem", "output"))
    assert 0 < first < last < 10


@pytest.mark.parametrize("name", ["lite0", "resnet34"])
def test_layers_between_two_cuts_lead_from_one_to_the_other(name: str) -> None:
    of = model(name)
    first, last = ("blocks.2", "blocks.4") if name == "lite0" else ("layer1", "layer3.0")
    x = pixels(of)
    with torch.inference_mode():
        made = sw.split(of, last).edge(x)
        between = layers_between(of, first, last)(*sw.split(of, first).edge(x))
    assert equal(between, made)
    with pytest.raises(ModelError, match=f"{first} does not come after {last}"):
        layers_between(of, last, first)
