"""Codes of 1 to 8 bits to and from bytes."""

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport is_plain, plain_top
from splitwire.kernels._isa cimport level

from splitwire.kernels import arguments

cnp.import_array()


cdef extern from "_bitpack.h" nogil:
    ptrdiff_t packed_length(ptrdiff_t n, int bits)
    int pack_codes(int level, const uint8_t *codes, ptrdiff_t n, int bits, uint8_t *packed)
    void unpack_codes(int level, const uint8_t *packed, ptrdiff_t n, int bits, uint8_t *codes)


def pack_bits(q, bits):
    """Pack codes of `bits` bits, most significant bit first, the last byte filled with zeros.

    q: uint8, any shape, taken in C order. Returns uint8 of shape (ceil(q.size * bits / 8),).
    Raises TypeError for a wrong dtype; ValueError for an empty tensor, a code above 2**bits - 1 or
    `bits` outside 1..8.
    """
    cdef int top = plain_top(bits) or arguments.top_code(bits), width = bits, seen
    cdef cnp.ndarray source = q if is_plain(q, cnp.NPY_UINT8) else arguments.codes(q)
    cdef ptrdiff_t size = cnp.PyArray_SIZE(source)
    cdef cnp.npy_intp length = packed_length(size, width)
    cdef cnp.ndarray packed = cnp.PyArray_EMPTY(1, &length, cnp.NPY_UINT8, 0)
    with nogil:
        seen = pack_codes(level, <const uint8_t *>cnp.PyArray_DATA(source), size, width,
                          <uint8_t *>cnp.PyArray_DATA(packed))
    if seen > top:
        arguments.refuse_codes(source, top)
    return packed


def unpack_bits(buffer, bits, size):
    """Take `size` codes of `bits` bits out of what `pack_bits` made of them.

    buffer: bytes-like, or a uint8 array of any shape, of exactly ceil(size * bits / 8) bytes, from
    any source: it is checked, and nothing outside it is read. Returns uint8 of shape (size,).
    Raises TypeError for another type; ValueError for another length, padding that is not zero, a
    size below one or `bits` outside 1..8.
    """
    cdef cnp.ndarray packed = arguments.packed_bytes(buffer, bits, size)
    cdef int width = bits
    cdef cnp.npy_intp length = size
    cdef cnp.ndarray codes = cnp.PyArray_EMPTY(1, &length, cnp.NPY_UINT8, 0)
    with nogil:
        unpack_codes(level, <const uint8_t *>cnp.PyArray_DATA(packed), length, width,
                     <uint8_t *>cnp.PyArray_DATA(codes))
    return codes
