"""Units of some work in several processes of one machine."""

import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Protocol, TypeVar

from splitwire.errors import ExperimentError

AHEAD = 3  # units a worker that wait or are done: what is held in memory at most
_DEAR = "torch._dynamo"  # takes seconds to import, and no network is cut without it

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


class Processes:
    """So many processes of this machine, which begin at once: they are loading while a run is.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        # Not forked: neither torch's threads nor a card's context outlive that.
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"))
        for _ in range(workers):
            self._pool.submit(import_module, _DEAR)

    def results(self, work: Work[U, R], units: Iterable[U]) -> Iterator[R]:
        """What comes of all units in their order, whoever does them; the processes then end.

        Raises:
            SplitwireError: a worker cannot open the work.
            ExperimentError: a worker died, of want of memory perhaps.
        """
        pickled = pickle.dumps(work)  # once; units carry it, as processes began before it was known
        running: deque[Future[list[R]]] = deque()
        try:
            for unit in units:
                running.append(self._pool.submit(_do, pickled, unit))
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
            self._pool.shutdown(cancel_futures=True)  # what follows is timed, and wants quiet


_bench: Bench[Any, Any] | None = None


def _do(work: bytes, unit: Any) -> list[Any]:
    """The results of a unit; the work is opened with the first that a process does."""
    global _bench
    _bench = _bench or pickle.loads(work).open()
    return list(_bench.run(unit))
