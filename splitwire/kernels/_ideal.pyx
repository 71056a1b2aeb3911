"""Moving bytes with no work on them: what memory allows, for benchmarks to compare with."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport Lent, lend


cdef extern from "_ideal.h" nogil:
    ptrdiff_t stream_bytes "STREAM_BYTES"
    int move_bytes(const uint8_t *source, ptrdiff_t n, uint8_t *out, int reads, int writes,
                   int stream)


STREAM_BYTES = stream_bytes


def move(source, out, int reads, int writes, bint stream):
    """Read `source` and write `out`, `writes` vectors for each `reads`, with an OR in between.

    Both are contiguous. stream: write past the caches, as kernels do that move STREAM_BYTES or
    more; `out` must then be aligned to 64 bytes. Ends where either of them does. Returns a byte
    that depends on all that was read. Raises ValueError for a proportion that it doesn't have or
    arrays that don't fit.
    """
    cdef int result
    cdef Lent lent = lend(source, PyBUF_C_CONTIGUOUS)
    cdef Lent target = lend(out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef ptrdiff_t size = lent.view.len
    if writes > 0:
        size = min(size, target.view.len // writes * reads)
    if stream and <size_t>target.data % 64:
        raise ValueError("out is not aligned to 64 bytes")
    with nogil:
        result = move_bytes(<const uint8_t *>lent.data, size, <uint8_t *>target.data,
                            reads, writes, stream)
    if result < 0:
        raise ValueError(f"there is no loop for {reads} reads and {writes} writes")
    return result
