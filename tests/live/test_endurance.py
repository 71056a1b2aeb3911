"""Twenty thousand frames: nothing may grow with their number."""

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from deployment import start_cloud

import splitwire as sw
from splitwire.live.address import Address
from splitwire.live.drive import Drive
from splitwire.runner.choice import Choice
from splitwire.tasks.classification import Classification

FRAMES = 20_000


def memory(process: str) -> int:
    """Bytes that a process has in memory."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_is_flat_over_twenty_thousand_frames(tmp_path: Path, small: sw.Model) -> None:
    torch.set_num_threads(1)
    cloud = start_cloud(tmp_path, "--port", "0")
    where = Address(cloud.event("listening")["address"])
    choice = Choice.shared(sw.split(small, "1"), [sw.codec("raw:bits=8")], "raw:bits=8")
    drive = Drive(where, Classification(), [choice], deadline=30.0, in_flight=8)
    x = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32)
    outcomes: Counter[str] = Counter()
    processes = (str(cloud.process.pid), "self")
    sizes: list[tuple[int, ...]] = []

    async def run() -> None:
        async for record in drive.run((str(n), x) for n in range(FRAMES)):
            outcomes[record.outcome] += 1
            if outcomes.total() % 2000 == 0:
                sizes.append(tuple(map(memory, processes)))

    asyncio.run(run())
    cloud.stop()
    assert outcomes == {"answered": FRAMES}
    print("\nMB of cloud and edge:", [tuple(size >> 20 for size in pair) for pair in sizes])
    for before, after in zip(sizes[1], sizes[-1], strict=True):
        assert after < 1.02 * before + (4 << 20)
