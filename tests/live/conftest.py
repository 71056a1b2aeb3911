from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from deployment import start_cloud, write_files
from numpy.typing import NDArray

import splitwire as sw


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small networks and a task."""
    folder = tmp_path_factory.mktemp("net")
    write_files(folder)
    return folder


@pytest.fixture(scope="session")
def small(net: Path) -> Iterator[sw.Model]:
    """The network that the cloud of these tests holds, under the same name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(net)
        yield sw.load_model("net.py:small")


@pytest.fixture(scope="session")
def small_picture() -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="session")
def address(net: Path) -> Iterator[str]:
    """A cloud on loopback that everyone may speak to."""
    cloud = start_cloud(net, "--port", "0", "--max-message", "100000", models=MODELS)
    yield cloud.event("listening")["address"]
    assert cloud.stop() == 0


MODELS = [f"net.py:{name}" for name in ("small", "negative_is_nan", "no_classifier")]
