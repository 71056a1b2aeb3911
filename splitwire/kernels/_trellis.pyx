"""Dependent quantisation by a search through the trellis of `_trellis.h`."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, uint8_t, uint16_t
from splitwire.kernels import coefficient_arguments as arguments

cdef extern from "_trellis.h" nogil:
    enum: TRELLIS_STATES
    const uint8_t[TRELLIS_STATES][2] trellis_next
    const uint8_t[TRELLIS_STATES][2] trellis_ways

cdef enum:
    PLACES = 14
    LIMIT = 65000

cdef double FAR = 1e300


cdef struct branch_t:
    # For each quantiser and parity, as 2 * quantiser + parity, the cheapest index.
    double[4] cost
    int[4] index


cdef inline double price(const float *rates, int size) noexcept nogil:
    """The bits of a magnitude: those beyond the last place are Exp-Golomb coded."""
    cdef int bits = 0
    if size < PLACES:
        return rates[size]
    size -= PLACES - 1
    while size >> (bits + 1):
        bits += 1
    return <double>rates[PLACES] + (2 * bits + 1)


cdef inline void consider(
    branch_t *branch, int quantizer, int size, double x, const float *rates, double tradeoff
) noexcept nogil:
    cdef double error = x - (2 * size - quantizer if size else 0)
    cdef double cost = error * error + tradeoff * price(rates, size)
    cdef int way = 2 * quantizer + (size & 1)
    if cost < branch.cost[way]:
        branch.cost[way] = cost
        branch.index[way] = size


cdef inline void explore(
    branch_t *branch, double x, const float *rates, double tradeoff
) noexcept nogil:
    """The indices below and above x in both quantisers, and zero."""
    cdef int quantizer, size
    for quantizer in range(2):
        branch.cost[2 * quantizer] = branch.cost[2 * quantizer + 1] = FAR
        size = <int>((x + quantizer) / 2)
        consider(branch, quantizer, size, x, rates + quantizer * (PLACES + 1), tradeoff)
        consider(branch, quantizer, size + 1, x, rates + quantizer * (PLACES + 1), tradeoff)
        if size:
            consider(branch, quantizer, 0, x, rates + quantizer * (PLACES + 1), tradeoff)


cdef inline void step(double *costs, const branch_t *branch, uint8_t *origin) noexcept nogil:
    """Each state keeps the cheaper of the two ways that lead to it."""
    cdef double[TRELLIS_STATES] reached
    cdef int state, one, other
    cdef double cost, rival
    for state in range(TRELLIS_STATES):
        one, other = trellis_ways[state][0], trellis_ways[state][1]
        cost = costs[one >> 1] + branch.cost[one & 3]
        rival = costs[other >> 1] + branch.cost[other & 3]
        reached[state] = rival if rival < cost else cost
        origin[state] = other if rival < cost else one
    for state in range(TRELLIS_STATES):
        costs[state] = reached[state]


cdef inline double bounded(float x) noexcept nogil:
    """The magnitude, within what an index reaches; 0 where it is no number."""
    if x < 0:
        x = -x
    return x if x <= LIMIT else (LIMIT if x > LIMIT else 0)


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
    cdef ptrdiff_t n = source.shape[0], i
    cdef uint8_t[:, ::1] origins = np.empty((n, TRELLIS_STATES), np.uint8)
    cdef int16_t[:, ::1] indices = np.empty((n, 4), np.int16)
    result = np.empty(z.shape, np.int16)
    cdef int16_t[::1] q = result.reshape(-1)
    cdef double[TRELLIS_STATES] costs
    cdef branch_t branch
    cdef int state, way
    with nogil:
        for state in range(TRELLIS_STATES):
            costs[state] = FAR if state else 0
        for i in range(n):
            explore(&branch, bounded(source[i]), &bits[which[i], 0, 0], tradeoff)
            for way in range(4):
                indices[i, way] = branch.index[way]
            step(costs, &branch, &origins[i, 0])
        state = 0
        for way in range(1, TRELLIS_STATES):
            if costs[way] < costs[state]:
                state = way
        for i in range(n - 1, -1, -1):
            way = origins[i, state]
            state = way >> 1
            q[i] = indices[i, 2 * (state & 1) + (way & 1)]
            if source[i] < 0:
                q[i] = -q[i]
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
    cdef ptrdiff_t i
    cdef int state = 0
    with nogil:
        for i in range(source.shape[0]):
            second[i] = state & 1
            state = trellis_next[state][source[i] & 1]
    return result
