"""The quantiser of `_ecsq.h`: a few levels, placed by rate and distortion."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, uint8_t
from splitwire.kernels import ecsq_arguments as arguments

cdef extern from "_ecsq.h" nogil:
    ctypedef struct ecsq_design:
        int8_t *offsets
        double *thresholds
    void ecsq_place_levels(
        ecsq_design *made, const double *y, ptrdiff_t n, int count, double tradeoff
    )
    ptrdiff_t ecsq_pick_levels(
        const ecsq_design *design, const double *y, ptrdiff_t n, uint8_t *indices
    )


def ecsq_quantize(y, levels, tradeoff):
    """Place levels for numbers from 0 to 1, and find the level of each.

    y: float64, any shape, not empty, 0 to 1. levels: how many, 2 to 64; the outermost are 0 and 1.
    tradeoff: what a bit may cost in squared error, in squares of the levels' even spacing; from 0.
    Returns how far each inner level is from its even place, in 1/64 of the spacing, int8 of shape
    (levels - 2,), and the level of each number, uint8 of y's shape.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    numbers, levels, tradeoff = arguments.quantizer(y, levels, tradeoff)
    cdef const double[::1] source = numbers.reshape(-1)
    cdef int count = levels, i
    cdef double weight = tradeoff
    cdef ecsq_design design
    indices = np.empty(numbers.shape, np.uint8)
    cdef uint8_t[::1] found = indices.reshape(-1)
    with nogil:
        ecsq_place_levels(&design, &source[0], source.shape[0], count, weight)
        ecsq_pick_levels(&design, &source[0], source.shape[0], &found[0])
    return np.array([design.offsets[i] for i in range(1, count - 1)], np.int8), indices
