"""Experiments that are quick to run, as fixtures (conftest.py makes them known)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from splitwire.calibrate.calibrator import Calibrator
from splitwire.eval.experiment import Experiment, load_experiment
from splitwire.eval.run import Run

SMALL = """
limit = 2
splits = ["blocks.3"]
codecs = ["raw:bits=8+4", "jpeg"]
pictures = ["picture:format=png", "picture:format=jpeg"]
edge = "this"
cloud = "this"

[[links]]
name = "slow"
rate = 1e5
rtt = 0.01

[[links]]
name = "lossy"
rate = 1e5
loss = 0.05
"""


# Networks that are quick to load: a classifier, and two that are none.
NETS = """
from torch import nn
from splitwire.models.preprocess import Preprocess

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")

def small():
    ends = nn.Conv2d(3, 8, 3, 2), nn.Linear(8 * 7 * 7, 10)
    return nn.Sequential(ends[0], nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.Flatten(), ends[1]), HOW

def single():
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1800, 1)), HOW

def dense():
    return nn.Conv2d(3, 2, 3, stride=2), HOW
"""


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def whole(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small experiment, run without a break."""
    out = tmp_path_factory.mktemp("whole")
    assert len(list(Run(load_experiment(plan), out))) == 2 * (1 + 2 + 4)
    return out


@contextmanager
def few_crops(count: int = 24) -> Iterator[None]:
    """Evaluations learn from as many crops as tell something, where it is not the question what."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("splitwire.eval.run.Calibrator", partial(Calibrator, count=count))
        yield


Plan = Callable[..., Experiment]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Makes an experiment of as little as possible, but for what it is given."""
    file = tmp_path_factory.mktemp("nets") / "nets.py"
    file.write_text(NETS, encoding="utf-8")

    def plan(net: str = "small", **changes: Any) -> Experiment:
        least: dict[str, Any] = dict.fromkeys(("codecs", "pictures", "links"), ())
        least.update(model=f"{file}:{net}", splits=("2",), limit=1, edge="this", cloud="this")
        return load_experiment(None, **{**least, **changes})

    return plan
