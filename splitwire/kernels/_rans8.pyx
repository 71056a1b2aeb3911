"""Symbols of 256 levels through static rANS by bytes: see `_rans8.h`, and `_rans8_stream.h`."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from splitwire.kernels._fast cimport Lent, codes, lend
from splitwire.kernels._isa cimport level

from numpy import empty, uint8

from splitwire.kernels import entropy_arguments as arguments


cdef extern from "_rans8_stream.h" nogil:
    void rans_prepare()
    int suits "rans8_suits"(const int64_t *counts)
    ptrdiff_t rans8_capacity(ptrdiff_t n)
    uint8_t *rans8_encode_stream(
        const int64_t *counts, const uint8_t *symbols, ptrdiff_t n, uint8_t *room, int level
    )
    int rans8_decode_stream(
        const uint8_t *stream, ptrdiff_t length, uint8_t *symbols, ptrdiff_t n, int level
    )


rans_prepare()


def rans8_suits(counts):
    """Whether symbols that occur so often are best coded by `rans8_encode`.

    Those of 256 levels are, from 8192 to 65536 of them, unless a level has more than a quarter.

    counts: integers of shape (levels,), how often each occurs; as `rans_frequencies` takes them.
    Returns a bool. Raises TypeError and ValueError as `rans_frequencies`.
    """
    cdef Lent each = lend(arguments.counts(counts), PyBUF_C_CONTIGUOUS)
    return len(each.array) == arguments.LEVELS and suits(<const int64_t *>each.data) != 0


def rans8_encode(symbols, counts):
    """Code symbols of 256 levels, with their table, by static rANS that takes bytes in.

    The table is a tree of levels that share a frequency of 256: good for tensors of thousands of
    symbols, where neighbouring levels are about as frequent and none takes nearly all.

    symbols: uint8, any shape, taken in C order. counts: integers of shape (256,), how often each
    level occurs, or any weights; not negative, a sum of 1 to 2**40.
    Returns the stream, uint8 of shape (bytes,).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, or a symbol whose
    count and whose neighbours' are 0.
    """
    cdef Lent source = codes(symbols, "symbols")
    cdef Lent each = lend(arguments.level_counts(counts), PyBUF_C_CONTIGUOUS)
    cdef ptrdiff_t n = source.view.len, capacity = rans8_capacity(n)
    cdef Lent room = lend(empty(capacity, uint8), PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef uint8_t *begin
    with nogil:
        begin = rans8_encode_stream(
            <const int64_t *>each.data, <const uint8_t *>source.data, n, <uint8_t *>room.data, level
        )
    if begin == NULL:
        arguments.refuse_symbols()
    return room.array[begin - <uint8_t *>room.data :]


def rans8_decode(buffer, shape):
    """Decode symbols of that shape, which `rans8_encode` coded.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns uint8.
    Raises TypeError for a wrong type; ValueError for other shapes or values, and for bytes that are
    no such stream. Nearly all damage is noticed, but a checksum has to be the caller's.
    """
    cdef Lent stream = lend(arguments.stream(buffer), PyBUF_C_CONTIGUOUS)
    cdef Lent symbols = lend(
        empty(arguments.symbol_shape(shape), uint8), PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE
    )
    cdef int good
    with nogil:
        good = rans8_decode_stream(
            <const uint8_t *>stream.data, stream.view.len, <uint8_t *>symbols.data, symbols.view.len,
            level
        )
    if not good:
        arguments.refuse_rans8_stream()
    return symbols.array
