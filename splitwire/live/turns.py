"""Frames that wait, of clients who take turns: nobody's many are in the way of another's one."""

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A frame that waits."""

    @property
    def client(self) -> object:
        """Whose it is."""

    @property
    def expires(self) -> float:
        """When nobody wants its answer any more."""


W = TypeVar("W", bound=Waiting)


def _any(item: object) -> bool:
    return True


class Turns(Generic[W]):
    """Frames by client, the client whose turn is next first.

    Args:
        urgent: whether of its own frames a client has the most urgent first, not the first to come.
    """

    def __init__(self, urgent: bool = True) -> None:
        self._urgent = urgent
        self._queues: dict[object, list[W]] = {}

    def __iter__(self) -> Iterator[W]:
        """All of them."""
        return (item for queue in self._queues.values() for item in queue)

    def put(self, item: W) -> None:
        """One more; a client that has none there takes the last turn."""
        self._queues.setdefault(item.client, []).append(item)

    def take(self, fits: Callable[[W], bool] = _any) -> W | None:
        """The first frame that fits of the next client that has one; its turn is over."""
        for client, queue in self._queues.items():
            if fitting := [item for item in queue if fits(item)]:
                item = fitting[0]
                if self._urgent:
                    item = min(fitting, key=lambda item: item.expires)  # of equals, the first
                self._set(client, [other for other in queue if other is not item])
                return item
        return None

    def drop(self, late: Callable[[W], bool]) -> list[W]:
        """Take out all that are late; no turn is over."""
        dropped = [item for item in self if late(item)]
        self._queues = {
            client: left
            for client, queue in self._queues.items()
            if (left := [item for item in queue if not late(item)])
        }
        return dropped

    def _set(self, client: object, queue: list[W]) -> None:
        """What is left of a client's, behind all others."""
        del self._queues[client]
        if queue:
            self._queues[client] = queue
