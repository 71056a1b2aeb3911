"""What a tensor holds: moments of its values, counts of its codes."""

from libc.math cimport sqrt
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from splitwire.kernels import arguments


cdef extern from "_statistics.h" nogil:
    ctypedef struct moment_sums:
        double count
        double mean
        double square
        float low
        float high

    moment_sums sum_moments(const float *x, ptrdiff_t n)
    void count_codes(const uint8_t *codes, ptrdiff_t n, int64_t *counts)


def moments(x):
    """Minimum, maximum, mean and population deviation of `x`, as Python floats.

    x: real, any shape of rank one or more; taken as float32. NaN and infinities are left out.
    Sums are float64 in a fixed order (see `reference.moments`), good to about ten digits even
    where the mean dwarfs the deviation. Raises TypeError for a wrong dtype; ValueError for an
    empty tensor or one with no finite value.
    """
    cdef const float[::1] source = arguments.features(x).reshape(-1)
    cdef moment_sums sums
    with nogil:
        sums = sum_moments(&source[0], source.shape[0])
    if sums.count == 0:
        arguments.refuse_non_finite()
    # Adding 0.0 makes one zero of -0.0 and 0.0, between which the order of comparison would choose.
    return sums.low + 0.0, sums.high + 0.0, sums.mean + 0.0, sqrt(sums.square / sums.count)


def histogram(q, bits=8):
    """How often each code occurs in `q`.

    q: uint8, any shape. Returns int64 of shape (2**bits,). Raises TypeError for a wrong dtype;
    ValueError for an empty tensor, a code above 2**bits - 1 or `bits` outside 1..8.
    """
    cdef int top = arguments.top_code(bits), k
    q = arguments.codes(q)
    cdef const uint8_t[::1] source = q.reshape(-1)
    cdef int64_t[256] counts
    result = np.empty(top + 1, np.int64)
    cdef int64_t[::1] target = result
    with nogil:
        count_codes(&source[0], source.shape[0], counts)
        for k in range(top + 1):
            target[k] = counts[k]
    for k in range(top + 1, 256):
        if counts[k]:
            arguments.refuse_codes(q, top)
    return result
