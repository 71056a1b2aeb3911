"""What the live path costs beside its stages, and how near its throughput comes to the slowest one.

    python benchmarks/live.py [--codec jpeg:quality=50] [--split blocks.3] [--frames 300]

Starts a cloud on loopback and drives an edge in this process. Overhead is total less edge, encode,
decode and cloud (loopback transmits in no time), one frame under way. Throughput is with four under
way, against one over the mean time of the slowest stage: with both ends as fast as this machine,
then with an edge four times slower, then with a link of 100 kB/s. A frame from a batch has the time
of all of it, so that the first may come out above 100 %; and on two cores both ends share them.
Other work on the machine adds to all: root may start it as `chrt -f 10 python benchmarks/live.py`.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

import numpy as np

from splitwire.eval.samples import STAGES
from splitwire.live import drive, loops
from splitwire.live.connection import Address
from splitwire.live.edge import Record
from splitwire.models.load import load_model
from splitwire.runner.link import Trace
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads

WARM = 20  # frames that are not counted
SLOWNESS = 4.0  # of the edge that is


@contextmanager
def cloud() -> Iterator[str]:
    """A cloud on loopback; its address."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "splitwire", "cloud", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield json.loads(process.stderr.readline())["address"]
        finally:
            process.terminate()


def run(way: drive.Drive, pictures: list, frames: int) -> tuple[list[Record], float]:
    """The records after the warm-up, and how many came a second."""
    records, times = [], []

    async def collect() -> None:
        async for record in way.run(islice(cycle(pictures), frames + WARM)):
            assert record.outcome == "answered", record.reason
            records.append(record)
            times.append(monotonic())

    loops.run(collect(), emulated=way.slowed is not None)
    return records[WARM:], frames / (times[-1] - times[WARM - 1])


def p50(values: list[float]) -> str:
    return f"{1e3 * float(np.median(values)):.2f}"


def overhead(way: drive.Drive, pictures: list, frames: int) -> None:
    records, _ = run(way, pictures, frames)
    over = [r.total - sum(r.seconds[stage] for stage in STAGES) for r in records]
    ahead = [r.total - sum(r.seconds.values()) for r in records]
    stages = ", ".join(f"{stage} {p50([r.seconds[stage] for r in records])}" for stage in STAGES)
    print(f"overhead p50 {p50(over)} ms, {p50(ahead)} of it beyond the round trip; {stages}")


def throughput(way: drive.Drive, pictures: list, frames: int) -> None:
    records, rate = run(way, pictures, frames)
    seconds = {stage: float(np.mean([r.seconds[stage] for r in records])) for stage in STAGES}
    if way.slowed:
        sent = float(np.mean([r.bytes for r in records]))
        seconds["link"] = sent / way.slowed.trace.rates[0]
    slowest = max(seconds, key=lambda stage: seconds[stage])
    share = rate * seconds[slowest]
    print(f"{rate:.1f} frames a second: {share:.1%} of one over the slowest stage, {slowest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", default="jpeg:quality=50")
    parser.add_argument("--split", default="blocks.3")
    parser.add_argument("--frames", type=int, default=300)
    asked = parser.parse_args()
    limit_threads(1)
    keep_memory()
    model = load_model("lite0", "pretrained")
    pictures = list(drive.pictures(model, "samples", 20)[1])
    choice = [(drive.setting(model, asked.split, asked.codec, drive.FEW), None)]
    with cloud() as address:
        where = Address(address)
        overhead(drive.Drive(where, choice, 10.0, 1), pictures, asked.frames)
        throughput(drive.Drive(where, choice, 10.0, 4), pictures, asked.frames)
        throughput(drive.Drive(where, choice, 10.0, 4, SLOWNESS), pictures, asked.frames // 2)
        slow = drive.Slowed(Trace.constant(100e3), 0.005)
        throughput(drive.Drive(where, choice, 10.0, 4, 1.0, slow), pictures, asked.frames // 2)


if __name__ == "__main__":
    main()
