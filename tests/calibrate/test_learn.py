"""Features and gradients of calibration, against what they are by definition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from torch import nn

import splitwire as sw
from splitwire.calibrate.learn import LABELS, Trial, calibrate, more_bytes, watch
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.profile import Provenance, read_label
from splitwire.errors import TaskError
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.tasks.base import Task
from splitwire.tasks.classification import Classification

TASK = Classification()
SMALL = Preprocess(8, 10, (127.0,) * 3, (128.0,) * 3, "bilinear")


class Forked(nn.Module):
    """Two tensors cross between its stem and its head."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 3, 2), nn.Conv2d(3, 3, 3, 2)
        self.head = nn.Linear(5 * 9, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.left(x).flatten(1), self.right(x).flatten(1).tanh()], 1)
        return self.head(both)


def made(network: nn.Module) -> sw.Model:
    torch.manual_seed(0)
    for value in network.parameters():
        nn.init.normal_(value, std=0.3)
    return assemble("toy", network, SMALL)


@pytest.fixture(scope="module")
def forked() -> sw.Split:
    model = made(Forked())
    point = next(p for p in sw.cut_points(model) if len(p.crossings) == 2 and p.elements == 45)
    return sw.split(model, point.name)


@pytest.fixture(scope="module")
def pixels() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.uniform(0, 255, (3, 8, 8)).astype(np.float32) for _ in range(40)]


def chances(cut: sw.Split, features: list[np.ndarray]) -> np.ndarray:
    tensors = [torch.from_numpy(x)[None] for x in features]
    with torch.no_grad():
        return cut.cloud(*tensors)[0].double().log_softmax(0).numpy()


def test_a_gradient_is_the_slope_of_the_log_probability_of_a_class(
    forked: sw.Split, pixels: list[np.ndarray]
) -> None:
    (seen,) = watch(forked, pixels[:1], TASK)
    assert [x.shape for x in seen.features] == [c.shape[1:] for c in forked.crossings]
    assert len(seen.gradients) == LABELS
    for row in seen.gradients:
        slopes = []
        for i, slope in enumerate(row):
            assert slope.shape == seen.features[i].shape
            step = 1e-3 * slope / np.abs(slope).max()
            moved = [*seen.features]
            moved[i] = seen.features[i] + step
            slopes.append(
                (chances(forked, moved) - chances(forked, seen.features), (step * slope).sum())
            )
        fits = [np.isclose(found, expected, rtol=0.02) for found, expected in slopes]
        assert np.logical_and(*fits).any(), "the gradients of both tensors are of one class"


def test_the_gradients_average_to_nothing_and_their_squares_to_the_fisher_information(
    forked: sw.Split, pixels: list[np.ndarray]
) -> None:
    (once,) = watch(forked, pixels[:1])
    assert once.gradients == []
    many = list(watch(forked, pixels[:1] * 1500, TASK, seed=1))
    slopes = np.stack([np.concatenate([x.ravel() for x in r]) for s in many for r in s.gradients])
    leaves = [torch.from_numpy(x)[None].requires_grad_() for x in once.features]
    logs = forked.cloud(*leaves)[0].log_softmax(0)
    rows = [torch.autograd.grad(one, leaves, retain_graph=True) for one in logs]
    exact = np.stack([np.concatenate([g.numpy().ravel() for g in row]) for row in rows])
    shares = np.exp(logs.detach().numpy())
    information = np.einsum("k,ki,kj->ij", shares, exact, exact)
    error = np.abs(slopes.T @ slopes / len(slopes) - information).max()
    assert error < 0.1 * information.max()
    assert np.abs(slopes.mean(0)).max() < 0.1 * np.sqrt(information.max())


def test_the_same_seed_gives_the_same_profiles(forked: sw.Split, pixels: list[np.ndarray]) -> None:
    def digests(seed: int) -> list[str]:
        seen = list(watch(forked, pixels, TASK, seed))
        codecs = calibrate(Ftc(), forked, seen, TASK)
        assert [codec.profile is not None for codec in codecs] == [True, True]
        return [codec.profile.digest for codec in codecs if codec.profile]

    assert digests(0) == digests(0)
    assert digests(0) != digests(1)


class Rough(Classification):
    fidelity = 0.2


@pytest.mark.parametrize("task", [TASK, Rough()])
def test_the_middle_quality_loses_the_task_s_fidelity_on_held_out_pictures(
    forked: sw.Split, pixels: list[np.ndarray], task: Task
) -> None:
    """However little was learnt, and of pictures however much easier."""
    seen, held = (list(watch(forked, some, TASK)) for some in (pixels[:3], pixels[10:]))
    for crop in seen:
        crop.gradients[:] = [[slopes / 5 for slopes in row] for row in crop.gradients]
    codecs = calibrate(Ftc(quality=80), forked, seen, task, held)
    lost = []
    for crop in held:
        middle = [sw.codec("ftc", profile=codec.profile) for codec in codecs]
        decoded = [one.decode(one.encode(x)) for one, x in zip(middle, crop.features, strict=True)]
        p, q = chances(forked, crop.features), chances(forked, decoded)
        lost.append((np.exp(p) * (p - q)).sum())
    assert 0.8 < np.mean(lost) / task.fidelity < 1.25


def test_bytes_are_compared_at_equal_divergence() -> None:
    def curve(bytes_at_one: float, exponent: float = -0.7) -> list[Trial]:
        return [Trial("", d, bytes_at_one * d**exponent) for d in (0.3, 0.07, 0.02)]

    assert more_bytes(curve(120), curve(100), 0.05) == pytest.approx(0.2)
    assert more_bytes(curve(100), curve(100), 0.001) == pytest.approx(0)
    assert more_bytes(curve(100, -1), curve(100, -0.5), 0.01) == pytest.approx(9)


def test_a_network_without_logits_has_no_labels_to_draw(pixels: list[np.ndarray]) -> None:
    model = made(nn.Sequential(nn.Conv2d(3, 2, 3, stride=2), nn.ReLU()))
    cut = sw.split(model, "0")
    with pytest.raises(TaskError, match="a classifier gives one row of logits"):
        list(watch(cut, pixels[:1], TASK))
    (seen,) = watch(cut, pixels[:1])
    assert seen.features[0].shape == (2, 3, 3)


def test_what_a_profile_was_learnt_on_survives_the_file_but_is_not_in_its_digest(
    tmp_path: Path,
) -> None:
    arrays = {"lo": np.zeros(1, np.float32)}
    learnt = Provenance(
        "net", "0" * 16, "2", "raw:clip=profile", 1, ("mine", "yours"), 20, rate=0.5
    )
    plain, told = sw.Profile("raw", arrays), sw.Profile("raw", arrays, learnt=learnt)
    assert plain.digest == told.digest
    told.save(tmp_path / "p")
    plain.save(tmp_path / "q")
    assert sw.Profile.load(tmp_path / "p").learnt == learnt
    assert read_label(tmp_path / "p") == (told.digest, learnt)
    assert sw.Profile.load(tmp_path / "q").learnt is None


def test_a_profile_that_says_nonsense_of_itself_is_refused(tmp_path: Path) -> None:
    about = {"model": "m", "weights": "w", "split": "s", "settings": "raw", "crops": "many"}
    path = tmp_path / "p"
    path.write_bytes(save({"lo": np.zeros(1, np.float32)}, about | {"digest": "0" * 16}))
    for read in (sw.Profile.load, read_label):
        with pytest.raises(sw.ProfileError, match="does not say what it was learnt on"):
            read(path)


def test_a_profile_s_numbers_without_dimensions_survive_the_file(tmp_path: Path) -> None:
    saved = sw.Profile("raw", {"level": np.array(3, np.int32)}).save(tmp_path / "p")
    loaded = sw.Profile.load(tmp_path / "p")
    assert loaded == saved
    assert loaded.arrays["level"].shape == ()
