/* One rANS stream by bytes, whole: its tree, its plain bits, and the body for this processor. */

#ifndef SPLITWIRE_RANS8_STREAM_H
#define SPLITWIRE_RANS8_STREAM_H

#include "_isa.h"
#include "_rans8.h"
#include "_rans_shuffles.h"

#ifdef SPLITWIRE_X86
#include "_rans8_avx2.h"
#include "_rans8_avx512.h"
#endif

#define RANS8_LENGTH 5 /* bytes of the length, at most */
#define RANS8_FROM 8192 /* symbols: with fewer, 64 lanes cost more than a packed table; */
#define RANS8_TO 65536  /* with more, frequencies in 1/256 cost more than those in 1/4096, */
#define RANS8_OFTEN 4   /* and where one takes more than this part */

/* Whether symbols of which each level occurs so often are best coded so. */
static inline int rans8_suits(const int64_t *counts)
{
    int64_t size = 0, most = 0;
    for (int s = 0; s < RANS8_LEVELS; s++) {
        size += counts[s];
        most = counts[s] > most ? counts[s] : most;
    }
    return RANS8_FROM <= size && size <= RANS8_TO && RANS8_OFTEN * most <= size;
}

static inline ptrdiff_t rans8_head(ptrdiff_t n) /* symbols that are coded */
{
    return n > RANS8_TAIL ? n - RANS8_TAIL : 0;
}

static inline ptrdiff_t rans8_capacity(ptrdiff_t n) /* bytes that encoding n symbols needs */
{
    return RANS8_LENGTH + RANS8_TREE_BYTES + n + BITS_SPARE + RANS8_SPARE + 3 * RANS8_LANES + n;
}

static void rans8_push_all(rans8_coder *coder, const rans8_model *model, const uint8_t *symbols,
                           ptrdiff_t n, int level)
{
#ifdef SPLITWIRE_X86
    const ptrdiff_t rounds = n / RANS8_LANES;
    if (level > 0) {
        rans8_push_some(coder, model, symbols, rounds * RANS8_LANES, n);
        n = 0;
    }
    if (level == 2)
        rans8_push_avx512(coder, model, symbols, rounds);
    else if (level == 1)
        rans8_push_avx2(coder, model, symbols, rounds);
#else
    (void)level;
#endif
    rans8_push_some(coder, model, symbols, 0, n);
}

static int rans8_pop_all(rans8_coder *coder, const uint32_t *slots, uint8_t *symbols, ptrdiff_t n,
                         int level)
{
    ptrdiff_t i = 0;
#ifdef SPLITWIRE_X86
    if (level == 2)
        i = RANS8_LANES * rans8_pop_avx512(coder, slots, symbols, n / RANS8_LANES);
    else if (level == 1)
        i = RANS8_LANES * rans8_pop_avx2(coder, slots, symbols, n / RANS8_LANES);
#else
    (void)level;
#endif
    for (; i < n; i += RANS8_LANES)
        if (!rans8_pop_round(coder, slots, symbols + i, n - i < RANS8_LANES ? n - i : RANS8_LANES))
            return 0;
    return 1;
}

/* The tree and the plain bits of the symbols; returns how many bytes. */
static ptrdiff_t rans8_write_plain(const rans8_tree *tree, const rans8_model *model,
                                   const uint8_t *symbols, ptrdiff_t n, uint8_t *at, int level)
{
    bit_writer to = {at, 0, 0};
    ptrdiff_t i = 0;
    rans8_write_tree(&to, tree);
#ifdef SPLITWIRE_X86
    if (level == 2) {
        rans8_write_avx512(&to, model, symbols, n / RANS8_LANES);
        i = n / RANS8_LANES * RANS8_LANES;
    }
#else
    (void)level;
#endif
    for (; i + 8 <= n; i += 8)
        rans8_write_few(&to, model, symbols + i, 8);
    rans8_write_few(&to, model, symbols + i, n - i);
    return to.at - at + (to.held > 0);
}

/* LEB128, so that it ends at `end`; returns where it begins. */
static uint8_t *rans8_put_length(size_t value, uint8_t *end)
{
    int count = 1;
    while (value >> 7 * count)
        count++;
    for (int i = 0; i < count; i++)
        end[i - count] = (uint8_t)((value >> 7 * i & 127) | (i < count - 1 ? 128 : 0));
    return end - count;
}

/* Writes the stream of n symbols, of which each level occurs as often as told, into
 * rans8_capacity bytes, so that it ends with them; returns where it begins, or NULL if a coded symbol
 * does not occur. */
static uint8_t *rans8_encode_stream(const int64_t *counts, const uint8_t *symbols, ptrdiff_t n,
                                    uint8_t *room, int level)
{
    const ptrdiff_t head = rans8_head(n);
    rans8_tree tree;
    rans8_model model;
    rans8_coder coder = {.out = room + rans8_capacity(n)};
    ptrdiff_t plain;
    rans8_plant(counts, &tree);
    rans8_fill_model(&tree, &model);
    plain = rans8_write_plain(&tree, &model, symbols, head, room + RANS8_LENGTH, level);
    for (ptrdiff_t lane = 0; lane < RANS8_LANES; lane++)
        coder.x[lane] = RANS8_LEAST;
    for (ptrdiff_t i = 0; i < n - head; i++)
        coder.x[i % RANS8_LANES] |= (uint32_t)symbols[head + i] << (i < RANS8_LANES ? 0 : 8);
    rans8_push_all(&coder, &model, symbols, head, level);
    if (coder.missing)
        return NULL;
    for (int shift = 16; shift >= 0; shift -= 8)
        for (int lane = RANS8_LANES - 1; lane >= 0; lane--)
            *--coder.out = (uint8_t)(coder.x[lane] >> shift);
    coder.out -= plain;
    memmove(coder.out, room + RANS8_LENGTH, (size_t)plain);
    return rans8_put_length((size_t)plain, coder.out);
}

/* Returns the bytes of the length, or 0 where it is not told in shortest form or is too much. */
static int rans8_take_length(const uint8_t *stream, ptrdiff_t length, ptrdiff_t *plain)
{
    size_t value = 0;
    for (int i = 0; i < RANS8_LENGTH && i < length; i++) {
        value |= (size_t)(stream[i] & 127) << 7 * i;
        if (stream[i] > 127)
            continue;
        *plain = (ptrdiff_t)value;
        return (i && !stream[i]) || value > (size_t)(length - i - 1) ? 0 : i + 1;
    }
    return 0;
}

/* All is used up, and lanes end where an encoder starts them. */
static int rans8_read_tail(rans8_coder *coder, uint8_t *symbols, ptrdiff_t n)
{
    if (coder->in != coder->end || bits_overrun(&coder->bits) || coder->bits.end - coder->bits.at > 7 ||
        read_bits(&coder->bits, (int)(coder->bits.end - coder->bits.at)))
        return 0;
    for (ptrdiff_t i = 0; i < RANS8_TAIL; i++) {
        const uint32_t x = coder->x[i % RANS8_LANES];
        const uint8_t byte = (uint8_t)(i < RANS8_LANES ? x : x >> 8);
        if (i < n)
            symbols[i] = byte;
        if (x >> 16 != 1 || (i >= n && byte))
            return 0;
    }
    return 1;
}

/* Returns 0 for bytes that are no such stream. Whatever they are, nothing outside is touched. */
static int rans8_decode_stream(const uint8_t *stream, ptrdiff_t length, uint8_t *symbols, ptrdiff_t n,
                               int level)
{
    const ptrdiff_t head = rans8_head(n);
    uint32_t slots[RANS8_LEVELS];
    rans8_tree tree;
    rans8_coder coder = {.end = stream + length};
    ptrdiff_t plain;
    const int taken = rans8_take_length(stream, length, &plain);
    if (!taken || length - taken - plain < 3 * RANS8_LANES)
        return 0;
    coder.bits = (bit_reader){stream + taken, 0, 8 * (uint64_t)plain};
    coder.in = stream + taken + plain; /* and what is read there is behind the bits */
    if (!rans8_read_tree(&coder.bits, &tree))
        return 0;
    rans8_fill_slots(&tree, slots);
    for (int lane = 0; lane < RANS8_LANES; lane++, coder.in++) {
        const uint8_t *x = coder.in;
        coder.x[lane] = x[0] | (uint32_t)x[64] << 8 | (uint32_t)x[128] << 16;
        if (coder.x[lane] < RANS8_LEAST)
            return 0;
    }
    coder.in += 2 * RANS8_LANES;
    return rans8_pop_all(&coder, slots, symbols, head, level) &&
           rans8_read_tail(&coder, symbols + head, n - head);
}

#endif
