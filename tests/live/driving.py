"""Edges in this process: frames for them, and the records that they make of these."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

import splitwire as sw
from splitwire.live.address import Address
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.runner.choice import Choice
from splitwire.tasks.classification import Classification

Picture = NDArray[np.float32]
RAW = "raw:dtype=float32"


def pictures(
    frames: int, wait: float = 0.0, enough: Callable[[], object] = lambda: False
) -> Iterator[tuple[str, Picture]]:
    """Pictures by number, one at most every so many seconds, until it is enough."""
    for number in range(frames):
        if enough():
            return
        sleep(wait)
        x = np.random.default_rng(number).integers(0, 256, (3, 32, 32))
        yield str(number), x.astype(np.float32)


def run(
    drive: Drive,
    source: Iterator[tuple[str, Picture]],
    watch: Callable[[Record], None] = lambda record: None,
) -> dict[str, Record]:
    """The record of each picture; fails where one is missing or comes twice."""
    taken: list[str] = []

    def counted() -> Iterator[tuple[str, Picture]]:
        for name, x in source:
            taken.append(name)
            yield name, x

    async def all_records() -> list[Record]:
        records = []
        async for record in drive.run(counted()):
            records.append(record)
            watch(record)
        return records

    records = asyncio.run(all_records())
    assert sorted(record.name for record in records) == sorted(taken)
    return {record.name: record for record in records}


def shared(model: sw.Model, at: str = "1", spec: str = RAW) -> Choice:
    return Choice.shared(sw.split(model, at), [sw.codec(spec)], spec)


def drive(model: sw.Model, address: str, **options: Any) -> Drive:
    how = {"deadline": 30.0, "in_flight": 4, "whole": True, **options}
    token = how.pop("token", None)
    where = Address(address, token, how.pop("authority", None))
    task = how.pop("task", None) or Classification()
    return Drive(where, task, how.pop("choices", None) or [shared(model)], **how)


def outcomes(records: dict[str, Record]) -> Counter[str]:
    assert all(record.reason for record in records.values() if record.outcome == "fell back")
    return Counter(record.outcome for record in records.values())
