"""The fidelity pass on a device and on the processor: `python benchmarks/device.py --device cuda`.

    on the processor (--workers, few pictures) ─┬─▶ same bytes and divergences?
    on the device (--device-workers, all)      ─┴─▶ pictures a second, memory, share of codecs

Features that a device computes differ by rounding from the processor's, so that a codec may round a
few to the other side: how much that changes bytes and divergences is told, not hidden.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import torch

from splitwire.eval.experiment import Experiment, load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import Sample
from splitwire.eval.timing import times
from splitwire.models.device import Device
from splitwire.runner.pool import Processes


def fidelity(plan: Experiment, workers: int) -> tuple[dict[str, Any], dict[Any, Sample]]:
    """What a fidelity pass took, from the end of its first unit on, and its samples."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Processes(workers) if workers > 1 else None
        run = Run(plan, Path(folder) / "run", pool=pool)
        units, begin = run.units(), perf_counter()
        first, seen, ends, used = len(units[0].places) * len(units[0].choices), {}, [], []
        for sample in run.fidelity():
            seen[sample.key] = sample
            if len(seen) % first == 0:
                ends.append(perf_counter())
                used.append(in_use(plan.device))
    pictures = (len(seen) - first) / len(run.curves)
    return {
        "device": Device.find(plan.device).about or "cpu",
        "workers": workers,
        "pictures": run.pictures.count,
        "samples": len(seen),
        "failed": sum(sample.error is not None for sample in seen.values()),
        "pictures a second": pictures / (ends[-1] - ends[0]),
        "seconds in all": ends[-1] - begin,
        "device memory, first and last half (MiB)": [max(h) for h in halves(used)],
    }, seen


def in_use(device: str) -> float:
    """MiB of a card's memory, whoever has them; 0 for the processor."""
    if not device.startswith("cuda"):
        return 0.0
    free, whole = torch.cuda.mem_get_info(device)
    return (whole - free) / 2**20


def halves(values: list[float]) -> tuple[list[float], list[float]]:
    middle = max(1, len(values) // 2)
    return values[:middle], values[middle:] or values


def compared(one: dict[Any, Sample], other: dict[Any, Sample]) -> dict[str, float]:
    """How two passes differ on the samples that both have."""
    pairs = [(one[key], other[key]) for key in one.keys() & other.keys()]
    good = [(a, b) for a, b in pairs if a.divergence is not None and b.divergence is not None]
    far: dict[Any, list[tuple[float, float]]] = defaultdict(list)
    for a, b in good:
        far[a.choice].append((a.divergence or 0.0, b.divergence or 0.0))
    means = [tuple(map(mean, zip(*pairs, strict=True))) for pairs in far.values()]
    return {
        "samples": len(good),
        "of equal bytes (share)": mean(a.bytes == b.bytes for a, b in good),
        "bytes apart (mean share)": mean(abs(a.bytes / b.bytes - 1) for a, b in good if b.bytes),
        "bytes in all (ratio)": sum(a.bytes for a, _ in good) / sum(b.bytes for _, b in good),
        "divergence apart, a sample (median nats)": median(
            abs((a.divergence or 0) - (b.divergence or 0)) for a, b in good
        ),
        "divergence apart, a choice's mean (most nats)": max(abs(a - b) for a, b in means),
    }


def codec_share(plan: Experiment) -> dict[str, float]:
    """Seconds of codecs and of the cloud half, alone, over all choices on one picture."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(plan, Path(folder) / "run")
        told = list(times(run.curves, run.pictures, run.model, run.gauge, {}))
    codecs = sum((t.encode or 0) + (t.decode or 0) for t in told)
    cloud = sum(t.cloud or 0 for t in told)
    return {"codecs": codecs, "cloud half": cloud, "share of codecs": codecs / (codecs + cloud)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--workers", type=int, default=2, help="of the processor's pass")
    parser.add_argument("--device-workers", type=int, default=2)
    parser.add_argument("--views", type=int, default=1, help="of each of the device's photos")
    parser.add_argument("--limit", type=int, default=8, help="photos")
    parser.add_argument("--experiment", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    limit = {"limit": given.limit}
    plain = load_experiment(given.experiment, **limit)
    there = load_experiment(
        given.experiment,
        device=given.device,
        precision=given.precision,
        views=given.views,
        **limit,
    )
    alone = {"limit": 1, "timed": 1}
    slow, expected = fidelity(plain, given.workers)
    fast, found = fidelity(there, given.device_workers)
    told = {
        "processor": slow,
        "device": fast,
        "times": fast["pictures a second"] / slow["pictures a second"],
        "device against processor": compared(found, expected),
        "seconds, processor": codec_share(load_experiment(given.experiment, **alone)),
        "seconds, device": codec_share(
            load_experiment(given.experiment, device=given.device, **alone)
        ),
    }
    print(text := json.dumps(told, indent=1))
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
