"""Codes of 1 to 8 bits to and from bytes."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport Lent, codes, lend, output, plain_top
from splitwire.kernels._isa cimport level

from splitwire.kernels import arguments


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
    cdef Lent source = codes(q)
    cdef Lent packed = output(None, packed_length(source.size(), width), c"B", source)
    with nogil:
        seen = pack_codes(level, <const uint8_t *>source.data, source.size(), width,
                          <uint8_t *>packed.data)
    if seen > top:
        arguments.refuse_codes(source.array, top)
    return packed.array


def unpack_bits(buffer, bits, size):
    """Take `size` codes of `bits` bits out of what `pack_bits` made of them.

    buffer: bytes-like, or a uint8 array of any shape, of exactly ceil(size * bits / 8) bytes, from
    any source: it is checked, and nothing outside it is read. Returns uint8 of shape (size,).
    Raises TypeError for another type; ValueError for another length, padding that is not zero, a
    size below one or `bits` outside 1..8.
    """
    cdef Lent packed = lend(arguments.packed_bytes(buffer, bits, size), PyBUF_C_CONTIGUOUS)
    cdef Lent unpacked = output(None, size, c"B", packed)
    cdef int width = bits
    with nogil:
        unpack_codes(level, <const uint8_t *>packed.data, unpacked.size(), width,
                     <uint8_t *>unpacked.data)
    return unpacked.array
