"""The clip range of `_laplace.h`, which says what makes it the best."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint32_t
from splitwire.kernels import arguments, laplace_arguments

cdef extern from "_laplace.h" nogil:
    ptrdiff_t laplace_sort(const float *x, ptrdiff_t n, uint32_t *keys, float *sorted)
    void find "laplace_range"(const float *sorted, ptrdiff_t n, int levels, double *lo, double *hi)


def laplace_range(x, levels):
    """The best range for evenly spaced levels, the outermost at its ends, by a Laplace model of x.

    x: float32, any shape; NaN and infinities are left out. levels: how many, 2 to 256.
    Returns lo and hi, Python floats; the extremes of x where they are equal.
    Raises TypeError for a wrong dtype; ValueError where nothing is finite, or other levels.
    """
    numbers, levels = laplace_arguments.ranged(x, levels)
    cdef const float[::1] source = numbers.reshape(-1)
    cdef ptrdiff_t n = source.shape[0], kept
    cdef uint32_t[::1] keys = np.empty(n, np.uint32)
    cdef float[::1] ordered = np.empty(n, np.float32)
    cdef int count = levels
    cdef double lo = 0, hi = 0
    with nogil:
        kept = laplace_sort(&source[0], n, &keys[0], &ordered[0])
        if kept:
            find(&ordered[0], kept, count, &lo, &hi)
    if not kept:
        arguments.refuse_non_finite()
    return lo, hi
