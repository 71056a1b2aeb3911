"""Mutated streams through the entropy decoders, under sanitizers where the compiler has them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory):
    """The compiled mutation fuzzer of tests/fuzz, which says how to run it for long."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform == "win32":
        pytest.skip("no C compiler")
    binary = tmp_path_factory.mktemp("fuzz") / "entropy"
    source = [ROOT / "tests/fuzz/entropy.c", "-I", ROOT / "splitwire/kernels", "-o", binary]
    for flags in (SANITIZERS, []):
        if not subprocess.run([compiler, "-O1", *flags, *source], capture_output=True).returncode:
            return binary
    pytest.skip("the C compiler does not compile the fuzzer")


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_streams(fuzzer, seed):
    done = subprocess.run([fuzzer, "20000", str(seed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "damaged streams" in done.stdout


@pytest.mark.full
def test_many_damaged_streams(fuzzer):
    done = subprocess.run([fuzzer, "10000000", "3"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
