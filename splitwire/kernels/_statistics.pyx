"""What a tensor holds: moments of its values, counts of its codes."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE
from libc.math cimport sqrt
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from splitwire.kernels._fast cimport Lent, codes, floats, lend, plain_top
from splitwire.kernels._isa cimport level

from numpy import empty, int64

from splitwire.kernels import arguments


cdef extern from "_statistics.h" nogil:
    ctypedef struct moment_sums:
        double count
        double mean
        double square
        float low
        float high

    moment_sums (**sum_moments)(const float *x, ptrdiff_t n) noexcept nogil
    void count_codes(const uint8_t *codes, ptrdiff_t n, int64_t *counts)


def moments(x):
    """Minimum, maximum, mean and population deviation of `x`, as Python floats.

    x: real, any shape of rank one or more; taken as float32. NaN and infinities are left out.
    Sums are float64 in a fixed order (see `reference.moments`), good to about ten digits even
    where the mean dwarfs the deviation. Raises TypeError for a wrong dtype; ValueError for an
    empty tensor or one with no finite value.
    """
    cdef Lent source = floats(x)
    cdef moment_sums sums
    with nogil:
        sums = sum_moments[level](<const float *>source.data, source.size())
    if sums.count == 0:
        arguments.refuse_non_finite()
    # Adding 0.0 makes one zero of -0.0 and 0.0, between which the order of comparison would choose.
    return sums.low + 0.0, sums.high + 0.0, sums.mean + 0.0, sqrt(sums.square / sums.count)


def histogram(q, bits=8):
    """How often each code occurs in `q`.

    q: uint8, any shape. Returns int64 of shape (2**bits,). Raises TypeError for a wrong dtype;
    ValueError for an empty tensor, a code above 2**bits - 1 or `bits` outside 1..8.
    """
    cdef int top = plain_top(bits) or arguments.top_code(bits), code
    cdef Lent source = codes(q)
    cdef int64_t[256] counts
    cdef Lent result = lend(empty(top + 1, int64), PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
    with nogil:
        count_codes(<const uint8_t *>source.data, source.size(), counts)
    for code in range(top + 1, 256):
        if counts[code]:
            arguments.refuse_codes(source.array, top)
    memcpy(result.data, counts, result.view.len)
    return result.array
