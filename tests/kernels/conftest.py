from types import ModuleType

import pytest

import splitwire.kernels
import splitwire.kernels.reference


@pytest.fixture(
    params=[splitwire.kernels, splitwire.kernels.reference], ids=["compiled", "reference"]
)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Either implementation: what a test asks of one, it asks of both."""
    return request.param
