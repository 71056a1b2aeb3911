"""A thread that does one piece of work after another."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread


class Worker:
    """A thread that does what is put to it, in order.

    What an executor does beside that (futures, locks, a semaphore) is Python that runs while the
    next thread in a frame's way waits for the interpreter: a tenth of a millisecond each time.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._open, self._left, self._counting = True, 0, Lock()
        self._thread = Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def load(self) -> int:
        """How much it has to do, with what it is at."""
        return self._left

    def put(self, work: Callable[[], None]) -> None:
        """Have something done that raises nothing."""
        with self._counting:
            self._left += 1
        self._work.put(work)

    def close(self) -> None:
        """Wait for what it is at, and forget the rest."""
        self._open = False
        self._work.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (work := self._work.get()) and self._open:
            work()
            with self._counting:  # not before: who finds nothing left may do the same work himself
                self._left -= 1
