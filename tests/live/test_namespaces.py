"""Edge and cloud in two network namespaces, over a link with a rate, a delay, losses and cuts.

pytest -m full tests/live/test_namespaces.py -s     prints live beside simulated times
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import wire

from splitwire.eval.samples import Sample, read_run
from splitwire.report.findings import on_live
from splitwire.runner.local import COMPUTED

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(wire.missing() is not None, reason=str(wire.missing())),
]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
RTT = 0.005  # asked of the test link; what it takes beyond is its own
CONNECT = """
import socket, statistics, sys, time
taken = []
for _ in range(50):
    begin = time.perf_counter()
    socket.create_connection((sys.argv[1], 7070)).close()
    taken.append(time.perf_counter() - begin)
    time.sleep(0.02)
print(statistics.median(taken))
"""


def inside(space: str, *arguments: str) -> Any:
    command = ["ip", "netns", "exec", space, sys.executable, "-m", "splitwire", *arguments]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, env=ENVIRONMENT, **pipes)  # type: ignore[call-overload]


@contextmanager
def deployment(rate: float, loss: float = 0.0) -> Iterator[Any]:
    """A link, and a cloud at its far end; yields the link."""
    with wire.link("sw", rate, RTT, loss) as link:
        cloud = inside("sw2", "cloud", "--host", wire.FAR, "--open-to-all")
        assert "listening" in cloud.stderr.readline()
        try:
            yield link
        finally:
            cloud.terminate()
            cloud.communicate()


def round_trip() -> float:
    """Seconds that the link's round trip takes, as the opening of a connection has it."""
    command = ["ip", "netns", "exec", "sw1", sys.executable, "-c", CONNECT, wire.FAR]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def live(out: Path, frames: int, *options: str) -> Any:
    """An edge at the near end, started."""
    where = ("--connect", f"http://{wire.FAR}:7070", "--frames", str(frames), "--out", str(out))
    return inside("sw1", "edge", *where, *options)


def finished(edge: Any, out: Path, frames: int) -> list[Sample]:
    """The samples of its frames; each has one."""
    _, said = edge.communicate(timeout=600)
    assert edge.returncode == 0, said
    samples = [sample for sample in read_run(out)[1] if sample.total is not None]
    assert len(samples) == frames
    print("\n", *on_live(samples))
    return samples


@pytest.mark.parametrize("device", ["this", "phone-2019"])
@pytest.mark.parametrize("rate", [450e3, 3e6])
def test_the_live_link_is_the_simulated_one(tmp_path: Path, rate: float, device: str) -> None:
    options = ("--in-flight", "1", "--device", device)
    with deployment(rate):
        rtt = round_trip()
        samples = finished(live(tmp_path / "run", 150, *options), tmp_path / "run", 150)
    here = [sum(getattr(s, stage) for stage in COMPUTED) for s in samples]
    simulated = np.array(here) + [rtt + s.bytes / rate for s in samples]
    totals = np.median([s.total or 0 for s in samples])
    ratio = totals / np.median(simulated)
    where = f"{rate:,.0f} B/s, {1e3 * rtt:.2f} ms, edge {device}"
    print(f"p50 at {where}: live {1e3 * totals:.1f} ms, {ratio:.3f} of simulated")
    assert ratio > 0.98  # how far above depends on who else uses the machine


@pytest.mark.parametrize("loss", [0.01, 0.05])
def test_lost_packets_cost_time_and_no_frame(tmp_path: Path, loss: float) -> None:
    with deployment(3e6, loss):
        samples = finished(live(tmp_path / "run", 300), tmp_path / "run", 300)
    assert not [sample.error for sample in samples if sample.error]
    assert sum(sample.fallback is None for sample in samples) > 150


def test_a_cut_of_ten_seconds_costs_no_frame(tmp_path: Path) -> None:
    frames = 1500
    with deployment(3e6) as link:
        edge = live(tmp_path / "run", frames, "--deadline", "0.5")
        while not (tmp_path / "run" / "samples.jsonl").exists():
            sleep(0.1)
        sleep(2)
        wire.tell(link, "cut")
        sleep(10)
        wire.tell(link, "mend")
        samples = finished(edge, tmp_path / "run", frames)
    outcomes = Counter(bool(sample.fallback) for sample in samples)
    assert not [sample.error for sample in samples if sample.error]
    assert outcomes[True] >= 1
    assert samples[-1].fallback is None, "the edge never came back to the cloud"
