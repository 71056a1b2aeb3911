"""Processes that do units of some work."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from splitwire.errors import ExperimentError, ModelError
from splitwire.runner.pool import Processes


@dataclass(frozen=True)
class Squares:
    """Squares numbers, in a process of its own each time that it is opened."""

    fault: str = ""
    device: str = "cpu"

    def open(self) -> "Squares":
        if self.fault == "open":
            raise ModelError("no such network")
        return self

    def run(self, unit: int) -> Iterable[tuple[int, int]]:
        if self.fault == "run":
            os._exit(1)
        yield unit**2, os.getpid()


def test_results_come_in_the_order_of_units_from_other_processes() -> None:
    found = list(Processes(2).results(Squares(), range(20)))
    assert [square for square, _ in found] == [n**2 for n in range(20)]
    assert os.getpid() not in {process for _, process in found}


def test_what_a_worker_cannot_open_is_said() -> None:
    with pytest.raises(ModelError, match="no such network"):
        list(Processes(1).results(Squares("open"), range(3)))


def test_a_worker_that_dies_ends_the_run_with_what_to_do() -> None:
    with pytest.raises(ExperimentError, match=r"a worker died.*begin the run again"):
        list(Processes(1).results(Squares("run"), range(3)))
