/* One rANS stream: which symbols are in which lane, and the body for this processor.
 *
 *     x of each lane (4 bytes each) | words (2 bytes each)
 *
 * A lane costs about a byte. A stream of n symbols has 32 of them if n min(b, 4) >= 32768, where b
 * is how many bits a symbol takes as it is, and otherwise 4. Symbol i is in lane i mod lanes.
 *
 * An encoder has to start each lane at some x of 2^15 to 2^16 - 1. That choice is 15 bits which
 * would be lost: they hold the last symbols of the stream, as they are. */

#ifndef SPLITWIRE_RANS_STREAM_H
#define SPLITWIRE_RANS_STREAM_H

#include "_isa.h"
#include "_rans.h"
#include "_rans_shuffles.h"

#ifdef SPLITWIRE_X86
#include "_rans_avx.h"
#endif

#define RANS_MANY 32768 /* bits of symbols as they are, at most 4 each, from which on all lanes */
#define RANS_FEW_LANES 4
#define RANS_STRETCH 16384 /* symbols after which a decoder looks whether the stream ran out */
#define RANS_SPARE 32 /* bytes in front of a stream, for vectors to write over */

#define RANS_PRECISION 12 /* P of alphabets to 256 */
#define RANS_WIDE_PRECISION 14

/* How the first `head` of n symbols, which are coded, and the others, which are not, are laid out. */
typedef struct {
    int lanes, bits; /* bits a symbol that is not coded */
    ptrdiff_t head;
} rans_layout;

static rans_layout rans_lay_out(ptrdiff_t n, int alphabet)
{
    rans_layout layout = {RANS_FEW_LANES, 1, 0};
    ptrdiff_t tail;
    while (alphabet > 1 << layout.bits)
        layout.bits++;
    if (n >= RANS_MANY / (layout.bits < 4 ? layout.bits : 4))
        layout.lanes = RANS_LANES;
    tail = 15 / layout.bits * layout.lanes;
    layout.head = n > tail ? n - tail : 0;
    return layout;
}

static inline ptrdiff_t rans_capacity(ptrdiff_t n) /* bytes of the longest stream of n symbols */
{
    return 4 * RANS_LANES + 2 * n;
}

/* All tables, and which of them each row of symbols has. */
typedef struct {
    const uint32_t *model, *reciprocal, *slots;
    const uint16_t *slot_symbol;
    const int32_t *of_row;
    ptrdiff_t row_length;
    int symbols, precision;
} rans_tables;

static rans_table rans_pick(const rans_tables *all, ptrdiff_t row)
{
    const ptrdiff_t at = all->of_row[row], slots = at << all->precision;
    rans_table table = {all->model + at * all->symbols, 0, 0, 0, all->symbols, all->precision};
    if (all->reciprocal)
        table.reciprocal = all->reciprocal + at * all->symbols;
    if (all->slots)
        table.slots = all->slots + slots;
    if (all->slot_symbol)
        table.slot_symbol = all->slot_symbol + slots;
    return table;
}

/* Symbols first to last, which have one table: whole rounds in vectors, where there are any. */
static void rans_push_run(rans_coder *coder, const rans_table *table, const void *symbols,
                          ptrdiff_t first, ptrdiff_t last, int level)
{
    if (table->precision != RANS_PRECISION) {
        rans_push_some(coder, table, symbols, 1, first, last);
        return;
    }
#ifdef SPLITWIRE_X86
    const ptrdiff_t from = (first + 31) & ~(ptrdiff_t)31, to = last & ~(ptrdiff_t)31;
    if (level > 0 && coder->lanes == RANS_LANES && from < to) {
        const uint8_t *rounds = (const uint8_t *)symbols + from;
        rans_push_some(coder, table, symbols, 0, to, last);
        if (level == 2)
            rans_push_avx512(coder, table, rounds, (to - from) / 32);
        else
            rans_push_avx2(coder, table, rounds, (to - from) / 32);
        last = from;
    }
#else
    (void)level;
#endif
    rans_push_some(coder, table, symbols, 0, first, last);
}

static void rans_pop_run(rans_coder *coder, const rans_table *table, void *symbols,
                         ptrdiff_t first, ptrdiff_t last, int level)
{
    if (table->precision != RANS_PRECISION) {
        rans_pop_some(coder, table, symbols, 1, first, last);
        return;
    }
#ifdef SPLITWIRE_X86
    const ptrdiff_t from = (first + 31) & ~(ptrdiff_t)31, to = last & ~(ptrdiff_t)31;
    if (level > 0 && coder->lanes == RANS_LANES && from < to) {
        uint8_t *rounds = (uint8_t *)symbols + from;
        rans_pop_some(coder, table, symbols, 0, first, from);
        if (level == 2)
            first = from + 32 * rans_pop_avx512(coder, table, rounds, (to - from) / 32);
        else
            first = from + 32 * rans_pop_avx2(coder, table, rounds, (to - from) / 32);
    }
#else
    (void)level;
#endif
    rans_pop_some(coder, table, symbols, 0, first, last);
}

/* Writes the stream of n symbols so that it ends at `end`; returns where it begins, or NULL if a
 * coded symbol has frequency 0. */
static uint8_t *rans_encode_stream(const rans_tables *all, const void *symbols, ptrdiff_t first_row,
                            ptrdiff_t n, uint8_t *end, int level)
{
    const rans_layout layout = rans_lay_out(n, all->symbols);
    const int wide = all->precision != RANS_PRECISION;
    rans_coder coder = {{0}, layout.lanes, UINT32_MAX, end, 0, 0};
    ptrdiff_t last = layout.head;
    for (int lane = 0; lane < layout.lanes; lane++)
        coder.x[lane] = RANS_LEAST;
    for (ptrdiff_t i = layout.head; i < n; i++) {
        const ptrdiff_t at = i - layout.head;
        coder.x[at % layout.lanes] |= rans_symbol(symbols, i, wide)
                                      << (at / layout.lanes * layout.bits);
    }
    for (ptrdiff_t row = (last + all->row_length - 1) / all->row_length - 1; row >= 0;) {
        const rans_table table = rans_pick(all, first_row + row);
        while (row > 0 && all->of_row[first_row + row - 1] == all->of_row[first_row + row])
            row--;
        rans_push_run(&coder, &table, symbols, row * all->row_length, last, level);
        last = row-- * all->row_length;
    }
    if (!coder.least_model)
        return NULL;
    for (int lane = layout.lanes - 1; lane >= 0; lane--)
        for (int shift = 24; shift >= 0; shift -= 8)
            *--coder.out = (uint8_t)(coder.x[lane] >> shift);
    return coder.out;
}

/* The lanes must end where an encoder starts them, and the stream where the last word was taken. */
static int rans_read_tail(rans_coder *coder, rans_layout layout, void *symbols, ptrdiff_t n,
                          const rans_tables *all)
{
    const int wide = all->precision != RANS_PRECISION;
    const uint32_t mask = (1u << layout.bits) - 1;
    if (coder->in != coder->end)
        return 0;
    for (int lane = 0; lane < layout.lanes; lane++) {
        if (coder->x[lane] >> 15 != 1)
            return 0;
        coder->x[lane] &= RANS_LEAST - 1;
    }
    for (ptrdiff_t i = layout.head; i < n; i++) {
        uint32_t *x = &coder->x[(i - layout.head) % layout.lanes];
        if ((*x & mask) >= (uint32_t)all->symbols)
            return 0;
        rans_set_symbol(symbols, i, wide, *x & mask);
        *x >>= layout.bits;
    }
    for (int lane = 0; lane < layout.lanes; lane++)
        if (coder->x[lane])
            return 0;
    return 1;
}

/* Whether a lane waits for a word where there is none: no symbol behind it is worth decoding. */
static int rans_ran_out(const rans_coder *coder)
{
    if (coder->end - coder->in >= 2)
        return 0;
    for (int lane = 0; lane < coder->lanes; lane++)
        if (coder->x[lane] < RANS_LEAST)
            return 1;
    return 0;
}

/* Returns 0 for bytes that are no such stream. Whatever they are, nothing outside is touched. */
static int rans_decode_stream(const rans_tables *all, void *symbols, ptrdiff_t first_row, ptrdiff_t n,
                       const uint8_t *stream, ptrdiff_t length, int level)
{
    const rans_layout layout = rans_lay_out(n, all->symbols);
    rans_coder coder = {{0}, layout.lanes, 0, 0, stream + 4 * layout.lanes, stream + length};
    if (length < 4 * layout.lanes)
        return 0;
    for (int lane = 0; lane < layout.lanes; lane++) {
        const uint8_t *x = stream + 4 * lane;
        coder.x[lane] = rans_word(x) | rans_word(x + 2) << 16;
        if (coder.x[lane] < RANS_LEAST || coder.x[lane] >> 31)
            return 0;
    }
    for (ptrdiff_t row = 0, first = 0, look = RANS_STRETCH; first < layout.head; row++) {
        const rans_table table = rans_pick(all, first_row + row);
        ptrdiff_t last;
        while ((row + 1) * all->row_length < layout.head &&
               all->of_row[first_row + row + 1] == all->of_row[first_row + row])
            row++;
        last = (row + 1) * all->row_length;
        if (last > layout.head)
            last = layout.head;
        while (first < last) {
            const ptrdiff_t stop = last - first > RANS_STRETCH ? first + RANS_STRETCH : last;
            rans_pop_run(&coder, &table, symbols, first, stop, level);
            first = stop;
            if (first < look)
                continue;
            if (rans_ran_out(&coder))
                return 0;
            look = first + RANS_STRETCH;
        }
    }
    return rans_read_tail(&coder, layout, symbols, n, all);
}

#endif
