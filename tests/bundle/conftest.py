from pathlib import Path

import pytest
from small_bundle import exported
from torch import nn

import splitwire as sw
from splitwire.bundle.opened import Bundle
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")


@pytest.fixture(scope="session")
def small() -> sw.Model:
    """A convolutional network whose `view` says a batch of one."""
    layers = (nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 8, 3, 2), nn.Flatten())
    return assemble("small", nn.Sequential(*layers, nn.Linear(392, 10)), HOW)


@pytest.fixture(scope="session")
def folder(small: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle; not to be written to."""
    path = tmp_path_factory.mktemp("bundle") / "small"
    exported(path, small, "1", "raw:bits=8")
    return path


@pytest.fixture(scope="session")
def bundle(folder: Path) -> Bundle:
    return Bundle(folder)
