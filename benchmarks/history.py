"""What each kernel is to its peer, commit by commit: `python benchmarks/history.py`.

Every kernel takes turns with its peer at 80×28×28, and every entropy coder at a million symbols, in
RUNS runs one after another. The ratio of a run is the peer's time over the kernel's; times of
different days don't compare, ratios do. A line a kernel is added to history.jsonl: commit, kernel,
peer, the ratios of the runs and the machine.

A kernel that lost a tenth is told, and the exit status is 1: its median is below nine tenths of
that in the last line of the same kernel, peer and machine, and every run of it is below every run
of then. Of two times seven runs of one and the same kernel, that is so once in 3,432.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from splitwire import kernels
from splitwire.bench import entropy
from splitwire.bench.measure import SIZES, compare
from splitwire.bench.tensors import Tensors, Work, one_thread
from splitwire.bench.works import KINDS
from splitwire.eval.machine import hardware

HISTORY = Path(__file__).with_name("history.jsonl")
RUNS, ROUNDS = 7, 5
LOST = 0.9  # of the ratio that was


@dataclass(frozen=True)
class Entry:
    """A kernel against its peer at one commit: the ratio of each run."""

    commit: str
    kernel: str
    peer: str
    ratios: list[float]
    machine: str

    @property
    def what(self) -> tuple[str, str, str]:
        """What may be compared with one another."""
        return self.kernel, self.peer, self.machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--dry", action="store_true", help="compare, and add nothing")
    given = parser.parse_args()
    before, now = read(given.history), []
    for entry in measured(described(), RUNS):
        now.append(entry)
        print(f"{entry.kernel:24} {median(entry.ratios):8.2f} × {entry.peer}", flush=True)
    if not given.dry:
        with given.history.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(entry)) + "\n" for entry in now)
    losses = list(lost(before, now))
    print("\n".join(losses) or "no kernel lost a tenth against its peer")
    sys.exit(bool(losses))


def read(path: Path) -> list[Entry]:
    """The lines of a history, the oldest first."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Entry(**json.loads(line)) for line in lines]


def measured(commit: str, runs: int) -> Iterator[Entry]:
    """Every kernel, and every coder, as it stands."""
    machine = f"{hardware().cpu}, {kernels.isa}"
    with one_thread():
        for kernel, peer, work in works():
            pair = {"splitwire": work["splitwire"], peer: work[peer]}
            times = [compare(pair, ROUNDS) for _ in range(runs)]
            ratios = [round(time[peer] / time["splitwire"], 3) for time in times]
            yield Entry(commit, kernel, peer, ratios, machine)


def works() -> Iterator[tuple[str, str, Work]]:
    """Each kernel with the peer that it is held to, one that does the same work everywhere."""
    tensors = Tensors(SIZES["L2"])
    for kind in KINDS:
        yield kind.name, "numpy", kind.make(tensors)
    for way, work in entropy.works(entropy.SIZES[-1], entropy.ALPHABETS[0]).items():
        yield f"rANS {way}", "constriction", work


def lost(before: Sequence[Entry], now: Sequence[Entry]) -> Iterator[str]:
    """A line for each kernel that lost a tenth against its peer, beyond the spread of runs."""
    last = {entry.what: entry for entry in before}
    for entry in now:
        then = last.get(entry.what)
        if then is None or max(entry.ratios) >= min(then.ratios):
            continue
        ratio = median(entry.ratios) / median(then.ratios)
        if ratio < LOST:
            yield (
                f"{entry.kernel} lost {1 - ratio:.0%} against {entry.peer} since {then.commit}: "
                f"{median(then.ratios):.2f} times as fast then, {median(entry.ratios):.2f} now"
            )


def described() -> str:
    """The commit, with a + where files differ from it."""
    git = ["git", "-C", str(HISTORY.parent), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
