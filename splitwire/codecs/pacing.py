"""Rate control over a sequence: a bucket fills evenly with bytes, and each stream takes its own.

A token bucket (RFC 2697): every stream adds `target` bytes, up to ten streams' worth, and takes as
many as it is long. So of any n streams in a row the sum is at most (n + 10) · target, and a link
that carries `target` bytes in the time of a frame is never more than ten frames behind.

A stream is made at the quality that the last one of its kind leads to expect; only where it would
be far too long is it made again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, log2
from typing import Any, Generic, TypeVar

from splitwire.errors import CodecError

DEPTH = 10  # streams' worth of bytes that may be spent at once
_OCTAVE = 10  # steps of quality that about double a stream
_SMOOTH = 2  # steps of quality from one stream that follows to the next, at most
_GAIN = 6  # steps of quality by which double a stream is aimed at: too few, so as not to swing
_BURST = 0.75  # of what is in the bucket, that a stream which stands alone is to take


@dataclass(frozen=True)
class Coded:
    """A tensor as coded at a place of a sequence.

    Attributes:
        stream: all of its bytes.
        back: how far back the stream is that it builds on; 0 where it stands alone.
        after: what those to come may build on; see PredictiveCodec.
    """

    stream: bytes
    back: int
    after: Any


Coder = TypeVar("Coder")


@dataclass
class Pace(Generic[Coder]):
    """Chooses the quality of one tensor of a sequence after another.

    Attributes:
        target: bytes a stream, on the mean.
        quality: to begin with.
        top: the highest.
        at: the codec of a quality.
    """

    target: int
    quality: int
    top: int
    at: Callable[[int], Coder]
    _level: int = field(init=False)
    _aim: float = 1.0  # bytes that the last stream which follows was to have, over those it had

    def __post_init__(self) -> None:
        self._level = DEPTH * self.target

    def spend(self, code: Callable[[Coder], Coded]) -> Coded:
        """What `code` makes with the codec of the quality chosen: the next of the sequence.

        Raises:
            CodecError: not even quality 0 leaves a stream that the bucket has the bytes for.
        """
        self._level = min(self._level + self.target, DEPTH * self.target)
        step = round(_GAIN * log2(self._aim))
        quality = self._within(self.quality + max(-_SMOOTH, min(step, _SMOOTH)))
        coded = code(self.at(quality))
        while (size := len(coded.stream)) > self._most(coded):
            if not quality:
                raise CodecError(
                    f"this tensor takes {size} bytes at the lowest quality, and target_bytes="
                    f"{self.target} leaves {self._level} for now: give it more, or wait"
                )
            quality = self._within(quality - ceil(_OCTAVE * log2(size / self._most(coded))))
            coded = code(self.at(quality))
        if coded.back:
            self._aim = self.target * (0.5 + self._level / (DEPTH * self.target)) / size
        self.quality = quality
        self._level -= size
        return coded

    def _most(self, coded: Coded) -> float:
        """Bytes that a stream of that kind may take by now."""
        return self._level if coded.back else _BURST * self._level

    def _within(self, quality: int) -> int:
        return max(0, min(quality, self.top))
