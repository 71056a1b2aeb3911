import os
import subprocess
import sys

import pytest

from splitwire import kernels
from splitwire.kernels import _isa


def imported_with(choice):
    environment = {**os.environ, "SPLITWIRE_ISA": choice}
    command = [sys.executable, "-c", "from splitwire import kernels; print(kernels.isa)"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("choice", _isa.supported())
def test_the_environment_chooses(choice):
    assert imported_with(choice).stdout.strip() == choice


def test_the_best_is_taken_without_a_choice():
    assert imported_with("").stdout.strip() == _isa.supported()[-1]
    assert kernels.isa in _isa.supported()


def test_another_choice_is_refused():
    error = imported_with("mmx").stderr
    assert "ImportError: SPLITWIRE_ISA" in error
    assert "'mmx'" in error
    assert "baseline" in error


def test_using_another_is_refused():
    before = _isa.name()
    with pytest.raises(ValueError, match="baseline"):
        _isa.use("neon")
    assert _isa.name() == before
