"""Codes of 1 to 8 bits to and from bytes."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

import numpy as np

from splitwire.kernels import arguments


cdef extern from "_bitpack.h" nogil:
    ptrdiff_t packed_length(ptrdiff_t n, int bits)
    int pack_codes(const uint8_t *codes, ptrdiff_t n, int bits, uint8_t *packed)
    void unpack_codes(const uint8_t *packed, ptrdiff_t n, int bits, uint8_t *codes)


def pack_bits(q, bits):
    """Pack codes of `bits` bits, most significant bit first, the last byte filled with zeros.

    q: uint8, any shape, taken in C order. Returns uint8 of shape (ceil(q.size * bits / 8),).
    Raises TypeError for a wrong dtype; ValueError for an empty tensor, a code above 2**bits - 1 or
    `bits` outside 1..8.
    """
    cdef int top = arguments.top_code(bits), seen
    cdef int width = bits
    q = arguments.codes(q)
    cdef const uint8_t[::1] source = q.reshape(-1)
    result = np.empty(packed_length(source.shape[0], width), np.uint8)
    cdef uint8_t[::1] packed = result
    with nogil:
        seen = pack_codes(&source[0], source.shape[0], width, &packed[0])
    if seen > top:
        arguments.refuse_codes(q, top)
    return result


def unpack_bits(buffer, bits, size):
    """Take `size` codes of `bits` bits out of what `pack_bits` made of them.

    buffer: bytes-like, or a uint8 array of any shape, of exactly ceil(size * bits / 8) bytes, from
    any source: it is checked, and nothing outside it is read. Returns uint8 of shape (size,).
    Raises TypeError for another type; ValueError for another length, padding that is not zero, a
    size below one or `bits` outside 1..8.
    """
    cdef const uint8_t[::1] packed = arguments.packed_bytes(buffer, bits, size)
    cdef int width = bits
    result = np.empty(size, np.uint8)
    cdef uint8_t[::1] codes = result
    with nogil:
        unpack_codes(&packed[0], codes.shape[0], width, &codes[0])
    return result
