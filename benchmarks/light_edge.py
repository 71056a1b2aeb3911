"""What an edge takes of a device: its environment on disk, its imports, its memory.

    splitwire export lite0 blocks.3 --codec ftc:quality=50 -o bundle/
    pip install "splitwire[edge]"          # in an environment of its own
    python benchmarks/light_edge.py bundle/

and, beside it, in an environment with torch,

    python benchmarks/light_edge.py --network lite0 --split blocks.3 --codec ftc:quality=50

Run each where nothing else has been imported. A frame is run as the live edge runs it: the first
half, the encoder, and, as after a lost answer, the second half.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

BEGIN = perf_counter()


def resident(key: str = "VmRSS") -> float:
    """Megabytes of this process in memory now, or at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def on_disk(folder: Path) -> float:
    """Megabytes of blocks of all files below a folder."""
    files = (path.lstat() for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sum(file.st_blocks * 512 for file in files) / 2**20


def choice_of(asked: argparse.Namespace):  # type: ignore[no-untyped-def]
    """What is to be run."""
    if asked.bundle is not None:
        from splitwire.bundle.opened import Bundle

        return Bundle(asked.bundle).shared
    from splitwire.calibrate.store import ProfileStore
    from splitwire.live.choosing import open_choice, shared
    from splitwire.models.load import load_model
    from splitwire.tasks.registry import load_task

    model, store = load_model(asked.network), ProfileStore()
    task = load_task(None, model).name
    return open_choice(model, shared(asked.split, asked.codec), store, task)


def main(words: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--network", default="lite0")
    parser.add_argument("--split", default="blocks.3")
    parser.add_argument("--codec", default="ftc:quality=50")
    parser.add_argument("--frames", type=int, default=100)
    asked = parser.parse_args(words)
    import numpy as np

    import splitwire.live.drive  # noqa: F401
    from splitwire.runner.local import encode
    from splitwire.runner.memory import keep_memory, one_heap
    from splitwire.runner.threads import limit_blas, limit_threads

    (limit_threads if asked.bundle is None else limit_blas)(1)
    keep_memory()
    one_heap()
    choice = choice_of(asked)
    imported = perf_counter() - BEGIN
    opened = resident()
    x = np.random.default_rng(0).integers(0, 256, choice.split.model.input_shape[1:])
    times: list[float] = []
    for _ in range(asked.frames):
        begin = perf_counter()
        features = choice.split.start(x.astype(np.float32))
        encode(features, choice.codecs)
        times.append(perf_counter() - begin)
        choice.split.finish(features)
    print(f"imports and opening: {imported:.2f} s, then {opened:,.0f} MB resident")
    print(f"after {asked.frames} frames: {resident():,.0f} MB, {resident('VmHWM'):,.0f} at most")
    print(f"first half and encoder: {1e3 * median(times):.1f} ms at the median")
    print(f"torch is loaded: {'torch' in sys.modules}")
    print(f"environment: {on_disk(Path(sys.prefix)):,.0f} MB on disk")  # last: to look takes memory


if __name__ == "__main__":
    main()
