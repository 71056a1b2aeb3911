"""What an edge expects of its choices where no run has measured them: it tries them itself.

Each is run on one picture before the first frame: its first half and its encoder as they are, its
decoder and second half in the place of the cloud's. What frames show corrects that, those of the
cloud's times included.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from time import perf_counter

from splitwire.codecs.base import Tensor
from splitwire.errors import DataError
from splitwire.live.record import Record
from splitwire.live.supply import Taken
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import decode_arrays, encode

_FORGET = 0.8  # how much of what is known outlives the next frame
_RUNS = 3  # of which the fastest counts: the first allocates


@dataclass(eq=False)
class Seen:
    """What a choice takes.

    Attributes:
        choice: what this is of.
        here: seconds of its first half and encoder, or of the whole network where nothing is sent.
        there: seconds of its decoder and second half.
        bytes: that are sent for a frame.
    """

    choice: AnyChoice
    here: float
    there: float
    bytes: float

    @property
    def fixed(self) -> float:
        """Seconds for all but the link."""
        return self.here + self.there

    def seconds(self, rate: float) -> float:
        """The total at an upload rate in bytes a second, with no round trip."""
        return self.fixed + self.bytes / rate

    def learn(self, record: Record) -> None:
        """A frame is done: it corrects what is known of its choice, if it tells anything."""
        if record.choice is not self.choice or record.outcome not in ("answered", "local"):
            return
        took = record.seconds
        self.here = _moved(self.here, took["edge"] + took.get("encode", 0.0))
        self.there = _moved(self.there, took.get("decode", 0.0) + took.get("cloud", 0.0))
        self.bytes = _moved(self.bytes, record.bytes)


def expectations(
    choices: Sequence[AnyChoice], source: Iterator[Taken], slowness: float = 1.0
) -> tuple[dict[AnyChoice, Seen], Iterator[Taken]]:
    """What each choice takes on the first picture, and the source, that picture included.

    Args:
        choices: to be tried.
        source: of pictures.
        slowness: how many times slower than this machine the edge is to be.

    Raises:
        CodecError: a codec cannot take what crosses.
        DataError: the source has no picture that can be read.
    """
    passed: list[Taken] = []
    for taken in source:
        passed.append(taken)
        if not isinstance(taken[1], DataError):
            tried = {choice: _tried(choice, taken[1], slowness) for choice in choices}
            return tried, chain(passed, source)
    raise DataError("there is no picture to try the choices on")


def _tried(choice: AnyChoice, picture: Tensor, slowness: float) -> Seen:
    halves = choice.split
    features = halves.start(picture)
    first = _fastest(lambda: halves.start(picture))
    second = _fastest(lambda: halves.finish(features))
    if not choice.codecs:
        return Seen(choice, slowness * (first + second), 0.0, 0.0)
    packet = encode(features, choice.codecs)
    shapes = [crossing.shape for crossing in halves.crossings]
    coding = _fastest(lambda: encode(features, choice.codecs))
    decoding = _fastest(lambda: decode_arrays(packet, choice.codecs, shapes))
    return Seen(choice, slowness * (first + coding), decoding + second, len(packet))


def _fastest(work: Callable[[], object]) -> float:
    """Seconds that work takes at best."""
    times = []
    for _ in range(_RUNS):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return min(times)


def _moved(known: float, new: float) -> float:
    return _FORGET * known + (1 - _FORGET) * new
