"""What tests of several folders share: the default network, one of its photos, and runs."""

import numpy as np
import pytest
from made_up_run import make_run  # noqa: F401
from numpy.typing import NDArray
from small_runs import plan, tiny, whole  # noqa: F401

import splitwire as sw
from splitwire.data.photos import load_photos


@pytest.fixture(scope="session")
def lite0() -> sw.Model:
    return sw.load_model("lite0")


@pytest.fixture(scope="session")
def picture(lite0: sw.Model) -> NDArray[np.float32]:
    """The first sample photo as the network takes it."""
    return lite0.preprocess.picture(load_photos("samples", 1)[0].open())
