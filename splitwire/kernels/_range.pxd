"""The range coder for codecs' own loops: `from splitwire.kernels._range cimport ...`.

A loop starts contexts and a coder, codes bin after bin without the GIL, and finishes. An encoder's
buffer holds 2 bytes a bin (or call of range_encode_bits) and RANGE_TAIL more.
"""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "_range.h" nogil:
    enum: RANGE_TAIL
    ctypedef struct range_context:
        uint16_t fast, slow
        uint32_t seen
    ctypedef struct range_encoder:
        pass
    ctypedef struct range_decoder:
        ptrdiff_t beyond

    void range_start_context(range_context *context, uint16_t p, uint32_t seen)
    void range_start_encoder(range_encoder *coder, uint8_t *buffer)
    void range_encode_bin(range_encoder *coder, range_context *context, int bin)
    void range_encode_odds(range_encoder *coder, uint32_t p, int bin)
    void range_encode_bits(range_encoder *coder, uint32_t bits, int count)
    ptrdiff_t range_finish(range_encoder *coder)
    void range_start_decoder(range_decoder *coder, const uint8_t *stream, ptrdiff_t length)
    int range_decode_bin(range_decoder *coder, range_context *context)
    int range_decode_odds(range_decoder *coder, uint32_t p)
    uint32_t range_decode_bits(range_decoder *coder, int count)
    int range_ends_well(const range_decoder *coder)
    int range_ran_out(const range_decoder *coder)


cdef class _Contexts:
    cdef object memory
    cdef range_context *all
