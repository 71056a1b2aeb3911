"""Units of some work on a cluster of Ray: on whichever of its cores is free.

    units, a few ahead ─▶ Ray ─▶ processes on its nodes, each of which loads the work once
                          └─▶ results, in the order of the units, to whoever asked

Ray places units, and gives those of a lost process or node to another; nodes that join later are
made use of. A unit's results arrive whole or not at all, so none comes twice.
"""

import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from logging import ERROR
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a run reports to nobody unasked

import ray
from ray.exceptions import RayError, RayTaskError

from splitwire.errors import ExperimentError, RemoteError, SplitwireError
from splitwire.runner.pool import AHEAD, Bench, Work

LOCAL = "local"
_TRIES = 3  # again, of a unit whose process or node was lost
_PATIENCE = 5.0  # seconds that a cluster has to answer

U = TypeVar("U")
R = TypeVar("R")


class RayPool:
    """A cluster's cores, until the results are there.

    Args:
        address: HOST:PORT of a cluster, "auto" for the one that runs on this machine, or "local"
            for one that is started for this, and ends with it.

    Raises:
        RemoteError: there is no such cluster.
    """

    def __init__(self, address: str = LOCAL) -> None:
        _check(address)
        board = False if address == LOCAL else None  # only who starts one may say
        try:
            ray.init(
                address,
                include_dashboard=board,
                log_to_driver=False,
                logging_level=ERROR,
                ignore_reinit_error=True,  # a pool before this one may have found nothing to do
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _none_at(address, _first(error)) from error

    @property
    def workers(self) -> int:
        """The cluster's cores, just now."""
        return max(1, int(_resources().get("CPU", 0)))

    def results(self, work: Work[U, R], units: Iterable[U]) -> Iterator[R]:
        """What comes of all units in their order, whoever does them.

        Raises:
            SplitwireError: a node cannot open the work.
            ExperimentError: one unit lost every process that it was given to.
        """
        place = ray.remote(num_cpus=1, num_gpus=_share(work.device), max_retries=_TRIES)
        do: Any = place(_do)
        held, folder = [ray.put(work)], Path.cwd()  # in a list: each process fetches it once
        running: deque[ray.ObjectRef[list[R]]] = deque()
        try:
            for unit in units:
                running.append(do.remote(held, folder, unit))
                if len(running) >= AHEAD * self.workers:
                    yield from ray.get(running.popleft())
            while running:
                yield from ray.get(running.popleft())
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, SplitwireError) else error) from None
        except RayError as error:
            raise ExperimentError(
                f"Ray lost a part of the run ({_first(error)}): begin it again; it goes on where "
                "it stopped"
            ) from error
        finally:
            ray.shutdown()


_opened: tuple[str, Bench[Any, Any]] | None = None


def _do(held: list["ray.ObjectRef[Work[U, R]]"], folder: Path, unit: U) -> list[R]:
    """In a process of Ray's: the results of a unit, of a work that the process may know already."""
    global _opened
    work = held[0]
    if _opened is None or _opened[0] != work.hex():
        try:
            os.chdir(folder)
        except OSError as error:
            raise ExperimentError(
                f"the node {socket.gethostname()} has no folder {folder}, where the run was begun: "
                "nodes need the same files at the same paths"
            ) from error
        _opened = work.hex(), ray.get(work).open()
    return list(_opened[1].run(unit))


def _resources() -> dict[str, float]:
    return dict(ray.cluster_resources())  # type: ignore[no-untyped-call]


def _share(device: str) -> float:
    """What each process reserves of an accelerator: as many share one as there are cores to it."""
    has = _resources()
    if device == "cpu" or not has.get("GPU"):
        return 0.0
    return min(1.0, int(1e4 * has["GPU"] / has["CPU"]) / 1e4)


def _check(address: str) -> None:
    """See that something listens there, for which Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except OSError as error:
        raise _none_at(address, error.strerror or str(error)) from error


def _none_at(address: str, why: str) -> RemoteError:
    give = "give the HOST:PORT of one's head, or 'local' to start one"
    return RemoteError(f"no cluster of Ray at {address}: {why}; {give}")


def _first(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
