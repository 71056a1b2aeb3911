"""Memory that one frame leaves to the next."""

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # mallopt(3)
_KEPT = 256 << 20  # bytes free at the end of the heap before any are given back
_LARGEST = 32 << 20  # bytes: the most that the C library lets the second threshold be


def keep_memory() -> None:
    """Have the C library keep what is freed, where it is glibc.

    Otherwise it returns each large tensor's pages at once, and the next frame's first touch of each
    page is a fault: a few milliseconds a frame, more or fewer from one process to the next.
    """
    _set(_TRIM_THRESHOLD, _KEPT)
    _set(_MMAP_THRESHOLD, _LARGEST)


def one_heap() -> None:
    """Have all threads take their memory from one heap, where the C library is glibc.

    Otherwise each keeps what it freed for itself: where memory is scarce, that is too much for the
    little time that threads wait for each other at one heap. To be called before they are started.
    """
    _set(_ARENA_MAX, 1)


def return_memory() -> None:
    """Give back what is free, where the C library is glibc; for when no frame is near.

    What was kept for the next frame is then faulted in anew, which that one pays for.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _set(option: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(option, value)
