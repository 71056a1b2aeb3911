"""Rate control: the quality that keeps a promise, found by bisection with each trial made for real.

Streams grow with quality, but for the odd byte from one step to the next. So what is found is sure
to keep the promise, and within a step or so of the best.
"""

from collections.abc import Callable

from splitwire.errors import CodecError


def within_bytes(target: int, around: int, encode: Callable[[int], bytes], top: int) -> int:
    """The highest quality, 0 to `top`, whose stream fits.

    Args:
        target: bytes that the stream may have.
        around: bytes that a stream has beside those that `encode` makes.
        encode: the bytes of a quality.
        top: the highest quality.

    Raises:
        CodecError: not even the stream of quality 0 fits.
    """
    least, budget = len(encode(0)), target - around
    if least > budget:
        raise CodecError(
            f"this tensor takes {around + least} bytes at the lowest quality, "
            f"more than target_bytes={target}"
        )
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if len(encode(middle)) <= budget:
            low = middle
        else:
            high = middle - 1
    return low
