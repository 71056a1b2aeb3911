/* Plain bits in bytes, the low ones first. */

#ifndef SPLITWIRE_BITS_H
#define SPLITWIRE_BITS_H

#include <stddef.h>
#include <stdint.h>

#define BITS_SPARE 8 /* bytes behind the bits that a writer may write, and a reader read */

typedef struct {
    uint8_t *at;
    uint64_t hold; /* bits that fill no byte yet, fewer than 8 between two calls */
    int held;
} bit_writer;

typedef struct {
    const uint8_t *bytes;
    uint64_t at, end; /* in bits */
} bit_reader;

static inline void write_bits(bit_writer *to, uint64_t bits, int count) /* at most 56 */
{
    const uint64_t hold = to->hold | bits << to->held;
    const int held = to->held + count;
    uint8_t *at = to->at;
    for (int i = 0; i < 8; i++) /* compilers make one store of it */
        at[i] = (uint8_t)(hold >> 8 * i);
    to->at = at + (held >> 3);
    to->hold = hold >> (held & ~7);
    to->held = held & 7;
}

/* The next bits, 57 at least, in the low places. */
static inline uint64_t peek_bits(const bit_reader *from)
{
    const uint8_t *b = from->bytes + (from->at >> 3);
    const uint64_t low = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    const uint64_t high = b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24;
    return (low | high << 32) >> (from->at & 7);
}

static inline uint32_t read_bits(bit_reader *from, int count) /* at most 32 */
{
    const uint64_t bits = peek_bits(from) & (((uint64_t)1 << count) - 1);
    from->at += (uint64_t)count;
    return (uint32_t)bits;
}

/* Whether more was read than there is. */
static inline int bits_overrun(const bit_reader *from)
{
    return from->at > from->end;
}

#endif
