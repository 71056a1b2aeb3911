"""What tests of several folders share: the default network and one of its photos."""

import numpy as np
import pytest
from numpy.typing import NDArray

import splitwire as sw
from splitwire.eval.datasets import load_photos


@pytest.fixture(scope="session")
def lite0() -> sw.Model:
    return sw.load_model("lite0")


@pytest.fixture(scope="session")
def picture(lite0: sw.Model) -> NDArray[np.float32]:
    """The first sample photo as the network takes it."""
    return lite0.preprocess.picture(load_photos("samples", 1)[0].open())
