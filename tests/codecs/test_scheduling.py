"""Coding leaves the process scheduled as it was: others share the machine."""

import os
from pathlib import Path

import numpy as np
import pytest

import splitwire as sw
from splitwire.codecs.ffmpeg import _scheduling_kept

FRAME = np.random.default_rng(0).standard_normal((8, 14, 14)).astype(np.float32)


def policies() -> set[int]:
    """Those of all threads; an encoder's own may end while they are looked at."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        try:
            found.add(os.sched_getscheduler(int(thread.name)))
        except ProcessLookupError:
            continue
    return found


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system is not Linux")
@pytest.mark.parametrize("name", ["h264", "hevc", "av1"])
def test_no_thread_is_real_time_after_coding(name: str) -> None:
    """SVT-AV1, run by root, had made the calling thread and all its children so."""
    before = policies()
    sw.decode(sw.codec(name).encode(FRAME))
    assert policies() == before
    encoder = sw.codec(name).encoder()
    for _ in range(2):  # its threads live on between frames
        encoder.encode(FRAME)
        assert policies() == before


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system is not Linux")
def test_scheduling_that_an_encoder_changed_is_given_back() -> None:
    """By one that does what anybody may do, as SVT-AV1 does what root may."""
    before = os.sched_getscheduler(0)
    with _scheduling_kept():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        assert os.sched_getscheduler(0) != before
    assert os.sched_getscheduler(0) == before
