"""The nastiest streams, decoded in a process of their own: a crash there is a failure here."""

import subprocess
import sys
from pathlib import Path

import bombs
import numpy as np
from streams import features, payload_of, stream_of

import splitwire as sw

MOST_MEGABYTES = 24


def decode_apart(folder: Path, streams: dict[str, bytes]) -> dict[str, str]:
    """What came of each stream; each is decoded without more memory than a small tensor needs."""
    for name, stream in streams.items():
        (folder / f"{name}.sw").write_bytes(stream)
    done = subprocess.run(
        [sys.executable, bombs.__file__, str(folder)], capture_output=True, text=True, timeout=300
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended by {done.returncode} after {lines[-1:]}\n{done.stderr}"
    assert {name: mb for name, mb, _ in lines if int(mb) > MOST_MEGABYTES} == {}
    return {name: outcome for name, _, outcome in lines}


def test_bombs_are_refused(tmp_path: Path) -> None:
    streams = bombs.bombs()
    outcomes = decode_apart(tmp_path, streams)
    assert outcomes.keys() == streams.keys()
    # Pillow stops inflating once the picture is full, and what follows does no harm.
    assert outcomes.pop("png, deflate") == f"shape {bombs.SHAPE}"
    assert {name: o for name, o in outcomes.items() if not o.startswith("refused")} == {}


def test_mutants_are_refused_or_of_their_shape(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    streams = {}
    pictures = [f"picture:format={name}" for name in bombs.STILLS]
    for name in ("png", "jpeg", *pictures, *bombs.VIDEO):
        payload = payload_of(sw.codec(name).encode(40 * features(3, 20, 20) + 99))
        for trial in range(150):
            mutant = bytearray(payload)
            # Half of them where headers are.
            end = len(payload) if trial % 2 else 100
            for at in random.integers(8, end, 1 + trial % 5):
                mutant[at] = random.integers(256)
            streams[f"{name} {trial}"] = stream_of(name, (3, 20, 20), bytes(mutant))
    outcomes = decode_apart(tmp_path, streams)
    assert outcomes.keys() == streams.keys()
    assert {o for o in outcomes.values() if not o.startswith("refused")} <= {"shape (3, 20, 20)"}
