"""An edge within a namespace: `lossy_edge.py ADDRESS CODEC FRAMES DEADLINE`; prints what it found.

`lossy_edge.py cloud ...` is `splitwire cloud ...` with the codec of the tests.
"""

import json
import sys
from pathlib import Path

import numpy as np
from driving import drive, outcomes, run
from films import film, kinds, right
from residual import Far, Residual, registered

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.cli import main
from splitwire.runner.choice import Choice
from splitwire.runner.threads import limit_threads


def segments() -> tuple[int, int]:
    """Segments that this namespace has sent, and of those that it sent again."""
    lines = Path("/proc/net/snmp").read_text(encoding="utf-8").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    said = dict(zip(names, values, strict=True))
    return int(said["OutSegs"]), int(said["RetransSegs"])


def edge(address: str, spec: str, frames: str, deadline: str) -> dict[str, object]:
    """What became of frames at 30 a second."""
    model = sw.load_model("net.py:small")
    halves = sw.split(model, "1")
    choice = Choice.shared(
        halves, ProfileStore().codecs(halves, sw.codec(spec), "classification"), spec
    )
    way = drive(model, address, choices=[choice], deadline=float(deadline))
    records = run(way, film(int(frames), 1 / 30))
    totals = [record.total for record in records.values()]
    return {
        "right": right(records),
        "outcomes": dict(outcomes(records)),
        "intra": kinds(records).count("I"),
        "bytes": sum(record.bytes for record in records.values()) / len(records),
        "p50, p95": [round(float(v), 4) for v in np.percentile(totals, (50, 95))],
        "segments, again": segments(),
    }


if __name__ == "__main__":
    limit_threads(1)
    with registered(Residual, Far):
        if sys.argv[1] == "cloud":
            main()
        else:
            print(json.dumps(edge(*sys.argv[1:])))
