"""What a fleet of edges gets of so many replicas: simulated from times that are measured here.

    python benchmarks/scaling.py            # 10 to 10,000 edges against 1 to 64 replicas
    python benchmarks/scaling.py --check    # beside the real deployment, at 1, 2, 4 replicas

The simulation is simulated_cloud.py's. A door's time is the core's that it takes for a frame, and a
replica's is the least of several runs of its half, with the core's time that Ray takes beside; both
of a real deployment. Costs are of the cores that are kept (a replica and its share of a door each)
and of the bytes that are sent, at the prices given; beside them the same of whole pictures, which
are sent as WebP and run through the whole network.

The check runs a network whose second half is a device that takes 150 ms and 50 ms a frame, which is
a sleep: replicas that compute share the cores of this machine and could not show how they scale.
All clients send one frame after the other. It prints what was measured beside what was simulated:
from a lone client of the same deployment, just before and just after, so that other load on this
machine is in both. What doors and replicas compute they do on its cores, each second of which
takes longer by what a spinning probe was kept waiting meanwhile.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time

import numpy as np
import torch
from simulated_cloud import Fleet, Times, simulate

import splitwire as sw
from splitwire.data.photos import load_photos
from splitwire.live.handshake import Hello
from splitwire.models.batch import Batched
from splitwire.runner.local import decode, encode
from splitwire.runner.threads import limit_threads

sys.path.append(str(Path(__file__).parents[1] / "tests/live"))
from ray_cloud import Crowd, RayCloud, ray_cloud

CLIENTS, CHECK_SECONDS, WARM_SECONDS, LONE_SECONDS, IDLE_SECONDS = 24, 30.0, 8.0, 20.0, 4.0
EXACT, PICTURE = "raw:dtype=float32", "picture:format=webp,quality=80"
DEVICE = """
import time

import torch
from torch import nn

from splitwire.models.preprocess import Preprocess


@torch.library.custom_op("bench::device", mutates_args=())
def device(x: torch.Tensor) -> torch.Tensor:
    time.sleep(0.15 + 0.05 * x.shape[0])
    return x.clone()


@device.register_fake
def _(x):
    return torch.empty_like(x)


class Device(nn.Module):
    def forward(self, x):
        return torch.ops.bench.device(x)


def slow():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), Device(), nn.Flatten(), nn.Linear(900, 10))
    return network, Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""


def batch_times(model: sw.Model, at: str, sizes: list[int], rounds: int = 5) -> dict[int, float]:
    """Seconds of batches of a second half: the least of some rounds."""
    halves, found = sw.split(model, at), {}
    batched = Batched(halves.edge, halves.cloud, model.input_shape)
    with torch.inference_mode():
        features = halves.edge(torch.zeros(model.input_shape))
        for size in sizes:
            took = []
            for _ in range(rounds + 1):
                begin = perf_counter()
                batched([features] * size) if size > 1 else halves.cloud(*features)
                took.append(perf_counter() - begin)
            found[size] = min(took[1:])
    return found


def used(cloud: RayCloud) -> np.ndarray:
    """Seconds of cores that its doors have taken so far, and its halves."""
    found = []
    for deployment in ("door", "half"):
        stats = [Path(f"/proc/{pid}/stat").read_text() for pid in cloud.replicas(deployment)]
        found.append(sum(sum(map(int, s.rpartition(")")[2].split()[11:13])) for s in stats))
    return np.array(found) / os.sysconf("SC_CLK_TCK")


async def kept_waiting(ratios: list[float], busy: float = 0.004, pause: float = 0.2) -> None:
    """Note again and again how much longer than its core's time a short computation takes."""
    while True:
        begin, core = perf_counter(), thread_time()
        while thread_time() - core < busy:
            pass
        ratios.append((perf_counter() - begin) / (thread_time() - core))
        await asyncio.sleep(pause)


@dataclass(frozen=True)
class Heard:
    """What clients had of a cloud: seconds of each frame, and what else one costs.

    Attributes:
        seconds: of each answered frame.
        clouds: of the batches that they ran in.
        door, half: seconds of a core, a frame, beside what their processes take when idle.
        stretch: what a second of a core took.
    """

    seconds: np.ndarray
    clouds: np.ndarray
    door: float
    half: float
    stretch: float


async def crowd_of(
    cloud: RayCloud, hello: Hello, packet: bytes, clients: int, seconds: float
) -> Heard:
    """What so many clients have of a cloud, once all is warm."""
    ratios: list[float] = []
    start = used(cloud)
    await asyncio.sleep(IDLE_SECONDS)
    idle = (used(cloud) - start) / IDLE_SECONDS
    crowd = Crowd(cloud.address, hello, packet)
    running = asyncio.create_task(crowd.run(clients))
    await asyncio.sleep(WARM_SECONDS)
    probe = asyncio.create_task(kept_waiting(ratios))
    before, start = len(crowd.seconds), used(cloud)
    await asyncio.sleep(seconds)
    took, clouds = np.array(crowd.seconds[before:]), np.array(crowd.clouds[before:])
    door, half = np.maximum(0, used(cloud) - start - seconds * idle) / len(took)
    crowd.stopped = True
    probe.cancel()
    await running
    assert crowd.fates.keys() <= {"answered", "turned away"}, crowd.fates
    return Heard(took, clouds, float(door), float(half), float(np.mean(ratios)))


def lone(cloud: RayCloud, hello: Hello, packet: bytes, batches: dict[int, float]) -> Times:
    """The times of a deployment as a lone client has them."""
    heard = asyncio.run(crowd_of(cloud, hello, packet, 1, LONE_SECONDS))
    door, half = heard.door * heard.stretch, heard.half * heard.stretch
    way = np.maximum(0, heard.seconds - door - half - heard.clouds)
    delays = np.maximum(0, heard.clouds - batches[1])
    (p50, p99), late = 1e3 * np.percentile(way, [50, 99]), 1e3 * np.percentile(delays, 99)
    print(
        f"door {1e3 * heard.door:.1f} ms, replica {1e3 * heard.half:.1f} ms, each × "
        f"{heard.stretch:.2f}, way {p50:.1f} to {p99:.1f} ms, batches to {late:.1f} ms late; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return Times(door, tuple(way), batches, half, tuple(delays))


def check(folder: Path, fleets: list[int]) -> None:
    """The real deployment beside the simulated one."""
    (folder / "device.py").write_text(DEVICE, encoding="utf-8")
    sizes = [1, 2, 4]
    model = sw.load_model(str(folder / "device.py:slow"))
    packet = sw.codec(EXACT).encode(np.zeros((4, 15, 15), np.float32))
    hello, batches = Hello("device.py:slow", "0", EXACT), batch_times(model, "0", sizes)
    print("batches, ms:", {size: round(1e3 * took, 1) for size, took in batches.items()})
    for replicas in fleets:
        told = "models = ['device.py:slow']\nclients = 100\ndoor_cpus = 0.1\n[halves]\n"
        told += f"batch = {sizes[-1]}\ncpus = 0.1\nreplicas = {replicas}\n"
        with ray_cloud(folder, told) as cloud:
            first = lone(cloud, hello, packet, batches)
            heard = asyncio.run(crowd_of(cloud, hello, packet, CLIENTS, CHECK_SECONDS))
            last = lone(cloud, hello, packet, batches)
        door, half = (first.door + last.door) / 2, (first.replica + last.replica) / 2
        delays = first.delays + last.delays
        times = Times(door, first.way + last.way, batches, half, delays)
        fleet = Fleet(CLIENTS, replicas, batch=sizes[-1], cores=os.cpu_count())
        found = simulate(times, fleet, 10 * CHECK_SECONDS, WARM_SECONDS)
        pairs = [("frames/s", len(heard.seconds) / CHECK_SECONDS, found.rate)]
        for p in (50, 99):
            both = (np.percentile(seconds, p) for seconds in (heard.seconds, found.seconds))
            pairs.append((f"p{p}", *both))
        for name, real, simulated in pairs:
            off = 100 * (simulated / real - 1)
            print(f"{replicas:8} {name:8} {real:7.2f} {simulated:7.2f} {off:+6.1f} %", flush=True)


def measured_way(cloud: RayCloud, at: str, codec: str) -> tuple[Times, float]:
    """The times of a way, and its mean bytes a frame, of the sample photos."""
    model, coder = sw.load_model("lite0"), sw.codec(codec)
    halves = sw.split(model, at)
    packets = []
    with torch.inference_mode():
        for photo in load_photos("samples"):
            picture = torch.from_numpy(model.preprocess.picture(photo.open()))[None]
            features = halves.edge(picture)
            packets.append(encode(features, [coder] * len(features)))
    begin = process_time()
    for packet in packets:
        decode(packet, [coder.decoder()] * len(halves.crossings), halves.crossings)
    decoding = (process_time() - begin) / len(packets)
    computing = batch_times(model, at, [1, 2, 4, 8])
    hello = Hello("lite0", at, codec)
    heard = asyncio.run(crowd_of(cloud, hello, packets[0], 1, LONE_SECONDS))
    door, half = heard.door, heard.half
    beside = max(0.0, half - computing[1])
    way = np.maximum(0, heard.seconds - (door + half) * heard.stretch)
    print(
        f"{at} {codec}: door {1e3 * door:.2f} ms (decoding {1e3 * decoding:.2f}), half "
        f"{1e3 * computing[1]:.2f} ms and Ray's {1e3 * beside:.2f}, "
        f"way {1e3 * np.median(way):.2f} ms"
    )
    batches = {size: took + size * beside for size, took in computing.items()}
    return Times(door, tuple(way), batches), float(np.mean([len(packet) for packet in packets]))


def table(asked: argparse.Namespace, folder: Path) -> None:
    """Fleets of edges against replicas, and what a million frames cost."""
    with ray_cloud(folder, "door_cpus = 0.1\n[halves]\ncpus = 0.1\n") as cloud:
        ways = {
            "features": measured_way(cloud, asked.split, asked.codec),
            "pictures": measured_way(cloud, "input", PICTURE),
        }
    print(" edges replicas way        frames/s  p99, s   lost    cost")
    for edges in (10, 100, 1000, 10_000):
        for replicas in (1, 4, 16, 64):
            for name, (times, size) in ways.items():
                doors = max(1, round(replicas * times.door / min(times.batches.values())))
                fleet = Fleet(edges, replicas, doors, asked.rate, deadline=2.0)
                found = simulate(times, fleet, 10.0, 5.0)
                kept = (replicas + doors) * asked.core / 3600 / max(found.rate, 1e-9)
                cost = 1e6 * (kept + size * asked.gigabyte / 1e9)
                p99 = np.percentile(found.seconds, 99) if len(found.seconds) else float("nan")
                said = f"{found.rate:9.1f} {p99:7.3f} {100 * found.lost:4.0f} % {cost:7.2f}"
                print(f"{edges:6} {replicas:8} {name:9} {said}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4], help="of the check")
    parser.add_argument("--split", default="blocks.5")
    parser.add_argument("--codec", default="jpeg:quality=50")
    parser.add_argument("--rate", type=float, default=1.0, help="frames a second of an edge")
    parser.add_argument("--core", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--gigabyte", type=float, default=0.05, help="price of 10^9 bytes sent")
    asked = parser.parse_args()
    limit_threads(1)
    with TemporaryDirectory() as name:
        check(Path(name), asked.replicas) if asked.check else table(asked, Path(name))


if __name__ == "__main__":
    main()
