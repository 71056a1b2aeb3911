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
from dataclasses import replace
from itertools import cycle, islice
from time import monotonic

import numpy as np

from splitwire.calibrate.store import ProfileStore
from splitwire.live import loops
from splitwire.live.choosing import open_choice, shared
from splitwire.live.cloud_process import CloudProcess
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.live.supply import supply
from splitwire.models.load import load_model
from splitwire.runner.link import Trace
from splitwire.runner.local import COMPUTED
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

WARM = 20  # frames that are not counted
SLOWNESS = 4.0  # of the edge that is


def run(way: Drive, pictures: list, frames: int) -> tuple[list[Record], float]:
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


def overhead(way: Drive, pictures: list, frames: int) -> None:
    records, _ = run(way, pictures, frames)
    over = [r.total - sum(r.seconds[stage] for stage in COMPUTED) for r in records]
    ahead = [r.total - sum(r.seconds.values()) for r in records]
    stages = ", ".join(f"{stage} {p50([r.seconds[stage] for r in records])}" for stage in COMPUTED)
    print(f"overhead p50 {p50(over)} ms, {p50(ahead)} of it beyond the round trip; {stages}")


def throughput(way: Drive, pictures: list, frames: int) -> None:
    records, rate = run(way, pictures, frames)
    seconds = {stage: float(np.mean([r.seconds[stage] for r in records])) for stage in COMPUTED}
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
    pictures, half = list(supply(model.preprocess, "samples", 20)[1]), asked.frames // 2
    task = load_task(None, model)
    choice = open_choice(model, shared(asked.split, asked.codec), ProfileStore(), task.name)
    with CloudProcess() as address:
        drive = Drive(address, task, [choice], deadline=10.0)
        overhead(replace(drive, in_flight=1), pictures, asked.frames)
        throughput(drive, pictures, asked.frames)
        throughput(replace(drive, slowness=SLOWNESS), pictures, half)
        throughput(replace(drive, slowed=Slowed(Trace.constant(100e3), 0.005)), pictures, half)


if __name__ == "__main__":
    main()
