/* Static rANS by bytes: symbols of 256 levels, at 64 lanes. `_rans.h` has the arithmetic.
 *
 * What it takes for speed: a symbol's leaf (`_rans8_tree.h`) is looked up by the low byte of a lane's x,
 * as frequencies sum to 256. x has three bytes, 2^16 at least, and takes in one when it falls below.
 * So all is in bytes: vectors hold the 64 lanes of each byte of x, and tables of 256 bytes are looked up
 * in registers.
 *
 *     length of the bits (LEB128) | tree, and the plain bits of each symbol | x: 64 low bytes, 64
 *     middle, 64 high ones | bytes that lanes take in
 *
 * Symbol i is in lane i mod 64. The last 128 (or all, if there are fewer) are not coded: they are the
 * low and the middle bytes of what the encoder starts from; the high ones are 1. */

#ifndef SPLITWIRE_RANS8_H
#define SPLITWIRE_RANS8_H

#include <string.h>

#include "_rans8_tree.h"

#define RANS8_LANES 64
#define RANS8_TAIL (2 * RANS8_LANES)
#define RANS8_LEAST (1u << 16)
#define RANS8_SPARE 64 /* bytes in front of what lanes put out, for vectors to write over */

typedef struct {
    uint32_t code[RANS8_LEVELS];       /* w << 16 | c << 8 | f of each symbol; 0 where f is 0 */
    uint32_t reciprocal[RANS8_LEVELS]; /* (2^32 - 1) div f */
} rans8_model;

typedef struct {
    uint32_t x[RANS8_LANES];
    const uint8_t *in, *end; /* decoder: what is left of the stream */
    bit_reader bits;         /* decoder: the plain bits */
    uint8_t *out;            /* encoder: where it begins so far */
    int missing;             /* encoder: whether a symbol had frequency 0 */
} rans8_coder;

static void rans8_fill_model(const rans8_tree *tree, rans8_model *model)
{
    uint32_t start = 0;
    for (int i = 0; i < tree->count; i++) {
        const rans8_leaf *leaf = &tree->leaves[i];
        const uint32_t f = leaf->frequency;
        const uint32_t code = f ? (uint32_t)leaf->width << 16 | start << 8 | f : 0;
        const uint32_t reciprocal = f ? UINT32_MAX / f : 0;
        for (int s = leaf->first; s < leaf->first + (1 << leaf->width); s++) {
            model->code[s] = code;
            model->reciprocal[s] = reciprocal;
        }
        start += f;
    }
}

/* w << 24 | first level << 16 | slot - c << 8 | f of each slot. */
static void rans8_fill_slots(const rans8_tree *tree, uint32_t *slots)
{
    for (int i = 0; i < tree->count; i++) {
        const rans8_leaf *leaf = &tree->leaves[i];
        uint32_t slot = (uint32_t)leaf->width << 24 | (uint32_t)leaf->first << 16 | leaf->frequency;
        for (int k = 0; k < leaf->frequency; k++, slot += 1 << 8)
            *slots++ = slot;
    }
}

static const uint8_t rans8_masks[8] = {0, 1, 3, 7, 15, 31, 63, 127}; /* of w plain bits */

/* The plain bits of up to 8 symbols. */
static inline void rans8_write_few(bit_writer *to, const rans8_model *model, const uint8_t *symbols,
                                   ptrdiff_t n)
{
    uint64_t plain = 0;
    uint32_t held = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint32_t width = model->code[symbols[i]] >> 16;
        plain |= (uint64_t)(symbols[i] & rans8_masks[width]) << held;
        held += width;
    }
    write_bits(to, plain, (int)held);
}

/* Symbols from `first` up to `last`. The quotient: r = (2^32 + e) / f is one more than the reciprocal,
 * with 0 <= e < f, and x < 2^16 f, so that x e < 2^32 and it is exact. */
static void rans8_push_some(rans8_coder *coder, const rans8_model *model, const uint8_t *symbols,
                            ptrdiff_t first, ptrdiff_t last)
{
    uint8_t *out = coder->out;
    uint32_t least = UINT32_MAX;
    for (ptrdiff_t i = last - 1; i >= first; i--) {
        const uint32_t code = model->code[symbols[i]], f = code & 255;
        uint32_t *lane = &coder->x[i & (RANS8_LANES - 1)], quotient;
        const int put = *lane >> 16 >= f;
        const uint32_t x = put ? *lane >> 8 : *lane;
        least = code < least ? code : least;
        out[-1] = (uint8_t)*lane; /* counts only if it is put out */
        out -= put;
        quotient = (uint32_t)(((uint64_t)x * model->reciprocal[symbols[i]] + x) >> 32);
        *lane = (quotient << 8) + (x - quotient * f) + (code >> 8 & 255);
    }
    coder->out = out;
    coder->missing |= !least;
}

/* The symbols of up to 8 lanes; returns what is left of the stream. */
static inline const uint8_t *rans8_pop_few(uint32_t *lanes, const uint32_t *slots, const uint8_t *in,
                                           bit_reader *bits, uint8_t *symbols, ptrdiff_t n)
{
    uint64_t plain = peek_bits(bits);
    uint32_t taken = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint32_t slot = slots[lanes[i] & 255], width = slot >> 24;
        const uint32_t x = (slot & 255) * (lanes[i] >> 8) + (slot >> 8 & 255);
        const uint32_t take = x < RANS8_LEAST; /* in arithmetic: a branch on it is a coin's toss */
        lanes[i] = x ^ ((x ^ (x << 8 | *in)) & -take);
        in += take;
        symbols[i] = (uint8_t)(slot >> 16 | (plain & rans8_masks[width]));
        plain >>= width;
        taken += width;
    }
    bits->at += taken;
    return in;
}

/* Up to 64 symbols, from the first of a round. Returns 0 where the stream ended too early. */
static int rans8_pop_round(rans8_coder *coder, const uint32_t *slots, uint8_t *symbols, ptrdiff_t n)
{
    uint8_t last[RANS8_LANES] = {0};
    const uint8_t *in = coder->in, *begin = in;
    bit_reader bits = coder->bits;
    ptrdiff_t i = 0;
    if (coder->end - in < RANS8_LANES) {
        memcpy(last, in, (size_t)(coder->end - in));
        begin = in = last;
    }
    for (; i + 8 <= n; i += 8)
        in = rans8_pop_few(coder->x + i, slots, in, &bits, symbols + i, 8);
    in = rans8_pop_few(coder->x + i, slots, in, &bits, symbols + i, n - i);
    coder->in += in - begin;
    coder->bits = bits;
    return coder->in <= coder->end && !bits_overrun(&bits);
}

#endif
