"""What the link carries just now, from the frames that it carried."""

from collections import deque
from math import inf

_MEMORY = 3  # frames that the estimate is over
_CHANGE = 1.5  # a frame that is off by this factor is taken at its word: the link has changed
_LEAST_BYTES = 1000  # smaller messages tell of the round trip, not of the rate


class Bandwidth:
    """Upload rate and round trip as measured.

    Attributes:
        rtt: seconds, the least that was seen; infinite before any probe came back.
    """

    def __init__(self) -> None:
        self.rtt = inf
        self._seen: deque[tuple[int, float]] = deque(maxlen=_MEMORY)
        self._free = -inf  # when the last byte of the latest message had left

    @property
    def rate(self) -> float | None:
        """Bytes a second over the latest frames; None before the first."""
        seconds = sum(s for _, s in self._seen)
        return sum(b for b, _ in self._seen) / seconds if seconds > 0 else None

    def saw_probe(self, seconds: float) -> None:
        """An empty probe was away for so long."""
        self.rtt = min(self.rtt, seconds)

    def saw(self, size: int, sent: float, heard: float, held: float) -> None:
        """A message was replied to.

        Args:
            size: bytes of it.
            sent: when it was handed to the link (s, of one clock).
            heard: when the reply was here.
            held: seconds of that the cloud had it.
        """
        left = heard - held - min(self.rtt, heard - held - sent)
        # The message ahead of it may still have been on its way: that time is not its own.
        seconds = left - max(sent, self._free)
        self._free = max(self._free, left)
        if size < _LEAST_BYTES:
            return
        seconds = max(seconds, 1e-6)
        known = self.rate or size / seconds
        if not 1 / _CHANGE < size / seconds / known < _CHANGE:
            self._seen.clear()
        self._seen.append((size, seconds))
