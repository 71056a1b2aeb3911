from collections.abc import Iterator
from types import ModuleType

import pytest

import splitwire.kernels
import splitwire.kernels.reference
from splitwire.kernels import _isa


@pytest.fixture(params=[*_isa.supported(), "reference"], scope="module")
def kernels(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Each implementation that runs here: what a test asks of one, it asks of all."""
    if request.param == "reference":
        yield splitwire.kernels.reference
        return
    before = _isa.name()
    _isa.use(request.param)
    yield splitwire.kernels
    _isa.use(before)


@pytest.fixture(params=_isa.supported(), scope="module")
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that the processor has, in turn."""
    before = _isa.name()
    _isa.use(request.param)
    yield request.param
    _isa.use(before)
