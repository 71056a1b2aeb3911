"""Units of the fidelity pass in several processes of one machine."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from splitwire.errors import ExperimentError
from splitwire.eval.fidelity import Bench
from splitwire.eval.samples import Sample
from splitwire.eval.units import Unit
from splitwire.eval.work import Work

_AHEAD = 3  # units a worker that wait or are done: what is held in memory at most

_bench: Bench


def in_workers(work: Work, units: Iterable[Unit], workers: int) -> Iterator[Sample]:
    """The samples of all units in their order, whoever does them.

    Raises:
        ExperimentError: a worker died, of want of memory perhaps.
    """
    # Not forked: neither torch's threads nor a card's context outlive that.
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (work,)) as pool:
        running: deque[Future[list[Sample]]] = deque()
        try:
            for unit in units:
                running.append(pool.submit(_run, unit))
                if len(running) >= _AHEAD * workers:
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


def _open(work: Work) -> None:
    global _bench
    _bench = work.open()


def _run(unit: Unit) -> list[Sample]:
    return list(_bench.run(unit))
