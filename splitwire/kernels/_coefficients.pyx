"""Transform coefficients through the adaptive binary range coder of `_range.h`.

Coefficients come in planes, one a component, over spatial frequencies. Each has a *class* known
before: how large calibration found it, in steps. What was coded before says whether this tensor is
livelier here than those of calibration: with `expected` the mean magnitude of a class,

    liveliness = (1 + Σ w |q|) / (1 + Σ w expected)

once over the neighbours at lower frequencies, and once over the same frequency in the components
before, with weights that fade by 7/8 each. Class, both in six steps, and which of the two
quantisers is due (`_trellis.h`) are a coefficient's context. All of it is integer.
"""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, uint8_t, uint16_t
from libc.stdlib cimport abs
from splitwire.kernels._range cimport (
    RANGE_TAIL, _Contexts, range_context, range_decode_bin, range_decode_bits,
    range_decoder, range_encode_bin, range_encode_bits, range_encoder, range_ends_well,
    range_finish, range_ran_out, range_start_decoder, range_start_encoder,
)
from splitwire.kernels import coefficient_arguments as arguments

cdef extern from "_trellis.h" nogil:
    const uint8_t[8][2] trellis_next

cdef enum:
    ONE = 64        # unit of `expected`
    PLACES = 14     # bins of a magnitude that have a context; beyond is Exp-Golomb
    LIVELY = 6
    FINE = 64       # of what fades, to `expected`
    FADE = 3
    ESCAPE_BITS = 15

cdef int[LIVELY - 1] THRESHOLDS = [6, 11, 17, 26, 43]  # of liveliness, in 1/16


cdef struct planes_t:
    # What was met and what was expected: in this component with a rim of zeros, and in those before.
    ptrdiff_t row
    int *now
    int *now_expected
    int *before
    int *before_expected


cdef planes_t start_planes(int[::1] memory, ptrdiff_t height, ptrdiff_t width) noexcept nogil:
    cdef planes_t planes
    cdef ptrdiff_t row = width + 3, plane = (height + 2) * (width + 3)
    planes.row = row
    planes.now = &memory[0] + 2 * row + 2
    planes.now_expected = planes.now + plane
    planes.before = planes.now_expected + plane
    planes.before_expected = planes.before + plane
    return planes


cdef inline void keep(planes_t *planes, ptrdiff_t at, int value, int due) noexcept nogil:
    planes.now[at] = abs(value)
    planes.now_expected[at] = due
    planes.before[at] += (abs(value) * ONE * FINE - planes.before[at]) >> FADE
    planes.before_expected[at] += (due * FINE - planes.before_expected[at]) >> FADE


cdef inline int around(const int *now, ptrdiff_t row) noexcept nogil:
    """The weighted sum over the neighbours that were coded before."""
    return (
        2 * ((now - 1)[0] + (now - row)[0])
        + (now - 2)[0] + (now - 2 * row)[0] + (now - row - 1)[0] + (now - row + 1)[0]
    )


cdef inline int liveliness(long long met, long long due) noexcept nogil:
    cdef int lively = 0
    while lively < LIVELY - 1 and 16 * met >= THRESHOLDS[lively] * due:
        lively += 1
    return lively


cdef inline int context_of(const planes_t *planes, ptrdiff_t at, int kind) noexcept nogil:
    cdef int near = liveliness(
        ONE * (1 + <long long>around(planes.now + at, planes.row)),
        ONE + around(planes.now_expected + at, planes.row),
    )
    cdef int before = liveliness(
        (ONE * FINE >> FADE) + <long long>planes.before[at],
        (ONE * FINE >> FADE) + planes.before_expected[at],
    )
    return (kind * LIVELY + near) * LIVELY + before


cdef inline void encode_one(range_encoder *coder, range_context *contexts, int value) noexcept nogil:
    cdef int size = abs(value), place, bits
    for place in range(PLACES):
        range_encode_bin(coder, contexts + place, size > place)
        if size <= place:
            break
    if size:
        range_encode_bits(coder, value < 0, 1)
    if size >= PLACES:
        size -= PLACES - 1
        bits = 0
        while size >> (bits + 1):
            range_encode_bits(coder, 1, 1)
            bits += 1
        range_encode_bits(coder, 0, 1)
        if bits:
            range_encode_bits(coder, size - (1 << bits), bits)


cdef inline int decode_one(range_decoder *coder, range_context *contexts) noexcept nogil:
    """A value, or one beyond 32767 where no encoder goes."""
    cdef int size = 0, bits = 0
    cdef bint negative
    while size < PLACES and range_decode_bin(coder, contexts + size):
        size += 1
    if not size:
        return 0
    negative = range_decode_bits(coder, 1)
    if size == PLACES:
        while range_decode_bits(coder, 1):
            bits += 1
            if bits == ESCAPE_BITS:
                return 1 << 16
        size += (1 << bits) - 1
        if bits:
            size += range_decode_bits(coder, bits)
    return -size if negative else size


def coefficients_encode(q, classes, expected, states, seen=0):
    """Code quantised coefficients.

    q: int16 (K, H, W), not -32768. classes: uint8 (K, H, W), each below P. expected: uint16 (P,),
    the mean magnitude of each class in 1/64. states: uint16 (P, 36, 2, 14), the probability of a
    one, in 1/65536 and not 0, that a magnitude above place (0 to 13) is larger, by class, liveliness
    and quantiser. seen: how many bins each state rests on, 0 to 63; an integer, or integers of the
    shape of `states`.
    Returns the stream, uint8 of shape (bytes,), possibly of none.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    values, classes, expected, states, seen = arguments.coefficients(
        q, classes, expected, states, seen
    )
    cdef const int16_t[:, :, ::1] source = values
    cdef const uint8_t[:, :, ::1] kinds = classes
    cdef const uint16_t[::1] due = expected
    cdef _Contexts model = _Contexts(states, seen)
    cdef ptrdiff_t height = source.shape[1], width = source.shape[2]
    cdef int[::1] memory = np.zeros(4 * (height + 3) * (width + 3), np.intc)
    cdef planes_t planes = start_planes(memory, height, width)
    result = np.empty(2 * arguments.most_bins(values) + RANGE_TAIL, np.uint8)
    cdef uint8_t[::1] stream = result
    cdef range_encoder coder
    cdef ptrdiff_t k, u, v, at, length
    cdef int state = 0
    with nogil:
        range_start_encoder(&coder, &stream[0])
        for k in range(source.shape[0]):
            for u in range(height):
                for v in range(width):
                    at = u * planes.row + v
                    encode_one(
                        &coder,
                        model.all
                        + PLACES * (2 * context_of(&planes, at, kinds[k, u, v]) + (state & 1)),
                        source[k, u, v],
                    )
                    state = trellis_next[state][source[k, u, v] & 1]
                    keep(&planes, at, source[k, u, v], due[kinds[k, u, v]])
        length = range_finish(&coder)
    return result[:length]


def coefficients_decode(buffer, classes, expected, states, seen=0):
    """Decode what `coefficients_encode` made with these classes, expectations and states.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns int16 of the shape of `classes`.
    Raises TypeError for a wrong dtype; ValueError for other shapes or values, and for bytes that
    are no such stream. Other damage may decode to other coefficients.
    """
    data, classes, expected, states, seen = arguments.coded(buffer, classes, expected, states, seen)
    cdef const uint8_t[::1] stream = data
    cdef const uint8_t[:, :, ::1] kinds = classes
    cdef const uint16_t[::1] due = expected
    cdef _Contexts model = _Contexts(states, seen)
    cdef ptrdiff_t height = kinds.shape[1], width = kinds.shape[2]
    cdef int[::1] memory = np.zeros(4 * (height + 3) * (width + 3), np.intc)
    cdef planes_t planes = start_planes(memory, height, width)
    result = np.empty(classes.shape, np.int16)
    cdef int16_t[:, :, ::1] values = result
    cdef range_decoder coder
    cdef ptrdiff_t k, u, v, at
    cdef int value, state = 0
    cdef bint whole = True
    with nogil:
        range_start_decoder(&coder, &stream[0] if stream.shape[0] else NULL, stream.shape[0])
        for k in range(kinds.shape[0]):
            for u in range(height):
                for v in range(width):
                    at = u * planes.row + v
                    value = decode_one(
                        &coder,
                        model.all
                        + PLACES * (2 * context_of(&planes, at, kinds[k, u, v]) + (state & 1)),
                    )
                    state = trellis_next[state][value & 1]
                    if abs(value) > 32767 or range_ran_out(&coder):
                        whole = False
                        break
                    values[k, u, v] = value
                    keep(&planes, at, value, due[kinds[k, u, v]])
                if not whole:
                    break
            if not whole:
                break
        whole = whole and range_ends_well(&coder)
    if not whole:
        arguments.refuse()
    return result


def coefficient_contexts(q, classes, expected):
    """The context of each coefficient: class * 36 + liveliness, as `coefficients_encode` has it.

    q, classes, expected: as there. Returns uint16 (K, H, W).
    Raises TypeError for a wrong dtype; ValueError for other shapes or values.
    """
    values, classes, expected = arguments.classified(q, classes, expected)
    cdef const int16_t[:, :, ::1] source = values
    cdef const uint8_t[:, :, ::1] kinds = classes
    cdef const uint16_t[::1] due = expected
    cdef ptrdiff_t height = source.shape[1], width = source.shape[2]
    cdef int[::1] memory = np.zeros(4 * (height + 3) * (width + 3), np.intc)
    cdef planes_t planes = start_planes(memory, height, width)
    result = np.empty(values.shape, np.uint16)
    cdef uint16_t[:, :, ::1] found = result
    cdef ptrdiff_t k, u, v, at
    with nogil:
        for k in range(source.shape[0]):
            for u in range(height):
                for v in range(width):
                    at = u * planes.row + v
                    found[k, u, v] = context_of(&planes, at, kinds[k, u, v])
                    keep(&planes, at, source[k, u, v], due[kinds[k, u, v]])
    return result
