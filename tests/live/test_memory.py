import platform
import subprocess
import sys

import pytest

TOUCHES = 20 * 8 * (8 << 20) // 4096
FAULTS = """
import resource
import torch
from splitwire.runner.memory import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        [torch.ones(8 << 20, dtype=torch.uint8) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_memory_that_is_kept_is_not_touched_anew() -> None:
    """Else most touches of a page are faults, in most processes."""
    run = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True)
    assert int(run.stdout) < TOUCHES / 100
