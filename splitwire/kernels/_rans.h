/* Static rANS (Duda, arXiv:1311.2540), interleaved over lanes: the tables and the portable body.
 *
 * Each lane is a number x of 31 bits. Coding the symbol s, whose frequency is f of 2^P and whose
 * slots begin at c, makes it larger by the information in s:
 *
 *     x' = (x div f) 2^P + c + x mod f = x + (x div f) (2^P - f) + c
 *
 * and the slot x' mod 2^P tells the decoder s, which undoes it: x = f (x' div 2^P) + x' mod 2^P - c.
 * Before that, an x of f 2^(31 - P) or more puts its low 16 bits out; a decoder takes a word in
 * when x falls below 2^15. One word each time is enough in both directions, as P <= 14.
 *
 * Division is a product with r = ceil(2^(31 + k) / f), where f <= 2^k < 2 f. It is exact: r is less
 * than 1 too large, so that the quotient is x / 2^(31 + k) too large at most, and x f < 2^(31 - P)
 * f^2 <= 2^(31 + k) keeps that below 1 / f, the distance to the next integer.
 *
 * The first symbol decoded is the last encoded: encoders walk backwards through the symbols, and
 * down through the stream. */

#ifndef SPLITWIRE_RANS_H
#define SPLITWIRE_RANS_H

#include <stddef.h>
#include <stdint.h>

#define RANS_LANES 32
#define RANS_LEAST 0x8000u /* an x is RANS_LEAST to 2^31 - 1 */

/* What coding takes of one table. Alphabets to 256 have P = 12 and one word a slot; larger ones
 * have P = 14 and the symbol of each slot. */
typedef struct {
    const uint32_t *model;       /* k << 28 | c << 14 | f of each symbol; 0 where f is 0 */
    const uint32_t *reciprocal;  /* r of each symbol */
    const uint32_t *slots;       /* s << 24 | f << 12 | slot - c */
    const uint16_t *slot_symbol; /* s */
    int symbols, precision;
} rans_table;

typedef struct {
    uint32_t x[RANS_LANES];
    int lanes;
    uint32_t least_model;     /* encoder: 0 once a symbol had frequency 0 */
    uint8_t *out;             /* encoder: where the stream begins so far */
    const uint8_t *in, *end;  /* decoder: what is left of the stream */
} rans_coder;

static inline uint32_t rans_word(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

/* Returns 0 unless the frequencies sum to 2^P and each is less than that. */
static int rans_fill_model(const uint16_t *frequencies, int symbols, int precision,
                           uint32_t *model, uint32_t *reciprocal)
{
    const uint32_t total = 1u << precision;
    uint32_t start = 0;
    for (int s = 0; s < symbols; s++) {
        const uint32_t f = frequencies[s];
        uint32_t k = 0;
        if (f >= total || start + f > total)
            return 0;
        while (f > 1u << k)
            k++;
        model[s] = f ? k << 28 | start << 14 | f : 0;
        reciprocal[s] = f ? (uint32_t)((((uint64_t)1 << (31 + k)) + f - 1) / f) : 0;
        start += f;
    }
    return start == total;
}

/* All that a decoder needs of an alphabet to 256. Returns as rans_fill_model does. */
static int rans_fill_slots(const uint16_t *frequencies, int symbols, uint32_t *slots)
{
    const uint32_t *end = slots + (1 << 12);
    for (int s = 0; s < symbols; s++) {
        const uint32_t f = frequencies[s];
        if (f >= 1 << 12 || f > (uint32_t)(end - slots))
            return 0;
        for (uint32_t i = 0; i < f; i++)
            *slots++ = (uint32_t)s << 24 | f << 12 | i;
    }
    return slots == end;
}

static inline void rans_fill_slot_symbols(const uint16_t *frequencies, int symbols, uint16_t *slots)
{
    for (int s = 0; s < symbols; s++)
        for (uint32_t i = 0; i < frequencies[s]; i++)
            *slots++ = (uint16_t)s;
}

static inline uint8_t *rans_push(uint32_t *lane, const rans_table *table, uint32_t s, uint8_t *out)
{
    const uint32_t model = table->model[s], f = model & 0x3FFF, c = model >> 14 & 0x3FFF;
    const int put = *lane >= f << (31 - table->precision);
    uint32_t x = *lane, quotient;
    out[-2] = (uint8_t)x; /* counts only if it is put out */
    out[-1] = (uint8_t)(x >> 8);
    x >>= 16 * put;
    quotient = (uint32_t)((uint64_t)x * table->reciprocal[s] >> (31 + (model >> 28)));
    *lane = x + quotient * ((1u << table->precision) - f) + c;
    return out - 2 * put;
}

static inline uint32_t rans_pop(uint32_t *lane, const rans_table *table)
{
    const uint32_t x = *lane, slot = x & ((1u << table->precision) - 1);
    if (table->slots) {
        const uint32_t entry = table->slots[slot];
        *lane = (entry >> 12 & 0xFFF) * (x >> 12) + (entry & 0xFFF);
        return entry >> 24;
    } else {
        const uint32_t s = table->slot_symbol[slot], model = table->model[s];
        *lane = (model & 0x3FFF) * (x >> table->precision) + slot - (model >> 14 & 0x3FFF);
        return s;
    }
}

static inline const uint8_t *rans_take(uint32_t *lane, const uint8_t *in)
{
    const uint32_t take = *lane < RANS_LEAST; /* in arithmetic: a branch on it is a coin's toss */
    *lane = *lane << 16 * take | (rans_word(in) & -take);
    return in + 2 * take;
}

/* Symbols are uint8, or uint16 where they are `wide`. */
static inline uint32_t rans_symbol(const void *symbols, ptrdiff_t i, int wide)
{
    return wide ? ((const uint16_t *)symbols)[i] : ((const uint8_t *)symbols)[i];
}

static inline void rans_set_symbol(void *symbols, ptrdiff_t i, int wide, uint32_t s)
{
    if (wide)
        ((uint16_t *)symbols)[i] = (uint16_t)s;
    else
        ((uint8_t *)symbols)[i] = (uint8_t)s;
}

/* Symbols from `first` up to `last`, with one table; symbol i is in lane i mod lanes. */
static inline void rans_push_some(rans_coder *coder, const rans_table *table, const void *symbols,
                                  int wide, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t lane = coder->lanes - 1;
    uint8_t *out = coder->out;
    uint32_t least = coder->least_model;
    for (ptrdiff_t i = last - 1; i >= first; i--) {
        const uint32_t s = rans_symbol(symbols, i, wide);
        least = table->model[s] < least ? table->model[s] : least;
        out = rans_push(&coder->x[i & lane], table, s, out);
    }
    coder->out = out;
    coder->least_model = least;
}

/* A stream that ends too early is not read beyond its end; rans_close will find x too small. */
static inline void rans_pop_some(rans_coder *coder, const rans_table *table, void *symbols,
                                 int wide, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t lane = coder->lanes - 1;
    const uint8_t *in = coder->in;
    ptrdiff_t i = first;
    for (; i < last && coder->end - in >= 2; i++) {
        rans_set_symbol(symbols, i, wide, rans_pop(&coder->x[i & lane], table));
        in = rans_take(&coder->x[i & lane], in);
    }
    for (; i < last; i++)
        rans_set_symbol(symbols, i, wide, rans_pop(&coder->x[i & lane], table));
    coder->in = in;
}

#endif
