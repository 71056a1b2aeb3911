"""Runs with a fine-tuned cloud: judged by the network as it was, refused where it does not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import Plan
from torch import nn

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.profile import Profile, Provenance
from splitwire.data.photos import load_photos
from splitwire.errors import ExperimentError
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run
from splitwire.live.choosing import choices_of_run, open_choice, shared
from splitwire.report.page import write_report


@pytest.fixture(scope="module")
def weights(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of the tiny network, but for the bias of its layer "2"."""
    path = tmp_path_factory.mktemp("tuned") / "tuned.pt"
    network = sw.load_model(tiny().model).module.network
    assert isinstance(network, nn.Module)
    state = network.state_dict()
    torch.save({**state, "2.bias": state["2.bias"] + 1}, path)
    return path


@pytest.fixture
def experiment(tiny: Plan, weights: Path) -> Plan:
    """As `tiny`, cut before what differs."""
    least = {"splits": ("1",), "limit": 2, "codecs": ("raw:bits=8",), "cloud_weights": str(weights)}
    return lambda **changes: tiny(**{**least, **changes})


def test_outputs_are_judged_by_the_network_as_it_was(
    experiment: Plan, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    samples = list(Run(experiment(), out))
    plain = sw.load_model(experiment().model)
    tuned = sw.load_model(plain.name, weights)
    photo = load_photos("samples", len({s.photo for s in samples}))[0]
    x = torch.from_numpy(plain.preprocess.picture(photo.open()))[None]
    p, q = (each(x)[0].log_softmax(0).double() for each in (plain, tuned))
    lost = {s.codec: s.divergence for s in samples if s.photo == photo.name}
    assert lost[""] == 0
    assert lost["raw:dtype=float32"] == pytest.approx(float((p.exp() * (p - q)).sum()), rel=1e-4)
    head, _ = read_run(out)
    assert (head.model.digest, head.model.deployed) == (plain.digest, tuned.digest)
    assert "fine-tuned cloud" in write_report(out).read_text(encoding="utf-8")
    assert choices_of_run(out, tuned, 100.0)  # which runs live with the tuned weights
    with pytest.raises(ExperimentError, match="another network"):
        choices_of_run(out, plain, 100.0)


def test_the_edge_half_is_nobodys_to_tune(experiment: Plan, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"at the edge of 2 too \(network.2.bias\)"):
        Run(experiment(splits=("2",)), tmp_path / "run")


def test_a_run_does_not_go_on_with_other_weights(experiment: Plan, tmp_path: Path) -> None:
    list(Run(experiment(), tmp_path / "run"))
    with pytest.raises(ExperimentError, match="cloud_weights"):
        Run(experiment(cloud_weights=None), tmp_path / "run")


def test_a_profile_that_wants_its_cloud_gets_no_other(
    experiment: Plan, weights: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 8, 15, 15)).astype(np.float32)
    learnt = sw.codec("ftc").calibrate(x).profile
    tuned = sw.load_model(experiment().model, weights)
    told = Provenance("tiny", "0" * 16, "1", "ftc", data=("noise",), cloud=tuned.digest)
    profile = Profile("ftc", learnt.arrays, learnt=told)
    spec = f"ftc:profile={profile.save(tmp_path / 'a.profile').path}"
    assert list(Run(experiment(codecs=(spec,)), tmp_path / "tuned"))
    with pytest.raises(ExperimentError, match="layers of the cloud fine-tuned"):
        Run(experiment(codecs=(spec,), cloud_weights=None), tmp_path / "plain")
    assert open_choice(tuned, shared("1", spec), ProfileStore(), "classification").codecs
    with pytest.raises(ExperimentError, match="layers of the cloud fine-tuned"):
        open_choice(sw.load_model(tuned.name), shared("1", spec), ProfileStore(), "classification")
