"""Rate control: the quality that keeps a promise, found by bisection with each trial made for real.

Streams grow with quality and the expected divergence falls, but for the odd byte from one step to
the next. So what is found is sure to keep the promise, and within a step or so of the best.
"""

from collections.abc import Callable

from splitwire.errors import CodecError


def within_bytes(target: int, around: int, encode: Callable[[int], bytes], top: int) -> bytes:
    """The payload of the highest quality, 0 to `top`, whose stream fits.

    Args:
        target: bytes that the stream may have.
        around: bytes that a stream has around its payload.
        encode: the payload of a quality.
        top: the highest quality.

    Raises:
        CodecError: not even the stream of quality 0 fits.
    """
    best, budget = encode(0), target - around
    if len(best) > budget:
        raise CodecError(
            f"this tensor takes {around + len(best)} bytes at the lowest quality, "
            f"more than target_bytes={target}"
        )
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        stream = encode(middle)
        if len(stream) <= budget:
            low, best = middle, stream
        else:
            high = middle - 1
    return best


def within_divergence(target: float, expected: Callable[[int], float], top: int) -> int:
    """The lowest quality, 0 to `top`, whose expected divergence (nats) is at most `target`.

    `top` where none is.
    """
    low, high = 0, top
    while low < high:
        middle = (low + high) // 2
        if expected(middle) <= target:
            high = middle
        else:
            low = middle + 1
    return low
