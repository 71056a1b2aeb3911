from threading import Event

from splitwire.live.worker import Worker


def test_work_is_done_in_order_and_the_load_says_how_much_is_left() -> None:
    worker, gate, begun, done = Worker("test"), Event(), Event(), []

    def first() -> None:
        begun.set()
        gate.wait()
        done.append(0)

    worker.put(first)
    last = Event()
    for number in (1, 2, 3):
        worker.put(lambda number=number: done.append(number))
    worker.put(last.set)
    begun.wait()
    assert worker.load == 5
    gate.set()
    last.wait()
    worker.close()
    assert done == [0, 1, 2, 3]


def test_what_has_not_begun_when_it_closes_is_forgotten() -> None:
    worker, begun, done = Worker("test"), Event(), []
    gate = Event()

    def first() -> None:
        begun.set()
        gate.wait()
        done.append("first")

    worker.put(first)
    begun.wait()
    worker.put(lambda: done.append("second"))
    worker._open = False  # as `close` says before it waits
    gate.set()
    worker.close()
    assert done == ["first"]
