"""Changed streams under a right CRC-32: no crash, no error but ours, no tensor of another shape.

Nor do they cost more work than streams of encoders.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mutants
import pytest
from streams import NAMES, stream_of

import splitwire as sw

PARTS = 20  # of the long form, each of so many streams:
STREAMS = 100_000


def tallies(folder: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """What came of so many streams, in a process of its own: a crash there is a failure here."""
    command = [sys.executable, mutants.__file__, str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, cwd=folder)
    if done.returncode:
        last = (folder / f"last-{seed}.sw").read_bytes().hex()
        pytest.fail(f"ended by {done.returncode}\n{done.stderr}\nthe last stream was {last}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(told: list[dict[str, Any]], count: int) -> None:
    assert {tally["codec"] for tally in told} == set(NAMES)
    assert sum(tally["streams"] for tally in told) == count
    for tally in told:
        print(json.dumps(tally))
        assert 0 < tally["decoded"] < tally["streams"], "changes are too harsh, or too mild"
        assert tally["escapes"] == []
        assert tally["slow"] == []


def test_mutants_of_every_codec(tmp_path: Path) -> None:
    check(tallies(tmp_path, 2000, 1), 2000)


@pytest.mark.full
@pytest.mark.parametrize("part", range(PARTS))
def test_many_mutants_of_every_codec(tmp_path: Path, part: int) -> None:
    check(tallies(tmp_path, STREAMS, 1000 + part), STREAMS)


def test_a_large_claim_on_few_bytes_is_little_work() -> None:
    """97 bytes that claimed 16 million elements of 64 levels kept a processor for seconds."""
    codec, shape = sw.codec("ecsq:levels=64"), mutants.LARGE
    honest = codec.encode(mutants.features(*shape))
    few = stream_of(codec.spec, shape, bytes(4) + bytes.fromhex("0000803f") + bytes(62 + 6))
    with pytest.raises(sw.BitstreamError):
        sw.decode(few)
    assert mutants.seconds_of(codec, [few]) < mutants.seconds_of(codec, [honest]) / 10
