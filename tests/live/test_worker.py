from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest

from splitwire.live import worker
from splitwire.live.worker import Worker


def test_work_is_done_in_order_and_the_load_says_how_much_is_left() -> None:
    one, gate, begun, done = Worker("test"), Event(), Event(), []

    def first() -> None:
        begun.set()
        gate.wait()
        done.append(0)

    one.put(first)
    last = Event()
    for number in (1, 2, 3):
        one.put(lambda number=number: done.append(number))
    one.put(last.set)
    begun.wait()
    assert one.load == 5
    gate.set()
    last.wait()
    one.close()
    assert done == [0, 1, 2, 3]


def test_what_has_not_begun_when_it_closes_is_forgotten() -> None:
    one, begun, done = Worker("test"), Event(), []
    gate = Event()

    def first() -> None:
        begun.set()
        gate.wait()
        done.append("first")

    one.put(first)
    begun.wait()
    one.put(lambda: done.append("second"))
    one._open = False  # as `close` says before it waits
    gate.set()
    one.close()
    assert done == ["first"]


class Pausing(SimpleQueue[Any]):
    """A queue that stops between giving something out and letting go of whoever took it."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.gate = Event(), Event()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        item = super().get(block, timeout)
        self.taken.set()
        self.gate.wait(60)
        return item


def test_work_that_is_about_to_begin_is_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no load may do the same work himself."""
    queue = Pausing()
    monkeypatch.setattr(worker, "SimpleQueue", lambda: queue)
    one, done = Worker("test"), Event()
    one.put(done.set)
    assert queue.taken.wait(60)
    assert (one.load, done.is_set()) == (1, False)
    queue.gate.set()
    assert done.wait(60)
    one.close()
