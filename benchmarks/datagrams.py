"""Datagrams against a WebSocket, over a link that loses packets both ways.

    python benchmarks/datagrams.py datagrams.jsonl [--frames 300]      as root, on Linux

Cloud and edge are in two network namespaces, with 50 ms there and back and 2 MB/s between them
(tests/live/wire.py). lite0 at blocks.3, `ftc:quality=50`, the 20 packaged photos, 10 frames a
second; each way has 50 frames in its turn, in one run, so that both meet the same machine. A frame
may take a second. Total time is from picture to prediction, and every frame is in it, those that
fell back too. Then frames with the whole output as their answer tell the divergence of what
was decoded from the uncompressed network. What is measured is kept: it goes on where it was stopped.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests/live"))
import wire

from splitwire.calibrate.store import ProfileStore
from splitwire.live import loops
from splitwire.live.address import Address
from splitwire.live.choosing import open_choice, shared
from splitwire.live.drive import Drive
from splitwire.live.edge import Edge
from splitwire.live.record import Record
from splitwire.live.supply import supply
from splitwire.models.load import load_model
from splitwire.runner.local import infer_on_edge
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

RATE, RTT, LOSSES = 2e6, 0.05, (0.0, 0.01, 0.05)
EVERY, TURN, DEADLINE = 0.1, 50, 1.0  # seconds, frames, seconds
WAYS = {"websocket": f"http://{wire.FAR}:7070", "datagrams": f"quic://{wire.FAR}:7071"}


@contextmanager
def cloud() -> Iterator[Path]:
    """A cloud at the far end; its certificate."""
    doors = ("--host", wire.FAR, "--open-to-all", "--quic", "7071")
    command = ["ip", "netns", "exec", "dg2", sys.executable, "-m", "splitwire", "cloud", *doors]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said: dict[str, str] = {}
    while said.get("event") != "listening":
        said = {**said, **json.loads(process.stderr.readline())}
    log = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    try:
        yield Path(said["certificate"])
    finally:
        process.terminate()
        process.wait()
        log.wait()


async def turns(edges: dict[str, Edge], pictures: list, frames: int) -> dict[str, list[Record]]:
    """The records of each way, which take turns."""
    records: dict[str, list[Record]] = {way: [] for way in edges}
    for way, edge in edges.items():
        await edge.frame(*pictures[0])  # what is slow the first time
    for begin in range(0, frames, TURN):
        for way, edge in edges.items():
            under_way = []
            for number in range(begin, min(begin + TURN, frames)):
                name, x = pictures[number % len(pictures)]
                under_way.append(asyncio.create_task(edge.frame(name, x, number=number + 1)))
                await asyncio.sleep(EVERY)
            records[way] += await asyncio.gather(*under_way)
    return records


async def measure(drives: dict[str, Drive], pictures: list, frames: int) -> dict[str, list[Record]]:
    async with drives["websocket"].edge() as first, drives["datagrams"].edge() as second:
        return await turns({"websocket": first, "datagrams": second}, pictures, frames)


def edge(certificate: str, frames: str) -> None:
    """At the near end: print a line for each frame."""
    limit_threads(1)
    keep_memory()
    model = load_model("lite0", "pretrained")
    pictures = list(supply(model.preprocess, "samples", 20)[1])
    task = load_task(None, model)
    choice = open_choice(model, shared("blocks.3", "ftc:quality=50"), ProfileStore(), task.name)
    whole = {name: infer_on_edge(choice.split, x).output for name, x in pictures}
    for told in (False, True):
        drives = {
            way: Drive(Address(url, None, Path(certificate)), task, [choice], whole=told, deadline=DEADLINE)
            for way, url in WAYS.items()
        }
        for way, records in loops.run(measure(drives, pictures, int(frames)), emulated=False).items():
            for r in records:
                far = task.divergence(whole[r.name], r.output) if told and r.outcome == "answered" else None
                same = None if not r.prediction else r.prediction["classes"][0] == int(np.argmax(whole[r.name]))
                said = {"way": way, "whole": told, "total": r.total, "outcome": r.outcome, "why": r.reason,
                        "bytes": r.bytes, "packets": len(r.packets), "arrived": r.arrived, "far": far,
                        "same": same, "seconds": r.seconds}
                print(json.dumps(said), flush=True)


def run(loss: float, frames: int) -> list[dict[str, Any]]:
    with wire.link("dg", RATE, RTT, loss), cloud() as certificate:
        command = ["ip", "netns", "exec", "dg1", sys.executable, __file__, "edge", str(certificate)]
        done = subprocess.run([*command, str(frames)], stdout=subprocess.PIPE, check=True, text=True)
    return [{"loss": loss, **json.loads(line)} for line in done.stdout.splitlines()]


def show(found: list[dict[str, Any]]) -> None:
    for loss in LOSSES:
        for way in WAYS:
            timed = [f for f in found if (f["loss"], f["way"], f["whole"]) == (loss, way, False)]
            judged = [f for f in found if (f["loss"], f["way"], f["whole"]) == (loss, way, True)]
            p50, p95, p99 = np.percentile([f["total"] for f in timed], (50, 95, 99)) * 1e3
            far = [f["far"] for f in judged if f["far"] is not None]
            same = [f["same"] for f in timed if f["outcome"] == "answered"]
            print(
                f"{loss:4.0%} {way:10} p50 {p50:5.0f} p95 {p95:5.0f} p99 {p99:5.0f} ms, "
                f"{np.mean([f['bytes'] for f in timed]):,.0f} bytes, "
                f"{np.mean(far):.4f} nats, {np.mean(same):.1%} agree; "
                f"{dict(Counter(f['outcome'] for f in timed))}"
            )


def main() -> None:
    if sys.argv[1:2] == ["edge"]:
        edge(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    asked = parser.parse_args()
    found = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    for loss in LOSSES:
        if not any(f["loss"] == loss for f in found):
            found += (new := run(loss, asked.frames))
            with asked.out.open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in new)
    show(found)


if __name__ == "__main__":
    main()
