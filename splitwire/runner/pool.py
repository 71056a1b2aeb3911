"""Units of some work in several processes of one machine."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

from splitwire.errors import ExperimentError

AHEAD = 3  # units a worker that wait or are done: what is held in memory at most

U = TypeVar("U")
U_contra = TypeVar("U_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Bench(Protocol[U_contra, R_co]):
    """Does units."""

    def run(self, unit: U_contra, /) -> Iterable[R_co]:
        """What comes of a unit."""


class Work(Protocol[U_contra, R_co]):
    """All that a worker needs; it can be pickled."""

    @property
    def device(self) -> str:
        """Where it runs, as `Device.find` takes it."""

    def open(self) -> Bench[U_contra, R_co]:
        """Load it, in a process of its own."""


class Pool(Protocol):
    """Workers, wherever they are, for one piece of work."""

    @property
    def workers(self) -> int:
        """How many there are."""

    def results(self, work: Work[U, R], units: Iterable[U]) -> Iterator[R]:
        """What comes of all units in their order, whoever does them."""


@dataclass(frozen=True)
class Processes:
    """So many processes of this machine."""

    workers: int

    def results(self, work: Work[U, R], units: Iterable[U]) -> Iterator[R]:
        """What comes of all units in their order, whoever does them.

        Raises:
            ExperimentError: a worker died, of want of memory perhaps.
        """
        # Not forked: neither torch's threads nor a card's context outlive that.
        with ProcessPoolExecutor(self.workers, get_context("spawn"), _open, (work,)) as pool:
            running: deque[Future[list[R]]] = deque()
            try:
                for unit in units:
                    running.append(pool.submit(_run, unit))
                    if len(running) >= AHEAD * self.workers:
                        yield from running.popleft().result()
                while running:
                    yield from running.popleft().result()
            except BrokenProcessPool as error:
                raise ExperimentError(
                    "a worker died, for want of memory perhaps: begin the run again with fewer "
                    "--workers; it goes on where it stopped"
                ) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


_bench: Bench[Any, Any]


def _open(work: Work[Any, Any]) -> None:
    global _bench
    _bench = work.open()


def _run(unit: Any) -> list[Any]:
    return list(_bench.run(unit))
