"""Training `learned` in small: losses fall, a kill costs nothing, profiles code as they should."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import splitwire as sw
from splitwire.cli import main
from splitwire.codecs.ftc.sensitivity import learn
from splitwire.codecs.ftc.steps import level
from splitwire.data.photos import Photo, load_photos
from splitwire.errors import ModelError, TrainingError
from splitwire.train.architecture import BUILTIN, Start, architecture, register_architecture
from splitwire.train.features import held_out
from splitwire.train.folding import fold
from splitwire.train.linear_start import linear_start
from splitwire.train.objective import divergence, divergence_from_many
from splitwire.train.run import Plan, Training, rates
from splitwire.train.trainer import Schedule

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1),
        nn.Conv2d(6, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
    )
    network[-1].weight.data *= 40  # untrained, it would hardly care what crosses
    return network, Preprocess(40, 44, (127.0,) * 3, (64.0,) * 3, "bilinear")
"""
SHAPE = (6, 9, 9)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is quick to train for, and pictures."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "net.py").write_text(NET)
    (folder / "photos").mkdir()
    random = np.random.default_rng(0)
    for i in range(12):
        coarse = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8))
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(folder / "photos" / f"{i}.png")
    return folder


@pytest.fixture
def plan(desk: Path) -> Plan:
    schedule = Schedule(steps=60, pace=1e-3, every=30)
    return Plan(f"{desk / 'net.py'}:small", "3", str(desk / "photos"), schedule, crops=32)


def quiet(line: dict[str, object]) -> None:
    pass


def test_a_short_training_lowers_the_loss(plan: Plan, tmp_path: Path) -> None:
    training = Training(replace(plan, schedule=Schedule(steps=140, pace=3e-3)), tmp_path)
    profile = training.run(quiet)
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.95 * losses[0]
    assert (tmp_path / "history.svg").stat().st_size > 1000
    assert sw.Profile.load(tmp_path / "3-learned.profile") == profile
    assert profile.learnt is not None and profile.learnt.split == "3"
    x = training.features.x[0].float().numpy()
    codec = sw.codec("learned:quality=60", profile=profile)
    y = codec.decode(codec.encode(x))
    assert ((y - x) ** 2).mean() < 0.2 * x.var()


@pytest.mark.parametrize("tune", [pytest.param("", marks=pytest.mark.full), "6"])
def test_training_goes_on_where_it_stopped(plan: Plan, tmp_path: Path, tune: str) -> None:
    """KilledError in the middle and begun again, it ends with the very same profile."""

    class KilledError(Exception):
        pass

    def kill(line: dict[str, object]) -> None:
        if line["step"] == 40:
            raise KilledError

    plan = replace(plan, tune=tune)
    whole = Training(plan, tmp_path / "whole").run(quiet)
    with pytest.raises(KilledError):
        Training(plan, tmp_path / "cut").run(kill)
    again = Training(plan, tmp_path / "cut")
    assert again.trainer.step == 30
    assert again.run(quiet) == whole
    other = replace(plan, rate=1e-3)
    with pytest.raises(TrainingError, match="other rate"):
        Training(other, tmp_path / "cut")


def test_a_tuned_cloud_is_the_network_but_for_the_layers_that_were_named(
    plan: Plan, tmp_path: Path
) -> None:
    training = Training(replace(plan, tune="6"), tmp_path)
    profile = training.run(quiet)
    tuned = sw.load_model(plan.model, tmp_path / "3-tuned.safetensors")
    assert profile.learnt is not None
    assert profile.learnt.cloud == tuned.digest != profile.learnt.weights
    before, after = training.model.module.state_dict(), tuned.module.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    learnt = {f"network.{name}" for name in ("4.weight", "4.bias", "5.weight", "5.bias")}
    assert moved == learnt
    codec = sw.codec("learned:quality=50", profile=profile)
    x, reference = training.validation.x[:16].float(), training.validation.reference[:16].float()
    decoded = [torch.from_numpy(codec.decode(codec.encode(one)))[None] for one in x.numpy()]
    lost = []
    for model in (tuned, training.model):
        cloud = sw.split(model, "3").cloud
        logs = torch.cat([cloud(y).log_softmax(1) for y in decoded])
        lost.append(divergence(reference, logs).mean().item())
    assert lost[0] < lost[1]


def test_layers_to_tune_lie_behind_the_split(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="3 does not come after 3"):
        Training(replace(plan, tune="3"), tmp_path)
    with pytest.raises(TrainingError, match="from 5 to 6: nothing to train"):
        Training(replace(plan, split="5", tune="6"), tmp_path / "relu")


@pytest.fixture(scope="module")
def start() -> Start:
    random = np.random.default_rng(0)
    x = random.normal(size=(20, *SHAPE)) + 2 * random.normal(size=(20, SHAPE[0], 1, 1))
    learnt = learn(x, None)
    return Start(SHAPE, learnt, level(learnt.spectra))


@pytest.mark.parametrize("name", BUILTIN)
def test_streams_are_as_the_codec_in_training_has_them(start: Start, name: str) -> None:
    """The exported integers decode to what torch computes; bytes are near the estimate."""
    if name != "transform":
        pytest.importorskip("compressai", reason="needs the extra `learned`")
    torch.manual_seed(0)
    codec = architecture(name)(start)
    random = np.random.default_rng(1)
    x = torch.from_numpy(random.normal(size=(32, *SHAPE)).astype(np.float32))
    optimizer = torch.optim.Adam(codec.parameters(), 2e-3)
    for step in range(60):
        torch.manual_seed(step)
        y, bits = codec(x, torch.linspace(30, 72, len(x)))
        loss = 300 * ((y - x) ** 2).mean() + bits.mean() / 100
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    codec.eval()
    profile = sw.Profile("learned", codec.arrays(torch.split(x, 16)))
    with torch.no_grad():
        y, bits = codec(x, torch.full((len(x),), 60.0))
    made = sw.codec("learned:quality=60", profile=profile)
    streams = [made.encode(one) for one in x.numpy()]
    decoded = np.stack([made.decode(stream) for stream in streams])
    spent = 8 * np.mean([len(stream) for stream in streams])
    assert abs(spent - bits.mean().item()) < 0.15 * spent + 8 * 40
    if name == "transform":  # whose encoder searches, and finds other indices than rounding does
        assert ((decoded - x.numpy()) ** 2).mean() < 1.2 * ((y - x) ** 2).mean().item()
    else:
        assert ((decoded - y.numpy()) ** 2).mean() < 0.01 * x.var().item()


@pytest.mark.parametrize("name", BUILTIN)
def test_features_pass_before_any_training(start: Start, name: str) -> None:
    if name != "transform":
        pytest.importorskip("compressai", reason="needs the extra `learned`")
    codec = architecture(name)(start).eval()
    random = np.random.default_rng(0)
    x = random.normal(size=(16, *SHAPE)) + 2 * random.normal(size=(16, SHAPE[0], 1, 1))
    with torch.no_grad():
        coarse, fine = (
            codec(torch.tensor(x).float(), torch.full((16,), q))[0] for q in (30.0, 72.0)
        )
    errors = [((y.numpy() - x) ** 2).mean() / x.var() for y in (coarse, fine)]
    assert errors[1] < 0.3 < 2 * errors[0]  # half as many latents as features can't hold noise


def test_latents_are_whole_strides_apart(start: Start) -> None:
    uneven = nn.Sequential(nn.Conv2d(SHAPE[0] + 1, 4, 3, stride=2))  # 9 to 4
    with pytest.raises(TrainingError, match="whole strides"):
        linear_start(start, np.eye(SHAPE[0]), tuple(uneven(torch.zeros(1, 7, 9, 9)).shape[1:]))


def test_architectures_are_found_by_name() -> None:
    with pytest.raises(TrainingError, match="did you mean 'transform'"):
        architecture("transfrom")

    def other(start: Start) -> None:
        raise NotImplementedError

    architecture("transform")
    with pytest.raises(TrainingError, match=r"train\.transform's"):
        register_architecture("transform")(other)  # type: ignore[arg-type]


def test_the_architecture_of_the_guide_trains_and_codes(plan: Plan, tmp_path: Path) -> None:
    """docs/learned.md adds one in a file of at most 40 lines."""
    pytest.importorskip("compressai", reason="needs the extra `learned`")
    guide = Path(__file__).parents[2] / "docs" / "learned.md"
    code = re.findall(r"^```python\n(.*?)^```", guide.read_text("utf-8"), re.M | re.S)[1]
    (tmp_path / "narrow.py").write_text(code)
    made = replace(plan, architecture=f"{tmp_path / 'narrow.py'}:narrow", schedule=Schedule(2))
    training = Training(made, tmp_path)
    codec = sw.codec("learned", profile=training.run(quiet))
    x = training.features.x[0].float().numpy()
    assert codec.decode(codec.encode(x)).shape == x.shape


@pytest.mark.parametrize("where", [(), pytest.param(("--ray", "local"), marks=pytest.mark.full)])
def test_the_command_line_trains_a_profile_for_each_rate(
    where: tuple[str, ...],
    desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = f"{desk / 'net.py'}:small 3 --data {desk / 'photos'} -o {tmp_path} --steps 2 --crops 16"
    rates = ("--rate", "1e-4", "--rate", "1e-3")
    monkeypatch.setattr("sys.argv", ["splitwire", "train", *words.split(), *rates, *where])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    said = capfd.readouterr().out
    for rate in ("0.0001", "0.001"):
        path = tmp_path / f"rate-{rate}" / "3-learned.profile"
        learnt = sw.Profile.load(path).learnt
        assert learnt is not None and learnt.rate == float(rate)
        assert f"{path.name}: " in said


def test_a_photo_that_is_held_out_is_not_trained_on_under_another_name(
    plan: Plan, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(plan.data, photos)
    plan = replace(plan, data=str(photos), crops=16)
    first = Training(plan, tmp_path / "a")
    (held,) = held_out(load_photos(str(photos)))[1]
    held.open().resize((100, 100)).save(photos / "99.jpg")
    again = Training(plan, tmp_path / "b")
    assert torch.equal(first.features.x, again.features.x)
    with pytest.raises(TrainingError, match="holds features of something else"):
        held.path.unlink()
        Training(plan, tmp_path / "b")


def test_views_of_one_original_stay_together() -> None:
    names = [f"{letter}-{view}" for letter in "abcdefghijkl" for view in (1, 2)]
    train, aside = held_out([Photo(f"{name}.jpg", Path(name)) for name in names])
    assert [photo.name for photo in aside] == ["f-1.jpg", "f-2.jpg"]
    assert len(train) == 22
    with pytest.raises(TrainingError, match="too few"):
        held_out([Photo("a.jpg", Path("a"))])


def test_a_folded_network_computes_the_same(plan: Plan) -> None:
    cut = sw.split(sw.load_model(plan.model), "input")
    (name,) = {type(cut.cloud.body).__name__}  # a graph
    folded = fold(cut.cloud.body)  # type: ignore[arg-type]
    x = torch.rand(1, 3, 40, 40) * 255
    torch.testing.assert_close(folded(x)[0], cut.cloud(x), rtol=1e-4, atol=1e-4)
    count: Callable[[torch.nn.Module], int] = lambda body: len(list(body.graph.nodes))  # type: ignore[union-attr, arg-type]  # noqa: E731
    assert count(folded) < count(cut.cloud.body), name  # type: ignore[arg-type]


def test_rates(tmp_path: Path) -> None:
    assert rates((), tmp_path) == [(0.0, tmp_path)]
    assert rates([1e-5], tmp_path) == [(1e-5, tmp_path)]
    several = rates([1e-5, 2e-5], tmp_path)
    assert several == [(1e-5, tmp_path / "rate-1e-05"), (2e-5, tmp_path / "rate-2e-05")]
    for wrong in ([0.0], [float("nan")], [1e-5, -1.0]):
        with pytest.raises(TrainingError, match="--rate"):
            rates(wrong, tmp_path)


def test_errors_are_judged_by_the_outputs_of_other_pictures_too() -> None:
    torch.manual_seed(0)
    reference = (3 * torch.randn(16, 10)).log_softmax(1)
    assert divergence_from_many(reference, reference).abs().max() < 1e-5
    # An error of a class that this picture rules out, and others do not, costs only by theirs.
    reference[0] = torch.tensor([0.0] + [-20.0] * 9).log_softmax(0)
    logs = reference.clone()
    logs[0, 5] += 3
    assert divergence(reference, logs)[0] < 1e-5
    assert divergence_from_many(reference, logs)[0] > 0.05
