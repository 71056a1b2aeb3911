/* Transform coefficients through the adaptive binary range coder of `_range.h`.
 *
 * Coefficients come in planes, one a component, over spatial frequencies. Each has a *class* known
 * before: how large calibration found it, in steps. What was coded before says whether this tensor is
 * livelier here than those of calibration: with `expected` the mean magnitude of a class,
 *
 *     liveliness = (1 + Σ w |q|) / (1 + Σ w expected)
 *
 * once over the neighbours at lower frequencies, and once over the same frequency in the components
 * before, with weights that fade by 7/8 each. Class, both in six steps, and which of the two
 * quantisers is due (`_trellis.h`) are a coefficient's context. All of it is integer. */

#ifndef SPLITWIRE_COEFFICIENTS_H
#define SPLITWIRE_COEFFICIENTS_H

#include "_isa.h"
#include "_range.h"
#include "_trellis.h"

#define COEFFICIENT_ONE 64    /* unit of what is expected */
#define COEFFICIENT_PLACES 14 /* bins of a magnitude that have a context; beyond is Exp-Golomb */
#define COEFFICIENT_LIVELY 6
#define COEFFICIENT_CONTEXTS (COEFFICIENT_LIVELY * COEFFICIENT_LIVELY) /* of a class and quantiser */
#define COEFFICIENT_FINE 64 /* of what fades, to what is expected */
#define COEFFICIENT_FADE 3
#define COEFFICIENT_ESCAPE_BITS 15
#define COEFFICIENT_LARGEST 32767

static const int coefficient_thresholds[COEFFICIENT_LIVELY - 1] = {6, 11, 17, 26, 43}; /* in 1/16 */

typedef struct {
    ptrdiff_t components, height, width;
    const uint8_t *classes;   /* of each coefficient */
    const uint16_t *expected; /* of each class */
} coefficient_maps;

/* What was met and what was expected: in this component with a rim of zeros, and in those before. */
typedef struct {
    ptrdiff_t row;
    int *now, *now_expected, *before, *before_expected;
} coefficient_past;

/* Numbers that a past takes; they are zeros at first. */
static inline ptrdiff_t coefficient_memory(ptrdiff_t height, ptrdiff_t width)
{
    return 4 * (height + 3) * (width + 3);
}

static inline coefficient_past coefficient_start(int *memory, ptrdiff_t height, ptrdiff_t width)
{
    const ptrdiff_t row = width + 3, plane = (height + 2) * row;
    coefficient_past past = {row, memory + 2 * row + 2, 0, 0, 0};
    past.now_expected = past.now + plane;
    past.before = past.now_expected + plane;
    past.before_expected = past.before + plane;
    return past;
}

/* The right shift of a negative number is the arithmetic one, as in _range.h. */
static ALWAYS_INLINE void coefficient_keep(const coefficient_past *past, ptrdiff_t at, int value, int due)
{
    const int size = value < 0 ? -value : value;
    int *before = past->before + at, *before_expected = past->before_expected + at;
    past->now[at] = size;
    past->now_expected[at] = due;
    *before += (size * COEFFICIENT_ONE * COEFFICIENT_FINE - *before) >> COEFFICIENT_FADE;
    *before_expected += (due * COEFFICIENT_FINE - *before_expected) >> COEFFICIENT_FADE;
}

/* The weighted sum over the neighbours that were coded before. */
static ALWAYS_INLINE int coefficient_around(const int *now, ptrdiff_t row)
{
    return 2 * (now[-1] + now[-row]) + now[-2] + now[-2 * row] + now[-row - 1] + now[-row + 1];
}

static ALWAYS_INLINE int coefficient_liveliness(int64_t met, int64_t due)
{
    int lively = 0;
    while (lively < COEFFICIENT_LIVELY - 1 && 16 * met >= coefficient_thresholds[lively] * due)
        lively++;
    return lively;
}

static ALWAYS_INLINE int coefficient_context(const coefficient_past *past, ptrdiff_t at, int kind)
{
    const int one = COEFFICIENT_ONE * COEFFICIENT_FINE >> COEFFICIENT_FADE;
    const int near = coefficient_liveliness(
        COEFFICIENT_ONE * (1 + (int64_t)coefficient_around(past->now + at, past->row)),
        COEFFICIENT_ONE + coefficient_around(past->now_expected + at, past->row));
    const int before = coefficient_liveliness(one + (int64_t)past->before[at],
                                              one + past->before_expected[at]);
    return (kind * COEFFICIENT_LIVELY + near) * COEFFICIENT_LIVELY + before;
}

static inline void coefficient_encode(range_encoder *coder, range_context *contexts, int value)
{
    int size = value < 0 ? -value : value, bits = 0;
    for (int place = 0; place < COEFFICIENT_PLACES; place++) {
        range_encode_bin(coder, contexts + place, size > place);
        if (size <= place)
            break;
    }
    if (size)
        range_encode_bits(coder, value < 0, 1);
    if (size < COEFFICIENT_PLACES)
        return;
    size -= COEFFICIENT_PLACES - 1;
    for (; size >> (bits + 1); bits++)
        range_encode_bits(coder, 1, 1);
    range_encode_bits(coder, 0, 1);
    if (bits)
        range_encode_bits(coder, (uint32_t)(size - (1 << bits)), bits);
}

/* A value, or one beyond COEFFICIENT_LARGEST where no encoder goes. */
static inline int coefficient_decode(range_decoder *coder, range_context *contexts)
{
    int size = 0, bits = 0, negative;
    while (size < COEFFICIENT_PLACES && range_decode_bin(coder, contexts + size))
        size++;
    if (!size)
        return 0;
    negative = (int)range_decode_bits(coder, 1);
    if (size == COEFFICIENT_PLACES) {
        while (range_decode_bits(coder, 1))
            if (++bits == COEFFICIENT_ESCAPE_BITS)
                return COEFFICIENT_LARGEST + 1;
        size += (1 << bits) - 1;
        if (bits)
            size += (int)range_decode_bits(coder, bits);
    }
    return negative ? -size : size;
}

/* The contexts that follow are those of all classes: COEFFICIENT_PLACES of each context and
 * quantiser. `memory` holds coefficient_memory zeros. Loops stand apart from what calls them, and so keep
 * the registers to themselves. */

/* `stream` holds 2 bytes for each call of the range coder, and RANGE_TAIL more. Returns its length. */
static NEVER_INLINE ptrdiff_t coefficients_encode_maps(coefficient_maps maps, const int16_t *q,
                                                 range_context *contexts, int *memory,
                                                 uint8_t *stream)
{
    const coefficient_past past = coefficient_start(memory, maps.height, maps.width);
    range_encoder coder;
    ptrdiff_t i = 0;
    int state = 0;
    range_start_encoder(&coder, stream);
    for (ptrdiff_t k = 0; k < maps.components; k++)
        for (ptrdiff_t u = 0; u < maps.height; u++)
            for (ptrdiff_t v = 0; v < maps.width; v++, i++) {
                const ptrdiff_t at = u * past.row + v;
                const int kind = maps.classes[i], value = q[i];
                const int context = 2 * coefficient_context(&past, at, kind) + (state & 1);
                coefficient_encode(&coder, contexts + COEFFICIENT_PLACES * context, value);
                state = trellis_next[state][value & 1];
                coefficient_keep(&past, at, value, maps.expected[kind]);
            }
    return range_finish(&coder);
}

/* Returns 0 for bytes that are no such stream. */
static NEVER_INLINE int coefficients_decode_maps(coefficient_maps maps, const uint8_t *stream,
                                           ptrdiff_t length, range_context *contexts, int *memory,
                                           int16_t *q)
{
    const coefficient_past past = coefficient_start(memory, maps.height, maps.width);
    range_decoder coder;
    ptrdiff_t i = 0;
    int state = 0;
    range_start_decoder(&coder, stream, length);
    for (ptrdiff_t k = 0; k < maps.components; k++)
        for (ptrdiff_t u = 0; u < maps.height; u++)
            for (ptrdiff_t v = 0; v < maps.width; v++, i++) {
                const ptrdiff_t at = u * past.row + v;
                const int kind = maps.classes[i];
                const int context = 2 * coefficient_context(&past, at, kind) + (state & 1);
                const int value =
                    coefficient_decode(&coder, contexts + COEFFICIENT_PLACES * context);
                if (value > COEFFICIENT_LARGEST || value < -COEFFICIENT_LARGEST ||
                    range_ran_out(&coder))
                    return 0;
                q[i] = (int16_t)value;
                state = trellis_next[state][value & 1];
                coefficient_keep(&past, at, value, maps.expected[kind]);
            }
    return range_ends_well(&coder);
}

/* Class and liveliness of each coefficient. */
static NEVER_INLINE void coefficients_find_contexts(coefficient_maps maps, const int16_t *q,
                                              int *memory, uint16_t *found)
{
    const coefficient_past past = coefficient_start(memory, maps.height, maps.width);
    ptrdiff_t i = 0;
    for (ptrdiff_t k = 0; k < maps.components; k++)
        for (ptrdiff_t u = 0; u < maps.height; u++)
            for (ptrdiff_t v = 0; v < maps.width; v++, i++) {
                const ptrdiff_t at = u * past.row + v;
                const int kind = maps.classes[i];
                found[i] = (uint16_t)coefficient_context(&past, at, kind);
                coefficient_keep(&past, at, q[i], maps.expected[kind]);
            }
}

#endif
