import os

import numpy as np
import torch

from splitwire.eval.machine import hardware, versions


def test_the_machine_is_this_one() -> None:
    here = hardware()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count())
    assert here.cores == len(allowed)
    assert here.threads == torch.get_num_threads()
    assert here.memory == 0 or here.memory > 1 << 28
    assert here.cpu


def test_versions_are_those_that_run() -> None:
    found = versions()
    assert (found["torch"], found["numpy"]) == (torch.__version__.split("+")[0], np.__version__)
