"""The cloud on Ray Serve beside `splitwire cloud`: frames a second, and the wait of each.

    python benchmarks/serving.py [--clients 20 200] [--seconds 10] [--rounds 2] [--replicas 2]

Both hold the same network on this machine and are asked in turn, several rounds of each, by clients
in this process that send one frame after the other. Ray's processes, the clients and the network
share the cores, so where there are two of them the comparison shows what Ray's way of a frame
costs, not what more machines bring. `fates` are what became of the frames.
"""

import argparse
import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import splitwire as sw
from splitwire.live.cloud_process import CloudProcess
from splitwire.live.handshake import Hello
from splitwire.runner.local import encode
from splitwire.runner.threads import limit_threads

sys.path.append(str(Path(__file__).parents[1] / "tests/live"))
from ray_cloud import Crowd, ray_cloud

WARM_SECONDS = 3.0
MODEL, SPLIT, CODEC = "lite0", "blocks.5", "jpeg:quality=50"


def packet() -> bytes:
    """The features of a picture of noise."""
    model, codec = sw.load_model(MODEL), sw.codec(CODEC)
    picture = torch.from_numpy(np.random.default_rng(1).random(model.input_shape, np.float32))
    with torch.inference_mode():
        features = sw.split(model, SPLIT).edge(255 * picture)
    return encode(features, [codec] * len(features))


async def ask(address: str, sent: bytes, clients: int, seconds: float) -> str:
    """What so many clients get of a cloud."""
    crowd = Crowd(address, Hello(MODEL, SPLIT, CODEC), sent)
    running = asyncio.create_task(crowd.run(clients))
    await asyncio.sleep(WARM_SECONDS)
    before = len(crowd.seconds)
    await asyncio.sleep(seconds)
    times = crowd.seconds[before:]
    crowd.stopped = True
    await running
    p50, p99 = np.percentile(times, [50, 99])
    rate = len(times) / seconds
    return f"{rate:8.1f} {1e3 * p50:9.1f} {1e3 * p99:9.1f}   {dict(crowd.fates)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--replicas", type=int, default=2)
    asked = parser.parse_args()
    limit_threads(1)
    sent, most = packet(), 2 * max(asked.clients)
    told = f"clients = {most}\ndoor_cpus = 0.1\n[halves]\ncpus = 0.1\n"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        told += f"replicas = {asked.replicas}\n"
        ray = stack.enter_context(ray_cloud(folder, told)).address
        alone = stack.enter_context(CloudProcess("--clients", str(most))).url
        print(f"{'clients':>7} {'cloud':13} {'frames/s':>8} {'p50, ms':>9} {'p99, ms':>9}   fates")
        for clients in asked.clients:
            for _ in range(asked.rounds):
                for name, address in (("splitwire", alone), ("serve-ray", ray)):
                    found = asyncio.run(ask(address, sent, clients, asked.seconds))
                    print(f"{clients:7} {name:13} {found}", flush=True)


if __name__ == "__main__":
    main()
