"""Networks of several inputs, which take tensors by name from .npz files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from small_runs import Plan, few_crops

import splitwire as sw
from splitwire.bundle.steps import steps_of
from splitwire.cli import main
from splitwire.data.fingerprint import fingerprints
from splitwire.data.photos import crops, load_photos
from splitwire.errors import BundleError, DataError, ModelError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run
from splitwire.models.inputs import Inputs
from splitwire.report.page import write_report

STEREO = """
import torch
from torch import nn
from splitwire.models.inputs import Inputs

class Stereo(nn.Module):
    def __init__(self):
        super().__init__()
        self.eye = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 8, 3, 2), nn.ReLU())
        self.head = nn.Linear(8 * 7 * 7 + 2, 5)

    def forward(self, left, right, speed):
        both = self.eye(left) - self.eye(right)
        return 20 * self.head(torch.cat([both.flatten(1), speed], 1))  # sure of itself

INPUTS = Inputs({"left": (3, 32, 32), "right": (3, 32, 32), "speed": (2,)})

def stereo():
    return Stereo(), INPUTS

def half():
    return Stereo().to(torch.bfloat16), INPUTS

def misnamed():
    return Stereo(), Inputs({"left": (3, 32, 32), "write": (3, 32, 32), "speed": (2,)})

def counted():
    return Stereo(), Inputs({"left": (3, 32, 32), "right": (3, 32, 32), "speed": 2})
"""
SHAPES = {"left": (3, 32, 32), "right": (3, 32, 32), "speed": (2,)}


def arrays(seed: int) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=s).astype(np.float32) for name, s in SHAPES.items()}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("stereo") / "net.py"
    path.write_text(STEREO, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of examples: some to measure on, in folders that are classes, and some others."""
    root = tmp_path_factory.mktemp("examples")
    for number in range(12):
        folder = root / ("others" if number > 3 else f"measured/{number % 2}")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"{number}.npz", frame=np.array(number), **arrays(number))
    return root


def test_a_cut_anywhere_gives_what_the_network_gives_for_its_tensors(file: str) -> None:
    model, given = sw.load_model(f"{file}:stereo"), arrays(0)
    assert model.input_shape == (1, 2 * 3 * 32 * 32 + 2)
    x = model.preprocess.picture(given)
    expected = model.network(**{name: torch.from_numpy(v)[None] for name, v in given.items()})
    assert torch.equal(model(torch.from_numpy(x)[None]), expected)
    for point in sw.cut_points(model):
        cut = sw.split(model, point.name)
        assert torch.equal(cut.finish(cut.start(x)), expected), point.name
    behind = {c.shape for c in sw.split(model, "eye").crossings}
    assert (1, 2) in behind or any(shape[-1] == 2 for shape in behind)  # the speed, for the cloud


def test_a_network_in_half_precision_is_given_its_own(file: str) -> None:
    model = sw.load_model(f"{file}:half")
    x = torch.from_numpy(model.preprocess.picture(arrays(0)))[None]
    cut = sw.split(model, "head")
    assert torch.equal(cut.cloud(*cut.edge(x)), model(x)) and model(x).dtype == torch.bfloat16


def test_codecs_are_calibrated_and_scored_on_files_of_tensors(
    file: str, data: Path, tiny: Plan, tmp_path: Path
) -> None:
    changes = {"data": str(data / "measured"), "calibration": str(data / "others"), "limit": None}
    codecs = ("raw:bits=8", "ftc:quality=30+70")
    experiment = load_experiment(
        None,
        **{
            **tiny().as_dict(),
            **changes,
            "model": f"{file}:stereo",
            "splits": ("eye.1",),
            "codecs": codecs,
            "pictures": ("picture:format=png",),
        },
    )
    with few_crops():
        run = Run(experiment, tmp_path / "run")
    samples = list(run)
    assert len(samples) == 4 * (1 + 1 + 1 + 2) and not any(s.error for s in samples)
    assert run.missing == {"picture:format=png": "pictures of three channels"}
    assert all("top1" in s.metrics for s in samples)
    fine = [s.divergence for s in samples if s.codec == "ftc:quality=70"]
    coarse = [s.divergence for s in samples if s.codec == "ftc:quality=30"]
    assert 0 < sum(map(float, fine)) < sum(map(float, coarse))  # type: ignore[arg-type]
    assert read_run(tmp_path / "run")[0].evaluation.startswith("4 pictures (4 labelled)")
    assert write_report(tmp_path / "run").is_file()


def test_what_is_calibrated_on_is_known_again(data: Path) -> None:
    photos = load_photos(str(data / "others"))
    assert len(set(fingerprints(photos))) == len(photos) == 8
    shown = list(crops(photos, Inputs(SHAPES), 16, seed=0))
    assert len({crop.tobytes() for crop in shown}) == 8  # each as it is, and each twice


def test_what_is_no_example_is_refused_in_words(file: str, data: Path, tmp_path: Path) -> None:
    inputs = Inputs(SHAPES)
    wanted = r"\.npz files of left \(3, 32, 32\), right \(3, 32, 32\), speed \(2,\)"
    with pytest.raises(DataError, match=rf"the network takes tensors: give {wanted}"):
        inputs.picture(Image.new("RGB", (9, 9)))
    without = {name: x for name, x in arrays(0).items() if name != "right"}
    with pytest.raises(DataError, match=rf"right is none, and .* is wanted: {wanted}"):
        inputs.picture(without)
    with pytest.raises(DataError, match=r"speed is \(3,\), and \(2,\) is wanted"):
        inputs.picture({**arrays(0), "speed": np.zeros(3)})
    with pytest.raises(DataError, match="leave `views` at 1"):
        inputs.picture(arrays(0), 1)
    with pytest.raises(DataError, match="the network takes pictures"):
        sw.load_model("lite0").preprocess.picture(arrays(0))
    with pytest.raises(ModelError, match="shapes of at least one number"):
        Inputs({"left": ()})
    with pytest.raises(ModelError, match=r"are left, write, speed, .* takes left, right, speed"):
        sw.load_model(f"{file}:misnamed")
    with pytest.raises(DataError, match="speed holds <U4: save real numbers"):
        inputs.picture({**arrays(0), "speed": np.array(["fast", "slow"])})
    with pytest.raises(DataError, match="speed holds complex128: save real numbers"):
        inputs.picture({**arrays(0), "speed": np.zeros(2, complex)})
    with pytest.raises(DataError, match="speed holds NaN"):
        inputs.picture({**arrays(0), "speed": np.full(2, np.nan)})
    with pytest.raises(ModelError, match=r"net.py:counted: .* as \(3, 224, 224\) or \(1,\), not"):
        sw.load_model(f"{file}:counted")
    with pytest.raises(BundleError, match="this one tensors by name: left"):
        steps_of(inputs)
    np.savez(tmp_path / "lone.npz", **without)
    (photo,) = load_photos(str(tmp_path))
    with pytest.raises(DataError, match=rf"{photo.path}: right is none"):
        photo.taken(inputs)
    with pytest.raises(DataError, match=rf"{photo.path}: right is none"):
        next(crops([photo], inputs, 1, seed=0))
    (tmp_path / "broken.npz").write_bytes((data / "others" / "5.npz").read_bytes()[:200])
    with pytest.raises(DataError, match=r"broken.npz is no .npz file of arrays that can be read"):
        load_photos(str(tmp_path))


def test_they_run_live(
    file: str, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an edge takes of a folder is what `eval` takes."""
    from splitwire.live.supply import supply

    pictures, frames = supply(Inputs(SHAPES), str(data / "measured"), 4)
    assert pictures is not None
    for (name, x), number in zip(frames, (0, 2, 1, 3), strict=True):
        assert name.endswith(f"{number}.npz")
        np.testing.assert_array_equal(x, Inputs(SHAPES).picture(arrays(number)))
    monkeypatch.setattr("sys.argv", ["splitwire", "splits", f"{file}:stereo"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code and "eye" in capsys.readouterr().out
