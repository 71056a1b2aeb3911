"""Moving bytes with no work on them: what memory allows, for benchmarks to compare with."""

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

cnp.import_array()


cdef extern from "_ideal.h" nogil:
    ptrdiff_t stream_bytes "STREAM_BYTES"
    int move_bytes(const uint8_t *source, ptrdiff_t n, uint8_t *out, int reads, int writes,
                   int stream)


STREAM_BYTES = stream_bytes


def move(cnp.ndarray source, cnp.ndarray out, int reads, int writes, bint stream):
    """Read `source` and write `out`, `writes` vectors for each `reads`, with an OR in between.

    Both are contiguous. stream: write past the caches, as kernels do that move STREAM_BYTES or
    more; `out` must then be aligned to 64 bytes. Ends where either of them does. Returns a byte that depends on all that was
    read. Raises ValueError for a proportion that it doesn't have or an `out` not aligned.
    """
    cdef int result
    cdef const uint8_t *begin = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(out)
    cdef ptrdiff_t size = cnp.PyArray_NBYTES(source)
    if not (cnp.PyArray_ISCARRAY_RO(source) and cnp.PyArray_ISCARRAY(out)):
        raise ValueError("source or out is not contiguous, or out is not writable")
    if writes > 0:
        size = min(size, cnp.PyArray_NBYTES(out) // writes * reads)
    if stream and <size_t>target % 64:
        raise ValueError("out is not aligned to 64 bytes")
    with nogil:
        result = move_bytes(begin, size, target, reads, writes, stream)
    if result < 0:
        raise ValueError(f"there is no loop for {reads} reads and {writes} writes")
    return result
