"""The map of a small network: its parts against their definitions, and its bytes against coding."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import Plan
from torch import nn

import splitwire as sw
from splitwire.calibrate.calibrator import Calibrator
from splitwire.calibrate.everywhere import watch_all
from splitwire.cli.map import choice_table
from splitwire.cli.splits import map_column
from splitwire.codecs.ftc.steps import step_of
from splitwire.codecs.ftc.waterfill import components
from splitwire.data.photos import load_photos
from splitwire.errors import ExperimentError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.map_choice import (
    Conditions,
    behind_strides,
    best,
    front,
    shallow_front,
    size,
)
from splitwire.eval.map_file import Cut, cut_line, head_line, read_map
from splitwire.eval.netmap import NetMap
from splitwire.eval.run import Run
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.models.walk import Walker, live_bytes, weight_bytes
from splitwire.report.map_plot import network_map, save_map
from splitwire.report.page import write_report
from splitwire.runner.local import encode
from splitwire.tasks.classification import Classification

TASK = Classification()


class Residual(nn.Module):
    """A stride, a normalisation, a skip past two convolutions, a stride, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8)
        self.one, self.two = nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.down, self.head = nn.Conv2d(8, 12, 3, 2, 1), nn.Linear(12 * 64, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.stem(x)).relu()
        x = x + self.two(self.one(x).relu())
        return self.head(self.down(x).relu().flatten(1))


@pytest.fixture(scope="module")
def model() -> sw.Model:
    """A network with an opinion of each photo: its logits differ from one to the next."""
    torch.manual_seed(1)
    network = Residual().requires_grad_(False)
    for value in network.parameters():
        nn.init.normal_(value, std=0.25)
    preprocess = Preprocess(32, 36, (127.0,) * 3, (64.0,) * 3, "bilinear")
    pictures = [preprocess.picture(photo.open(), 0) for photo in load_photos("samples")]
    logits = network(torch.from_numpy(np.stack(pictures)).float() / 64 - 2)
    network.head.bias.sub_(logits.mean(0))
    network.head.weight.div_(logits.std())
    network.head.bias.div_(logits.std())
    return assemble("residual", network, preprocess)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for photo in load_photos("samples"):
        photo.open().resize((64, 64)).save(folder / f"{Path(photo.name).stem}a.png")
    return folder


@pytest.fixture(scope="module")
def mapped(model: sw.Model, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> NetMap:
    path = tmp_path_factory.mktemp("map") / "small.map"
    whole = NetMap(model, TASK, str(photos), path, count=24)
    assert len(list(whole)) == len(whole.points)
    return whole


def test_a_walk_from_any_cut_ends_in_the_networks_output(model: sw.Model) -> None:
    walker, (x, wanted) = Walker(model), model.probe
    with torch.inference_mode():
        for cut in range(walker.graph.depth + 1):
            sent = sw.split(model, sw.cut_points(model)[cut].name).edge(x)
            values = dict(zip(walker.graph.crossings(cut), sent, strict=True))
            assert torch.equal(walker.finish(values, cut), wanted)


def test_one_backward_pass_gives_the_gradient_at_every_cut(model: sw.Model) -> None:
    walker, x = Walker(model), model.probe[0]
    output, seen = walker.watch(x)
    pieces = {piece for cut in range(walker.graph.depth + 1) for piece in walker.pieces(cut)}
    slopes = dict(
        zip(pieces, torch.autograd.grad(output[0, 2], [seen[p] for p in pieces]), strict=True)
    )
    several = 0
    for cut, point in enumerate(sw.cut_points(model)[:-1]):
        halves = sw.split(model, point.name)
        leaves = [tensor.detach().requires_grad_() for tensor in halves.edge(x)]
        with torch.enable_grad():
            alone = torch.autograd.grad(halves.cloud(*leaves)[0, 2], leaves)
        several += len(leaves) > 1
        for piece, slope in zip(walker.pieces(cut), alone, strict=True):
            assert torch.allclose(slopes[piece], slope, atol=1e-6)
    assert several == 3  # along the skip, which no user of before hears


def test_an_edge_half_holds_its_weights_and_what_lives_at_once(model: sw.Model) -> None:
    weights, live = weight_bytes(model.graph), live_bytes(model.graph)
    assert weights[0] == 0
    state = model.network.state_dict().values()
    used = sum(value.nbytes for value in state if value.is_floating_point())
    assert used <= weights[-1] <= used + 64  # and the numbers that normalise the picture
    assert live[0] == 4 * 3 * 32 * 32
    assert live == sorted(live)
    assert max(live) == 4 * 3 * 8 * 16 * 16 or max(live) > live[0]


def test_each_operation_is_clocked(model: sw.Model) -> None:
    seconds = Walker(model).seconds(repeats=2)
    assert len(seconds) == model.graph.depth + 1
    assert seconds[0] == 0
    assert min(seconds[1:]) > 0


def test_components_lose_what_the_metric_says_and_cost_about_a_bit_for_half_the_step() -> None:
    random = np.random.default_rng(3)
    mixing = random.normal(size=(5, 5)).astype(np.float32)
    features, held = (
        np.einsum("ck,nkhw->nchw", mixing, random.laplace(size=(n, 5, 8, 8)).astype(np.float32))
        for n in (60, 10)
    )
    gradients = random.normal(size=(60, 5, 8, 8)).astype(np.float32)  # all errors count alike
    told = components(list(features), list(gradients), list(held))
    level = told.level(1.0)
    assert told.loss(step_of(level)) == pytest.approx(1.0, rel=0.2)
    errors = [held[i] - told.decoded(i, level) for i in range(10)]
    lost = np.mean([0.5 * np.sum(error**2) for error in errors])
    assert lost == pytest.approx(1.0, rel=0.3)
    more = told.bytes(level - 8).mean() - told.bytes(level).mean()
    assert 0.5 < 8 * more / held[0].size < 1.5


def test_what_has_no_gradient_is_told_all_the_same(model: sw.Model) -> None:
    walker = Walker(model)
    random = np.random.default_rng(0)
    crops = [random.uniform(0, 255, (3, 32, 32)).astype(np.float32) for _ in range(4)]
    pieces = walker.pieces(0) + walker.pieces(walker.graph.depth)
    told = watch_all(walker, pieces, crops, crops[:2], TASK, seed=0)
    assert [one.shape for one in told.values()] == [(3, 32, 32), (6, 1, 1)]


def test_a_map_that_was_interrupted_goes_on(
    mapped: NetMap, model: sw.Model, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small.map"
    begun = NetMap(model, TASK, str(photos), path, count=24)
    first = list(islice(begun, 5))
    with path.open("a") as file:
        file.write('{"name": "cut sho')
    again = NetMap(model, TASK, str(photos), path, count=24)
    assert again.found == first
    assert [cut.name for cut in again] == [cut.name for cut in mapped.found]
    head, cuts = read_map(path)
    assert head == begun.head
    assert [round(c.bytes) for c in cuts[:5]] == [round(c.bytes) for c in mapped.found[:5]]
    with pytest.raises(ExperimentError, match="holds another map"):
        NetMap(model, TASK, str(photos), path, count=20)
    path.write_text("no map\n")
    with pytest.raises(ExperimentError, match="holds no map"):
        read_map(path)


def test_the_bytes_told_are_those_of_coding(mapped: NetMap, model: sw.Model, photos: Path) -> None:
    calibrator = Calibrator(load_photos(str(photos), labelled=False), "photos", TASK, 0, 24)
    pictures = [model.preprocess.picture(p.open(), 0) for p in load_photos("samples")]
    pairs = []
    for cut in (mapped.found[at] for at in (0, 2, 4, -2)):
        halves = sw.split(model, cut.name)
        codecs = calibrator.calibrate(halves, sw.codec("ftc:quality=50"))
        packets = [encode(halves.start(x.astype(np.float32)), codecs) for x in pictures]
        pairs.append((cut.bytes, np.mean([len(packet) for packet in packets])))
    told, coded = np.array(pairs).T
    assert told.argmax() == coded.argmax()
    assert np.median(np.abs(told / coded - 1)) < 0.35


def line(costs: list[tuple[float, float]]) -> list[Cut]:
    """Cuts with bytes and edge seconds, of a network that takes one second."""
    return [
        Cut(
            name=f"n{at}" if at else "input",
            node=f"n{at}",
            module=None,
            shapes=[[4, 8 >> at, 8 >> at]],
            elements=1000 >> at,
            bytes=size,
            spread=1.0,
            edge=edge,
            cloud=1 - edge,
            edge_share=edge,
            weights=at,
            activations=at,
        )
        for at, (size, edge) in enumerate(costs)
    ]


def test_the_best_cut_follows_the_link_and_the_devices() -> None:
    cuts = line([(800, 0.0), (900, 0.2), (100, 0.5), (90, 0.9)])
    assert best(cuts, Conditions(rate=1e9, edge=10)).name == "input"
    assert best(cuts, Conditions(rate=1000, edge=2)).name == "n2"
    assert best(cuts, Conditions(rate=10, edge=2)).name == "n3"
    assert best(cuts, Conditions(rate=1000, edge=1.5), "float32").name == "n3"
    assert [size(cut, "float32") for cut in cuts[:2]] == [1000, 2000]  # a picture is of bytes
    with pytest.raises(ExperimentError, match="upload rate"):
        Conditions(rate=0)


def test_what_another_cut_beats_is_not_on_the_front() -> None:
    cuts = line([(800, 0.0), (900, 0.2), (100, 0.5), (90, 0.9)])
    assert [c.name for c in front(cuts, Conditions(rate=1000, edge=10))] == ["input", "n2", "n3"]
    assert [c.name for c in shallow_front(cuts)] == ["input", "n2", "n3"]
    assert behind_strides(cuts) == [1, 2, 3]
    watts = Conditions(rate=1000, watts=2.0, edge=3)
    assert watts.joules(cuts[2]) == pytest.approx(2 * 3 * 0.5)


def test_the_picture_shows_bytes_times_and_memory(mapped: NetMap, tmp_path: Path) -> None:
    figure = network_map(mapped.head, mapped.found, Conditions(rate=1e4))
    sizes, times, memory = figure.axes
    assert "residual" in sizes.get_title("left")
    told = {line.get_label(): line.get_ydata() for line in sizes.lines}
    assert list(told["ftc"]) == [cut.bytes for cut in mapped.found]
    assert best(mapped.found, Conditions(rate=1e4)).name in sizes.texts[0].get_text()
    assert "milliseconds" in times.get_title("left")
    assert "megabytes" in memory.get_title("left")
    untrained = replace(mapped.head, trained=False)
    title = network_map(untrained, mapped.found, Conditions()).axes[0].get_title("left")
    assert "UNTRAINED" in title
    for name in ("map.svg", "map.png"):
        save_map(tmp_path / name, mapped.head, mapped.found, Conditions(rate=1e4))
        assert (tmp_path / name).stat().st_size > 10_000


def test_splits_show_what_a_map_tells(mapped: NetMap, tmp_path: Path) -> None:
    path = tmp_path / "small.map"
    path.write_text(head_line(mapped.head) + "".join(map(cut_line, mapped.found)))
    told = map_column(path, "residual")
    assert list(told) == [cut.node for cut in mapped.found]
    assert told[mapped.found[0].node] == f"* {mapped.found[0].bytes:,.0f}"
    with pytest.raises(ExperimentError, match="a map of residual, not of lite0"):
        map_column(path, "lite0")


def test_the_table_names_the_fastest_cut_by_what_crosses(mapped: NetMap) -> None:
    at = Conditions(rate=1e4)
    table = choice_table(mapped.found, at)
    assert list(table.columns[0].cells)[:3] == ["coded", "8-bit", "float32"]
    assert str(next(iter(table.columns[1].cells))) == best(mapped.found, at).name


def test_a_run_takes_its_splits_of_a_map_and_the_report_draws_it(
    tiny: Plan, photos: Path, tmp_path: Path
) -> None:
    plan = tiny(splits=(), codecs=("raw:bits=8",))
    model, path = sw.load_model(plan.model), tmp_path / "tiny.map"
    whole = NetMap(model, TASK, str(photos), path, count=20)
    cuts = [replace(cut, bytes=9.0 if cut.name == "2" else 99.0) for cut in whole]
    path.write_text(head_line(whole.head) + "".join(map(cut_line, cuts)))
    plan = replace(plan, map=str(path))
    run = Run(plan, tmp_path / "run")
    assert list(run)
    assert {choice.at for choice in run.curves if choice.way == "shared"} == {"2"}
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert f"bytes a picture at each of {len(cuts)} cuts" in page and 'id="map"' in page
    path.write_text(head_line(replace(whole.head, digest="0" * 16)))
    with pytest.raises(ExperimentError, match="and not of this experiment's network"):
        Run(plan, tmp_path / "other")


def test_a_map_leaves_the_splits_to_itself() -> None:
    assert load_experiment(map="lite0.map").splits == ()
    assert load_experiment(map="lite0.map", splits=["blocks.1"]).splits == ("blocks.1",)
