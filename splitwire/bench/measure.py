"""Timing contenders against each other.

They take turns, round after round, so that whatever else the machine does falls on all of them;
each turn starts with a call that is not counted, and a time is the median of the rounds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

from splitwire.bench import entropy
from splitwire.bench.tensors import Call, Tensors, one_thread
from splitwire.bench.works import KINDS, Kind

# A size for each place that the data can live in: second cache, third cache, memory.
SIZES = {"L2": (80, 28, 28), "L3": (512, 56, 56), "DRAM": (4096, 56, 56)}
SHAPES = ((512, 7, 7), (80, 14, 14), (256, 28, 28), (64, 56, 56), (64 * 256, 56, 56))
# Shorter than a scheduler's slice: other work on the machine then falls on few of the turns.
TURN_NS = 250_000
BUDGET_NS = 2_000_000_000


@dataclass(frozen=True)
class Figure:
    """One kernel at one size: bytes moved, and median seconds a call of each contender."""

    kernel: str
    size: str
    bytes: float
    seconds: dict[str, float]

    def ratio(self, contender: str) -> float:
        """How many times as long as the kernel `contender` takes."""
        return self.seconds[contender] / self.seconds["splitwire"]


def take_turn(call: Call, turn_ns: int) -> float:
    """Seconds a call, over as many calls as fit the turn after one that brings the data in.

    A call that is longer than ten turns brings in its own data, and is the turn.
    """
    begin = perf_counter_ns()
    call()
    first = perf_counter_ns() - begin
    if first > 10 * turn_ns:
        return first / 1e9
    calls, passed, begin = 0, 0, perf_counter_ns()
    while passed < turn_ns:
        call()
        calls += 1
        passed = perf_counter_ns() - begin
    return passed / calls / 1e9


def compare(calls: dict[str, Call], rounds: int, turn_ns: int = TURN_NS) -> dict[str, float]:
    """Median seconds a call of each contender.

    Rounds end early, but not before the third, once they have taken BUDGET_NS.
    """
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    begin = perf_counter_ns()
    for done in range(rounds):
        if done >= 3 and perf_counter_ns() - begin > BUDGET_NS:
            break
        for name, call in calls.items():
            times[name].append(take_turn(call, turn_ns))
    return {name: median(turns) for name, turns in times.items()}


def measure(
    sizes: dict[str, tuple[int, int, int]],
    rounds: int,
    without: Iterable[str] = (),
    kinds: Iterable[Kind] = KINDS,
    turn_ns: int = TURN_NS,
) -> Iterator[Figure]:
    """Figures of every kernel at every size, as they come; `without` names peers to leave out."""
    with one_thread():
        for size, shape in sizes.items():
            tensors = Tensors(shape)
            for kind in kinds:
                work = kind.make(tensors)
                calls = {name: call for name, call in work.items() if name not in without}
                moved = kind.bytes_per_element * tensors.x.size
                yield Figure(kind.name, size, moved, compare(calls, rounds, turn_ns))


def measure_coders(sizes: Iterable[int], rounds: int) -> Iterator[Figure]:
    """Figures of the entropy coders, coding so many symbols of each alphabet, as they come."""
    for size in sizes:
        for alphabet in entropy.ALPHABETS:
            for way, calls in entropy.works(size, alphabet).items():
                times = compare(calls, rounds)
                yield Figure(f"rANS {way}", f"{size:,} of {alphabet}", size, times)


def bench(long: bool = False) -> Iterator[Figure]:
    """The comparisons of `splitwire bench`, as they come: kernels, then entropy coders.

    The short form takes about half a minute: one size for each place that data lives in, without
    torch.compile, which takes seconds to compile each. The long form takes minutes: all of them, at
    the shapes of `SHAPES`.
    """
    if long:
        yield from measure({"x".join(map(str, shape)): shape for shape in SHAPES}, rounds=31)
    else:
        yield from measure(SIZES, rounds=11, without=["torch.compile"])
    yield from measure_coders(entropy.SIZES, rounds=31 if long else 11)


def count(long: bool = False) -> int:
    """How many figures `bench` yields."""
    kernels = len(KINDS) * len(SHAPES if long else SIZES)
    return kernels + 2 * len(entropy.SIZES) * len(entropy.ALPHABETS)
