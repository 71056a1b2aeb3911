"""Datagrams against a WebSocket, over a link that loses packets both ways.

    chrt -f 10 python benchmarks/datagrams.py datagrams.jsonl [--frames 600]     as root, on Linux

Cloud and edge are in two network namespaces, with 50 ms there and back and 2 MB/s between them
(tests/live/wire.py). lite0 at blocks.3, `ftc:quality=50`, the 20 packaged photos, 10 frames a
second; each way has 50 frames in its turn, in one run, so that both meet the same machine (`chrt`
keeps others off it). A frame may take a second. Total time is from picture to prediction, and every
frame is in it, those that fell back too. Then as many frames again, with the whole output as
their answer, tell how far that is from the uncompressed network's. What is measured is kept: it
goes on where it was stopped.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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
TOLD = ("total", "outcome", "reason", "bytes", "arrived", "seconds")
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
    for edge in edges.values():
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
            way: Drive(
                Address(url, None, Path(certificate)), task, [choice], whole=told, deadline=DEADLINE
            )
            for way, url in WAYS.items()
        }
        found = loops.run(measure(drives, pictures, int(frames)), emulated=False)
        for way, records in found.items():
            for record in records:
                output = whole[record.name]
                said = {
                    "way": way,
                    "whole": told,
                    **{name: getattr(record, name) for name in TOLD},
                    "packets": len(record.packets),
                    "same": record.prediction["classes"][0] == int(np.argmax(output)),
                }
                if told and record.outcome == "answered":
                    said["far"] = task.divergence(output, record.output)
                print(json.dumps(said), flush=True)


def run(loss: float, frames: int) -> list[dict[str, Any]]:
    with wire.link("dg", RATE, RTT, loss), cloud() as certificate:
        command = ["ip", "netns", "exec", "dg1", sys.executable, __file__, "edge", str(certificate)]
        done = subprocess.run(
            [*command, str(frames)], stdout=subprocess.PIPE, check=True, text=True
        )
    return [{"loss": loss, **json.loads(line)} for line in done.stdout.splitlines()]


def show(found: list[dict[str, Any]]) -> None:
    for loss in LOSSES:
        for way in WAYS:
            timed = [f for f in found if (f["loss"], f["way"], f["whole"]) == (loss, way, False)]
            judged = [f for f in found if (f["loss"], f["way"], f["whole"]) == (loss, way, True)]
            times = np.percentile([1e3 * f["total"] for f in timed], (50, 95, 99))
            far = [f["far"] for f in judged if "far" in f]
            same = [f["same"] for f in timed + judged if f["outcome"] == "answered"]
            print(
                f"{loss:.0%} lost, {way}: p50, p95, p99 {times.round().astype(int)} ms; "
                f"{np.mean([f['bytes'] for f in timed]):,.0f} bytes; "
                f"{np.mean(far):.4f} nats on average, "
                f"{np.mean(np.array(far) > 0.2):.1%} above 0.2, "
                f"{np.mean(same):.1%} agree; {dict(Counter(f['outcome'] for f in timed + judged))}"
            )


def main() -> None:
    if sys.argv[1:2] == ["edge"]:
        edge(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=600)
    asked = parser.parse_args()
    kept = asked.out.read_text().splitlines() if asked.out.exists() else []
    found = [json.loads(line) for line in kept]
    for loss in LOSSES:
        if not any(f["loss"] == loss for f in found):
            found += (new := run(loss, asked.frames))
            with asked.out.open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in new)
    show(found)


if __name__ == "__main__":
    main()
