"""Transform coefficients through the coder of `_coefficients.h`, which says what a context is."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, uint8_t, uint16_t
from splitwire.kernels._range cimport RANGE_TAIL, _Contexts, range_context
from splitwire.kernels import coefficient_arguments as arguments

cdef extern from "_coefficients.h" nogil:
    ctypedef struct coefficient_maps:
        ptrdiff_t components, height, width
        const uint8_t *classes
        const uint16_t *expected
    ptrdiff_t coefficient_memory(ptrdiff_t height, ptrdiff_t width)
    ptrdiff_t coefficients_encode_maps(
        coefficient_maps maps, const int16_t *q, range_context *contexts, int *memory,
        uint8_t *stream
    )
    int coefficients_decode_maps(
        coefficient_maps maps, const uint8_t *stream, ptrdiff_t length,
        range_context *contexts, int *memory, int16_t *q
    )
    void coefficients_find_contexts(
        coefficient_maps maps, const int16_t *q, int *memory, uint16_t *found
    )


cdef class _Maps:
    """Classes and what they lead to expect, with memory for what was met."""

    cdef coefficient_maps all
    cdef object held
    cdef int[::1] memory

    def __cinit__(self, const uint8_t[:, :, ::1] classes, const uint16_t[::1] expected):
        self.held = classes, expected
        self.all.components = classes.shape[0]
        self.all.height = classes.shape[1]
        self.all.width = classes.shape[2]
        self.all.classes = &classes[0, 0, 0]
        self.all.expected = &expected[0]
        self.memory = np.zeros(coefficient_memory(self.all.height, self.all.width), np.intc)


def coefficients_encode(q, classes, expected, states, seen=0):
    """Code quantised coefficients.

    q: int16 (K, H, W), not -32768. classes: uint8 (K, H, W), each below P. expected: uint16 (P,),
    the mean magnitude of each class in 1/64. states: uint16 (P, 36, 2, 14), the probability of a
    one, in 1/65536 and not 0, that a magnitude above place (0 to 13) is larger, by class, liveliness
    and quantiser. seen: how many bins each state rests on, 0 to 63; an integer, or integers of the
    shape of `states`.
    Returns the stream, uint8 of shape (bytes,), possibly of none.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    values, classes, expected, states, seen = arguments.coefficients(
        q, classes, expected, states, seen
    )
    cdef const int16_t[:, :, ::1] source = values
    cdef _Maps maps = _Maps(classes, expected)
    cdef _Contexts model = _Contexts(states, seen)
    result = np.empty(2 * arguments.most_bins(values) + RANGE_TAIL, np.uint8)
    cdef uint8_t[::1] stream = result
    cdef ptrdiff_t length
    with nogil:
        length = coefficients_encode_maps(
            maps.all, &source[0, 0, 0], model.all, &maps.memory[0], &stream[0]
        )
    return result[:length]


def coefficients_decode(buffer, classes, expected, states, seen=0):
    """Decode what `coefficients_encode` made with these classes, expectations and states.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns int16 of the shape of `classes`.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, and for bytes that
    are no such stream. Other damage may decode to other coefficients.
    """
    data, classes, expected, states, seen = arguments.coded(buffer, classes, expected, states, seen)
    cdef const uint8_t[::1] stream = data
    cdef const uint8_t *begin = &stream[0] if stream.shape[0] else NULL
    cdef _Maps maps = _Maps(classes, expected)
    cdef _Contexts model = _Contexts(states, seen)
    result = np.empty(classes.shape, np.int16)
    cdef int16_t[:, :, ::1] values = result
    cdef bint whole
    with nogil:
        whole = coefficients_decode_maps(
            maps.all, begin, stream.shape[0], model.all, &maps.memory[0], &values[0, 0, 0]
        )
    if not whole:
        arguments.refuse()
    return result


def coefficient_contexts(q, classes, expected):
    """The context of each coefficient: class * 36 + liveliness, as `coefficients_encode` has it.

    q, classes, expected: as there. Returns uint16 (K, H, W).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    values, classes, expected = arguments.classified(q, classes, expected)
    cdef const int16_t[:, :, ::1] source = values
    cdef _Maps maps = _Maps(classes, expected)
    result = np.empty(values.shape, np.uint16)
    cdef uint16_t[:, :, ::1] found = result
    with nogil:
        coefficients_find_contexts(
            maps.all, &source[0, 0, 0], &maps.memory[0], &found[0, 0, 0]
        )
    return result
