"""Dependent quantisation by the search of `_trellis_search.h`."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, uint8_t, uint16_t
from splitwire.kernels import coefficient_arguments as arguments

cdef extern from "_trellis.h" nogil:
    enum: TRELLIS_STATES
    void trellis_find_quantizers(const int16_t *q, ptrdiff_t n, uint8_t *second)

cdef extern from "_trellis_search.h" nogil:
    ctypedef struct trellis_notes:
        uint8_t (*origins)[8]
        int16_t (*indices)[4]
    void trellis_search(
        const float *z, const uint16_t *contexts, ptrdiff_t n, const float *rates, double tradeoff,
        trellis_notes notes, int16_t *q
    )


def trellis_quantize(z, contexts, rates, double tradeoff):
    """The indices that cost least, in squared error and `tradeoff` times bits.

    Viterbi's algorithm over all coefficients in C order. The rates are those that a coder starts
    from, as in VVC's encoders: how it adapts on the way is not foreseen.

    z: float32 (K, H, W), in half steps of each quantiser, taken to 0 where NaN and to ±65000 where
    beyond. contexts: uint16 of that shape. rates: float32 (contexts, 2, 15), the bits of each
    magnitude from 0 to 14 in each context and quantiser.
    Returns int16 (K, H, W), to be coded by `coefficients_encode`.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    z, contexts, rates = arguments.trellis(z, contexts, rates)
    cdef const float[::1] source = z.reshape(-1)
    cdef const uint16_t[::1] which = contexts.reshape(-1)
    cdef const float[:, :, ::1] bits = rates
    cdef ptrdiff_t n = source.shape[0]
    cdef uint8_t[:, ::1] origins = np.empty((n, TRELLIS_STATES), np.uint8)
    cdef int16_t[:, ::1] indices = np.empty((n, 4), np.int16)
    result = np.empty(z.shape, np.int16)
    cdef int16_t[::1] q = result.reshape(-1)
    cdef trellis_notes notes
    notes.origins = <uint8_t (*)[8]>&origins[0, 0]
    notes.indices = <int16_t (*)[4]>&indices[0, 0]
    with nogil:
        trellis_search(&source[0], &which[0], n, &bits[0, 0, 0], tradeoff, notes, &q[0])
    return result


def trellis_quantizers(q):
    """Which quantiser each index belongs to.

    q: int16 (K, H, W), not -32768. Returns uint8 of that shape: 0 for the even numbers, 1 for the
    odd ones and zero; in half steps, an index of sign s stands for 2 q - s of that.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    values = arguments.indices(q)
    cdef const int16_t[::1] source = values.reshape(-1)
    result = np.empty(values.shape, np.uint8)
    cdef uint8_t[::1] second = result.reshape(-1)
    with nogil:
        trellis_find_quantizers(&source[0], source.shape[0], &second[0])
    return result
