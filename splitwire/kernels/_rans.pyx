"""Symbols through static rANS: see `_rans.h` for the arithmetic, `_rans_stream.h` for the stream."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from splitwire.kernels._fast cimport Lent, lend
from splitwire.kernels._isa cimport level

import numpy as np

from splitwire.kernels import entropy_arguments as arguments


cdef extern from "_rans_stream.h" nogil:
    enum: RANS_SPARE
    ctypedef struct rans_tables:
        const uint32_t *model
        const uint32_t *reciprocal
        const uint32_t *slots
        const uint16_t *slot_symbol
        const int32_t *of_row
        ptrdiff_t row_length
        int symbols, precision
    void rans_prepare()
    int rans_fill_model(
        const uint16_t *frequencies, int symbols, int precision, uint32_t *model,
        uint32_t *reciprocal
    )
    int rans_fill_slots(const uint16_t *frequencies, int symbols, uint32_t *slots)
    void rans_fill_slot_symbols(const uint16_t *frequencies, int symbols, uint16_t *slots)
    ptrdiff_t rans_capacity(ptrdiff_t n)
    uint8_t *rans_encode_stream(
        const rans_tables *tables, const void *symbols, ptrdiff_t first_row, ptrdiff_t n,
        uint8_t *end, int level
    )
    int rans_decode_stream(
        const rans_tables *tables, void *symbols, ptrdiff_t first_row, ptrdiff_t n,
        const uint8_t *stream, ptrdiff_t length, int level
    )

cdef extern from "_rans_table.h" nogil:
    enum: RANS_MOST_SYMBOLS
    int rans_normalize(const int64_t *counts, int symbols, int precision, uint16_t *frequencies)
    ptrdiff_t rans_packed_capacity(int symbols, int precision)
    ptrdiff_t rans_pack_levels(
        const uint16_t *frequencies, int symbols, int precision, uint8_t *stream
    )
    int rans_unpack_levels(
        const uint8_t *stream, ptrdiff_t length, int symbols, int precision, int64_t *weights
    )


rans_prepare()


def rans_frequencies(counts):
    """Make frequencies of counts: what `rans_encode` takes, at close to the least cost.

    counts: integers of shape (A,), how often each of 2 to 4096 symbols occurs, or any weights; not
    negative, a sum of 1 to 2**40. Returns uint16 of shape (A,): at least 1 where the count is, and
    a sum of 4096 where A is up to 256, otherwise 16384.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    cdef const int64_t[::1] source = arguments.counts(counts)
    cdef int size = source.shape[0], precision = arguments.precision(size)
    result = np.empty(size, np.uint16)
    cdef uint16_t[::1] frequencies = result
    with nogil:
        rans_normalize(&source[0], size, precision, &frequencies[0])
    return result


def pack_frequencies(counts):
    """Pack counts, coarsely and in few bytes; code with what `unpack_frequencies` makes of them.

    A frequency is kept to a quarter of an octave, which costs a coder a thousandth. 16 symbols take
    some 10 bytes, 256 symbols 70.

    counts: as for `rans_frequencies`. Returns uint8 of shape (bytes,), possibly of none.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    cdef const uint16_t[::1] frequencies = rans_frequencies(counts)
    cdef int size = frequencies.shape[0], precision = arguments.precision(size)
    cdef ptrdiff_t length
    result = np.empty(rans_packed_capacity(size, precision), np.uint8)
    cdef uint8_t[::1] stream = result
    with nogil:
        length = rans_pack_levels(&frequencies[0], size, precision, &stream[0])
    return result[:length]


def unpack_frequencies(buffer, symbols):
    """Unpack the frequencies of an alphabet of `symbols` symbols.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns uint16 of shape (symbols,), as `rans_frequencies` does.
    Raises TypeError for another type; ValueError for bytes that `pack_frequencies` never makes, or
    `symbols` outside 2..4096.
    """
    cdef int size = arguments.alphabet(symbols), precision = arguments.precision(size), good
    cdef Lent stream = lend(arguments.stream(buffer), PyBUF_C_CONTIGUOUS)
    cdef int64_t weights[RANS_MOST_SYMBOLS]
    result = np.empty(size, np.uint16)
    cdef Lent frequencies = lend(result, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    with nogil:
        good = rans_unpack_levels(
            <const uint8_t *>stream.data, stream.view.len, size, precision, weights
        )
        if good:
            rans_normalize(weights, size, precision, <uint16_t *>frequencies.data)
    if not good:
        arguments.refuse_frequencies()
    return result


def rans_encode(symbols, frequencies, tables=None):
    """Code symbols by interleaved static rANS.

    symbols: uint8, any shape, taken in C order, or uint16 where there are more than 256 symbols.
    frequencies: uint16 of shape (A,), or (T, A) for T tables; each sums to 4096 where A is up to
    256, otherwise to 16384, and none is the whole sum. tables: where there are several, which of
    them the rows of `symbols` have: integers, of the shape of the leading axes.
    Returns the stream, uint8 of shape (bytes,).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, or a symbol that is
    outside of the alphabet or has frequency 0.
    """
    data, _ = _encode(symbols, frequencies, tables, False)
    return data


def rans_encode_streams(symbols, frequencies, tables=None):
    """Code each symbols[i] as a stream that decodes by itself.

    symbols, frequencies, tables: as for `rans_encode`; the first axis runs over streams.
    Returns the streams one behind another, uint8 of shape (bytes,), and their lengths, int64 of
    shape (len(symbols),). Raises as `rans_encode` does.
    """
    return _encode(symbols, frequencies, tables, True)


def rans_decode(buffer, frequencies, shape, tables=None):
    """Decode symbols of that shape, which `rans_encode` coded with these frequencies and tables.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns uint8, or uint16 where there are more than 256 symbols.
    Raises TypeError for a wrong type; ValueError for other shapes or values, and for bytes that are
    no such stream. Nearly all damage is noticed, but a checksum has to be the caller's.
    """
    return _decode(arguments.stream(buffer), None, frequencies, shape, tables)


def rans_decode_streams(buffer, lengths, frequencies, shape, tables=None):
    """Decode symbols of that shape, which `rans_encode_streams` coded.

    buffer: all streams, as for `rans_decode`. lengths: integers of shape (shape[0],), which sum to
    the buffer's length. Returns and raises as `rans_decode` does.
    """
    return _decode(arguments.stream(buffer), lengths, frequencies, shape, tables)


def _encode(symbols, frequencies, tables, many):
    plan = arguments.rans_plan(frequencies, np.shape(symbols), tables, many)
    source = arguments.symbols(symbols, plan)
    cdef _Tables made = _Tables(plan, False)
    cdef const uint8_t[::1] view = source.view(np.uint8)
    cdef const uint8_t *first = &view[0]
    cdef ptrdiff_t n = plan.size, streams = plan.streams, rows = plan.rows, i
    cdef ptrdiff_t step = n * source.itemsize
    lengths = np.empty(streams, np.int64)
    cdef int64_t[::1] taken = lengths
    result = np.empty(streams * rans_capacity(n) + RANS_SPARE, np.uint8)
    cdef uint8_t[::1] room = result
    cdef uint8_t *end = &room[0] + room.shape[0]
    cdef uint8_t *at = end
    cdef uint8_t *begin = NULL
    with nogil:
        for i in range(streams - 1, -1, -1):
            begin = rans_encode_stream(&made.all, first + i * step, i * rows, n, at, level)
            if begin == NULL:
                break
            taken[i] = at - begin
            at = begin
    if begin == NULL:
        arguments.refuse_symbols()
    return result[room.shape[0] - (end - at):], lengths


def _decode(data, lengths, frequencies, shape, tables):
    """`lengths` is None for one stream, of all bytes."""
    shape = arguments.symbol_shape(shape)
    plan = arguments.rans_plan(frequencies, shape, tables, lengths is not None)
    cdef ptrdiff_t n = plan.size, streams = plan.streams, rows = plan.rows, i
    cdef Lent stream = lend(data, PyBUF_C_CONTIGUOUS)
    cdef int64_t whole = stream.view.len
    cdef const int64_t *taken = &whole
    cdef const int64_t[::1] each
    if lengths is not None:
        each = arguments.stream_lengths(lengths, streams, whole)
        taken = &each[0]
    cdef _Tables made = _Tables(plan, True)
    result = np.empty(shape, plan.dtype)
    cdef Lent symbols = lend(result, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    cdef uint8_t *to = <uint8_t *>symbols.data
    cdef const uint8_t *at = <const uint8_t *>stream.data
    cdef ptrdiff_t step = n * symbols.view.itemsize
    cdef int good = 1
    with nogil:
        for i in range(streams):
            good = rans_decode_stream(&made.all, to + i * step, i * rows, n, at, taken[i], level)
            if not good:
                break
            at += taken[i]
    if not good:
        arguments.refuse_rans_stream()
    return result


cdef class _Tables:
    """What the bodies take of the tables of a plan, in memory of its own."""

    cdef rans_tables all
    cdef uint32_t *memory
    cdef Lent of_row

    def __cinit__(self, plan, decoding):
        cdef Lent frequencies = lend(plan.frequencies, PyBUF_C_CONTIGUOUS)
        cdef ptrdiff_t count = frequencies.view.shape[0], i
        cdef int size = frequencies.view.shape[1], precision = plan.precision
        cdef ptrdiff_t words = count * size, slots = count << precision
        self.of_row = lend(plan.of_row, PyBUF_C_CONTIGUOUS)
        self.memory = <uint32_t *>PyMem_Malloc(4 * (2 * words + (slots if decoding else 0)))
        if self.memory == NULL:
            raise MemoryError
        self.all.model = self.memory
        self.all.reciprocal = self.memory + words
        if decoding and size <= 256:
            self.all.slots = self.memory + 2 * words
        if decoding and size > 256:
            self.all.slot_symbol = <uint16_t *>(self.memory + 2 * words)
        self.all.of_row = <const int32_t *>self.of_row.data
        self.all.row_length = plan.row_length
        self.all.symbols = size
        self.all.precision = precision
        for i in range(count):
            if not self.fill(<const uint16_t *>frequencies.data + i * size, i):
                arguments.refuse_table(plan.frequencies, i)

    cdef bint fill(self, const uint16_t *frequencies, ptrdiff_t table) noexcept:
        """Fill a table; returns whether its frequencies are good."""
        cdef int size = self.all.symbols
        cdef ptrdiff_t first = table << self.all.precision
        if self.all.slots != NULL:
            return rans_fill_slots(frequencies, size, <uint32_t *>self.all.slots + first)
        if not rans_fill_model(
            frequencies, size, self.all.precision, <uint32_t *>self.all.model + table * size,
            <uint32_t *>self.all.reciprocal + table * size
        ):
            return False
        if self.all.slot_symbol != NULL:
            rans_fill_slot_symbols(frequencies, size, <uint16_t *>self.all.slot_symbol + first)
        return True

    def __dealloc__(self):
        PyMem_Free(self.memory)
