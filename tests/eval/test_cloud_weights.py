"""Runs with a fine-tuned cloud: judged by the network as it was, refused where it does not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import splitwire as sw
from splitwire.codecs.profile import Profile
from splitwire.errors import ExperimentError
from splitwire.eval.drive import setting, settings_of_run
from splitwire.eval.experiment import Experiment, load_experiment
from splitwire.eval.report import write_report
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    first, second, last = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2), nn.Linear(392, 10)
    network = nn.Sequential(first, nn.ReLU(), second, nn.Flatten(), last)
    return network, Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, and weights of it that differ from the layer "2" on."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    network = sw.load_model(f"{folder / 'net.py'}:small")
    state = {
        name.removeprefix("network."): value for name, value in network.module.state_dict().items()
    }
    state = {name: value for name, value in state.items() if name not in ("mean", "std")}
    torch.save({**state, "2.bias": state["2.bias"] + 1}, folder / "tuned.pt")
    return folder


def plan(desk: Path, **changes: Any) -> Experiment:
    least: dict[str, Any] = dict.fromkeys(("pictures", "links"), ())
    least.update(
        model=f"{desk / 'net.py'}:small", splits=("1",), limit=2, edge="this", cloud="this"
    )
    least.update(codecs=("raw:bits=8",), cloud_weights=str(desk / "tuned.pt"))
    return load_experiment(None, **{**least, **changes})


def test_outputs_are_judged_by_the_network_as_it_was(desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    samples = list(Run(plan(desk), out))
    plain = sw.load_model(f"{desk / 'net.py'}:small")
    tuned = sw.load_model(plain.name, desk / "tuned.pt")
    photo = Run(plan(desk), out).photos[0]
    x = torch.from_numpy(plain.preprocess.picture(photo.open()))[None]
    p, q = (each(x)[0].log_softmax(0).double() for each in (plain, tuned))
    lost = {s.codec: s.divergence for s in samples if s.photo == photo.name}
    assert lost["none"] == 0
    assert lost["raw:dtype=float32"] == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-4)
    head, _ = read_run(out)
    assert (head["model"]["digest"], head["model"]["deployed"]) == (plain.digest, tuned.digest)
    assert "fine-tuned cloud" in write_report(out).read_text(encoding="utf-8")
    assert settings_of_run(out, tuned, 100.0, 1.0, 5)  # which runs live with the tuned weights
    with pytest.raises(ExperimentError, match="another network"):
        settings_of_run(out, plain, 100.0, 1.0, 5)


def test_the_edge_half_is_nobodys_to_tune(desk: Path, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"at the edge of 2 too \(network.2.bias\)"):
        Run(plan(desk, splits=("2",)), tmp_path / "run")


def test_a_run_does_not_go_on_with_other_weights(desk: Path, tmp_path: Path) -> None:
    list(Run(plan(desk), tmp_path / "run"))
    with pytest.raises(ExperimentError, match="cloud_weights"):
        Run(plan(desk, cloud_weights=None), tmp_path / "run")


def test_a_profile_that_wants_its_cloud_gets_no_other(desk: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 8, 15, 15)).astype(np.float32)
    learnt = sw.codec("ftc").calibrate(x).profile
    tuned = sw.load_model(f"{desk / 'net.py'}:small", desk / "tuned.pt")
    profile = Profile("ftc", learnt.arrays, about={"data": "noise", "cloud": tuned.digest})
    spec = f"ftc:profile={profile.save(tmp_path / 'a.profile').path}"
    assert list(Run(plan(desk, codecs=(spec,)), tmp_path / "tuned"))
    with pytest.raises(ExperimentError, match="layers of the cloud fine-tuned"):
        Run(plan(desk, codecs=(spec,), cloud_weights=None), tmp_path / "plain")
    assert setting(tuned, "1", spec, 5).codecs
    with pytest.raises(ExperimentError, match="layers of the cloud fine-tuned"):
        setting(sw.load_model(tuned.name), "1", spec, 5)
