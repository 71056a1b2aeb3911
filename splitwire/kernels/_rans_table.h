/* Frequencies for rANS: from counts to a sum of 2^P, and as few bytes. All in integers. */

#ifndef SPLITWIRE_RANS_TABLE_H
#define SPLITWIRE_RANS_TABLE_H

#include "_range.h"

#define RANS_MOST_SYMBOLS 4096

/* Whether a step of symbol a comes before one of b: that of the larger count / (2 f + step) where f
 * grows, of the smaller where it shrinks, and of two alike that of the first symbol. */
static inline int rans_steps_first(const int64_t *counts, const uint16_t *frequencies, int step,
                                   int a, int b)
{
    const int64_t here = counts[a] * (2 * frequencies[b] + step);
    const int64_t there = counts[b] * (2 * frequencies[a] + step);
    return here == there ? a < b : (here > there) == (step > 0);
}

/* Lets the symbol at a place of a heap sink to where both below it step later. */
static void rans_sink(uint16_t *heap, int size, int place, const int64_t *counts,
                      const uint16_t *frequencies, int step)
{
    const uint16_t symbol = heap[place];
    for (int below = 2 * place + 1; below < size; below = 2 * place + 1) {
        if (below + 1 < size &&
            rans_steps_first(counts, frequencies, step, heap[below + 1], heap[below]))
            below++;
        if (rans_steps_first(counts, frequencies, step, symbol, heap[below]))
            break;
        heap[place] = heap[below];
        place = below;
    }
    heap[place] = symbol;
}

/* Adds `left` to the sum of the frequencies, by ones, each where it costs least or gains most. */
static void rans_settle(const int64_t *counts, int symbols, int64_t left, uint16_t *frequencies)
{
    const int step = left > 0 ? 1 : -1, least = step > 0 ? 1 : 2;
    uint16_t heap[RANS_MOST_SYMBOLS];
    int size = 0;
    for (int s = 0; s < symbols; s++)
        if (frequencies[s] >= least)
            heap[size++] = (uint16_t)s;
    for (int place = size / 2 - 1; place >= 0; place--)
        rans_sink(heap, size, place, counts, frequencies, step);
    for (; left; left -= step) {
        uint16_t *f = &frequencies[heap[0]];
        *f = (uint16_t)(*f + step);
        if (*f < least)
            heap[0] = heap[--size];
        rans_sink(heap, size, 0, counts, frequencies, step);
    }
}

/* Frequencies that cost little more than the counts' entropy: each is rounded to the nearest, and
 * never to 0; then the sum is put right step by step where a step costs least or gains most. One
 * from f to f + 1 gains count log(1 + 1/f), which is count / (f + 1/2) but for a term in 1/f^3; the
 * first symbol wins a tie. Where only one symbol occurs, a neighbour gets 1. The counts' sum is at
 * most 2^40. Returns 0 if no symbol occurs. */
static int rans_normalize(const int64_t *counts, int symbols, int precision, uint16_t *frequencies)
{
    const int64_t total = (int64_t)1 << precision;
    int64_t sum = 0, left = total;
    int used = 0, only = 0;
    for (int s = 0; s < symbols; s++) {
        sum += counts[s];
        if (counts[s])
            used++, only = s;
    }
    if (!used)
        return 0;
    for (int s = 0; s < symbols; s++) {
        const int64_t f = (2 * counts[s] * total + sum) / (2 * sum);
        frequencies[s] = (uint16_t)(counts[s] && !f ? 1 : f);
        left -= frequencies[s];
    }
    if (used == 1) {
        frequencies[only]--;
        frequencies[only ? only - 1 : 1] = 1;
    } else if (left) {
        rans_settle(counts, symbols, left, frequencies);
    }
    return 1;
}

/* A table travels as levels, four to an octave: finer than counts are sure, and coarse enough that
 * neighbours are alike. Level l stands for l up to 7, and for (4 + l mod 4) 2^(l div 4 - 1). */
#define RANS_TOP_LEVEL(precision) (4 * (precision) - 4)

static inline int rans_level(int f)
{
    int e = 0;
    while (f >> e > 7)
        e++;
    return f < 8 ? f : 4 * e + ((f + (1 << e >> 1)) >> e);
}

static inline int64_t rans_weight(int level)
{
    return level < 8 ? level : (int64_t)(4 + level % 4) << (level / 4 - 1);
}

/* Levels are coded as steps from the one before, beginning at 0: whether there is a step, whether
 * it goes down, and one less than its size in truncated unary, each in the context of where the
 * last step went; whether there is one also in that of the level being 0. */
#define RANS_STEP_BINS 8 /* beyond, bins share a context */

typedef struct {
    range_context same[6], down[3], size[2][RANS_STEP_BINS];
    int level, way; /* way: 0 none so far, or as the last step went: 1 up, 2 down */
} rans_level_model;

static void rans_start_levels(rans_level_model *model)
{
    range_context *all = model->same;
    for (int i = 0; i < 6; i++)
        range_start_context(&all[i], 1 << 15, 0);
    for (int i = 0; i < 3; i++)
        range_start_context(&model->down[i], 1 << 15, 0);
    for (int i = 0; i < 2 * RANS_STEP_BINS; i++)
        range_start_context(&model->size[0][0] + i, 1 << 15, 0);
    model->level = model->way = 0;
}

/* One level through either coder: `encode` if there is one, else `decode`. */
static inline int rans_code_bin(range_encoder *encode, range_decoder *decode,
                                range_context *context, int bin)
{
    if (!encode)
        return range_decode_bin(decode, context);
    range_encode_bin(encode, context, bin);
    return bin;
}

static int rans_code_level(rans_level_model *model, range_encoder *encode, range_decoder *decode,
                           int top, int level)
{
    const int from = model->level;
    const int same = model->way + 3 * (from == 0);
    int down, reach, size = 1;
    if (rans_code_bin(encode, decode, &model->same[same], level == from))
        return from;
    down = from == top;
    if (from > 0 && from < top)
        down = rans_code_bin(encode, decode, &model->down[model->way], level < from);
    reach = down ? from : top - from;
    while (size < reach) {
        const int at = size <= RANS_STEP_BINS ? size - 1 : RANS_STEP_BINS - 1;
        const int more = (down ? from - level : level - from) > size;
        if (!rans_code_bin(encode, decode, &model->size[down][at], more))
            break;
        size++;
    }
    model->way = 1 + down;
    model->level = down ? from - size : from + size;
    return model->level;
}

static inline ptrdiff_t rans_packed_capacity(int symbols, int precision)
{
    return 2 * (ptrdiff_t)symbols * (2 + RANS_TOP_LEVEL(precision)) + RANGE_TAIL;
}

/* `stream` holds rans_packed_capacity bytes. */
static inline ptrdiff_t rans_pack_levels(const uint16_t *frequencies, int symbols, int precision,
                                         uint8_t *stream)
{
    rans_level_model model;
    range_encoder coder;
    rans_start_levels(&model);
    range_start_encoder(&coder, stream);
    for (int s = 0; s < symbols; s++)
        rans_code_level(&model, &coder, NULL, RANS_TOP_LEVEL(precision),
                        rans_level(frequencies[s]));
    return range_finish(&coder);
}

/* The weights of the levels in a stream; returns 0 if it is none. */
static inline int rans_unpack_levels(const uint8_t *stream, ptrdiff_t length, int symbols,
                                     int precision, int64_t *weights)
{
    rans_level_model model;
    range_decoder coder;
    int any = 0;
    rans_start_levels(&model);
    range_start_decoder(&coder, stream, length);
    for (int s = 0; s < symbols; s++) {
        weights[s] =
            rans_weight(rans_code_level(&model, NULL, &coder, RANS_TOP_LEVEL(precision), 0));
        any |= weights[s] > 0;
    }
    return any && range_ends_well(&coder);
}

#endif
