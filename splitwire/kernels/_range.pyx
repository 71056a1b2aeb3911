"""Bins through the adaptive binary range coder of `_range.h`."""

import numpy as np

from splitwire.kernels import entropy_arguments as arguments


cdef extern from "_range.h" nogil:
    ptrdiff_t range_encode_bins(
        range_context *contexts, const uint16_t *which, const uint8_t *bins, ptrdiff_t n,
        uint8_t *stream
    )
    int range_decode_bins(
        range_context *contexts, const uint16_t *which, uint8_t *bins, ptrdiff_t n,
        const uint8_t *stream, ptrdiff_t length
    )
    ptrdiff_t range_encode_symbols(
        range_context *contexts, int largest, const uint8_t *symbols, ptrdiff_t n, uint8_t *stream
    )
    int range_decode_symbols(
        range_context *contexts, int largest, uint8_t *symbols, ptrdiff_t n,
        const uint8_t *stream, ptrdiff_t length
    )


def range_encode(bins, contexts, states, seen=0):
    """Code binary decisions, each in its context, by an adaptive binary range coder.

    A context's probability of a one starts at its state and moves with every bin: by half the
    error at first, by 1/16 and 1/128 (the mean of two estimates) in the end. See `_range.h`.

    bins: uint8, any shape, taken in C order, 0 or 1. contexts: uint16 of the same shape, each below
    `len(states)`. states: uint16 of shape (K,), in 1/65536, not 0; left as it is. seen: how many
    bins each state rests on, 0 to 63: the more, the slower it moves. An integer, or uint8 (K,).
    Returns the stream, uint8 of shape (bytes,), possibly of none.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    bins, contexts, states, seen = arguments.bins(bins, contexts, states, seen)
    cdef const uint8_t[::1] source = bins
    cdef const uint16_t[::1] which = contexts
    cdef ptrdiff_t n = source.shape[0], length
    result = np.empty(2 * n + RANGE_TAIL, np.uint8)
    cdef uint8_t[::1] stream = result
    cdef _Contexts model = _Contexts(states, seen)
    with nogil:
        length = range_encode_bins(model.all, &which[0], &source[0], n, &stream[0])
    return result[:length]


def range_decode(buffer, contexts, states, seen=0):
    """Decode what `range_encode` made of bins in these contexts.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. contexts, states, seen: as for `range_encode`.
    Returns the bins, uint8 of the shape of `contexts`.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, and for bytes that
    are not of the length of such a stream. Other damage may decode to other bins.
    """
    shape = np.shape(contexts)
    data, contexts, states, seen = arguments.coded_bins(buffer, contexts, states, seen)
    cdef const uint8_t[::1] stream = data
    cdef const uint16_t[::1] which = contexts
    cdef ptrdiff_t n = which.shape[0]
    result = np.empty(n, np.uint8)
    cdef uint8_t[::1] bins = result
    cdef _Contexts model = _Contexts(states, seen)
    cdef const uint8_t *begin = &stream[0] if stream.shape[0] else NULL
    cdef bint whole
    with nogil:
        whole = range_decode_bins(model.all, &which[0], &bins[0], n, begin, stream.shape[0])
    if not whole:
        arguments.refuse_range_stream()
    return result.reshape(shape)


def unary_encode(symbols, states, seen=0):
    """Code symbols as truncated unary bins: v ones, then a zero unless v is the largest.

    The bin at each position has one context, so that the contexts learn the distribution of the
    symbols: state i is the probability that a symbol of at least i is larger than that.

    symbols: uint8, any shape, taken in C order, 0 to `len(states)`. states, seen: as for
    `range_encode`; at most 255 states. Returns the stream, uint8 of shape (bytes,).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    symbols, states, seen = arguments.unary(symbols, states, seen)
    cdef const uint8_t[::1] source = symbols
    cdef int largest = len(states)
    cdef ptrdiff_t n = source.shape[0], length
    result = np.empty(2 * arguments.unary_bins(symbols, largest) + RANGE_TAIL, np.uint8)
    cdef uint8_t[::1] stream = result
    cdef _Contexts model = _Contexts(states, seen)
    with nogil:
        length = range_encode_symbols(model.all, largest, &source[0], n, &stream[0])
    return result[:length]


def unary_decode(buffer, size, states, seen=0):
    """Decode `size` symbols that `unary_encode` coded.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. states, seen: as for `unary_encode`. Returns uint8 of shape (size,).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, and for bytes that
    are not of the length of such a stream. Other damage may decode to other symbols.
    """
    data, size, states, seen = arguments.coded_unary(buffer, size, states, seen)
    cdef const uint8_t[::1] stream = data
    cdef int largest = len(states)
    cdef ptrdiff_t n = size
    result = np.empty(n, np.uint8)
    cdef uint8_t[::1] symbols = result
    cdef _Contexts model = _Contexts(states, seen)
    cdef const uint8_t *begin = &stream[0] if stream.shape[0] else NULL
    cdef bint whole
    with nogil:
        whole = range_decode_symbols(
            model.all, largest, &symbols[0], n, begin, stream.shape[0]
        )
    if not whole:
        arguments.refuse_range_stream()
    return result


cdef class _Contexts:
    """Contexts at their initial states, in memory of their own."""

    def __cinit__(self, const uint16_t[::1] states, const uint8_t[::1] seen):
        cdef ptrdiff_t i
        self.memory = np.empty(states.shape[0] * sizeof(range_context), np.uint8)
        cdef uint8_t[::1] view = self.memory
        self.all = <range_context *>&view[0]
        for i in range(states.shape[0]):
            range_start_context(&self.all[i], states[i], seen[i])
