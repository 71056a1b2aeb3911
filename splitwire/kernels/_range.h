/* An adaptive binary range coder, to be inlined into a codec's own loops.
 *
 * The coder keeps an interval [low, low + range) of fractions; 48 bits of it are undecided. A bin
 * that is one with probability p / 65536 takes the lower part of the interval, (range >> 16) * p,
 * and a zero takes the rest. When the range falls below 2^32 its top 16 bits are settled and
 * move out. A sum may still carry into what has moved out: the carry then walks back through the
 * bytes 255 before it, and stops at the latest at the first byte, as no fraction reaches one.
 *
 * A probability is the mean of two estimates, one that follows quickly and one that averages long
 * (as in VVC). Both are first moved by half the error, then by less and less, so that a context
 * learns from its first bins; a context that starts from experience starts further down.
 *
 * A range of at least 2^32 and p of 1 to 65535 leave every bin a range of at least 2^16, so that a
 * bin moves out one 16-bit word at most. */

#ifndef SPLITWIRE_RANGE_H
#define SPLITWIRE_RANGE_H

#include <stddef.h>
#include <stdint.h>

#define RANGE_FULL ((uint64_t)1 << 48)
#define RANGE_LEAST ((uint64_t)1 << 32)
#define RANGE_FAST 4 /* the estimates end up moving by 1/16 and 1/128 of the error */
#define RANGE_SLOW 7
#define RANGE_SEEN 63 /* bins after which a context has settled */

typedef struct {
    uint16_t fast, slow; /* probability of a one, of 65536 */
    uint32_t seen;       /* bins behind it, up to RANGE_SEEN */
} range_context;

typedef struct {
    uint64_t low, range;
    uint8_t *begin, *at; /* holds 2 bytes a bin and RANGE_TAIL more */
} range_encoder;

typedef struct {
    uint64_t code, range; /* code: how far above low the stream's fraction lies */
    const uint8_t *at, *end;
    ptrdiff_t beyond; /* bytes taken from beyond the end */
} range_decoder;

#define RANGE_TAIL 6 /* bytes that are undecided when the last bin is coded */

static const uint8_t range_shift[RANGE_SEEN + 1] = {
    1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6,
    6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7,
};

static inline void range_start_context(range_context *context, uint16_t p, uint32_t seen)
{
    context->fast = context->slow = p;
    context->seen = seen;
}

/* The right shift of a negative number is the arithmetic one in every compiler that there is. An
 * estimate stays within 2^shift - 1 and 65535 - (2^shift - 1), once there. */
static inline uint16_t range_moved(uint16_t p, int bin, int shift)
{
    const int32_t aim = ((1 << shift) - 1) | (-bin & 65535);
    return (uint16_t)(p + ((aim - (int32_t)p) >> shift));
}

static inline void range_learn(range_context *context, int bin)
{
    const int shift = range_shift[context->seen];
    context->fast = range_moved(context->fast, bin, shift < RANGE_FAST ? shift : RANGE_FAST);
    context->slow = range_moved(context->slow, bin, shift);
    context->seen += context->seen < RANGE_SEEN;
}

static inline uint64_t range_part(uint64_t range, const range_context *context)
{
    return (range >> 16) * (((uint32_t)context->fast + context->slow) >> 1);
}

static inline void range_start_encoder(range_encoder *coder, uint8_t *buffer)
{
    coder->low = 0;
    coder->range = RANGE_FULL;
    coder->begin = coder->at = buffer;
}

static inline void range_carry(range_encoder *coder)
{
    uint8_t *at = coder->at;
    if (coder->low < RANGE_FULL)
        return;
    coder->low -= RANGE_FULL;
    while (at > coder->begin && ++*--at == 0)
        ;
}

static inline void range_move_out(range_encoder *coder)
{
    if (coder->range >= RANGE_LEAST)
        return;
    range_carry(coder);
    coder->at[0] = (uint8_t)(coder->low >> 40);
    coder->at[1] = (uint8_t)(coder->low >> 32);
    coder->at += 2;
    coder->low = (coder->low & (RANGE_LEAST - 1)) << 16;
    coder->range <<= 16;
}

static inline void range_encode_part(range_encoder *coder, uint64_t part, int bin)
{
    const uint64_t zero = (uint64_t)bin - 1; /* all bits set for a zero */
    coder->low += part & zero;
    coder->range = part + ((coder->range - 2 * part) & zero);
    range_move_out(coder);
}

static inline void range_encode_bin(range_encoder *coder, range_context *context, int bin)
{
    range_encode_part(coder, range_part(coder->range, context), bin);
    range_learn(context, bin);
}

/* A bin that is one with probability p / 65536, 1 to 65535, however that was found. */
static inline void range_encode_odds(range_encoder *coder, uint32_t p, int bin)
{
    range_encode_part(coder, (coder->range >> 16) * p, bin);
}

/* `count` bits, 1 to 16, at their full price. */
static inline void range_encode_bits(range_encoder *coder, uint32_t bits, int count)
{
    coder->range >>= count;
    coder->low += coder->range * bits;
    range_move_out(coder);
}

/* Settle the rest: of the fractions in the interval, the one that ends in most zero bytes, and those
 * are left out. Returns the length of the stream. */
static inline ptrdiff_t range_finish(range_encoder *coder)
{
    int kept = 0;
    uint64_t last = coder->low + coder->range - 1;
    while (kept < 48 && last >> (48 - kept) << (48 - kept) < coder->low)
        kept += 8;
    coder->low = last >> (48 - kept) << (48 - kept);
    range_carry(coder);
    for (int moved = 8; moved <= kept; moved += 8)
        *coder->at++ = (uint8_t)(coder->low >> (48 - moved));
    return coder->at - coder->begin;
}

/* Beyond its end a stream goes on in zeros, as `range_finish` left them out. */
static inline uint64_t range_next_byte(range_decoder *coder)
{
    if (coder->at < coder->end)
        return *coder->at++;
    coder->beyond++;
    return 0;
}

static inline void range_move_in(range_decoder *coder)
{
    if (coder->range >= RANGE_LEAST)
        return;
    coder->range <<= 16;
    coder->code = coder->code << 16 | range_next_byte(coder) << 8;
    coder->code |= range_next_byte(coder);
}

static inline void range_start_decoder(range_decoder *coder, const uint8_t *stream, ptrdiff_t length)
{
    coder->code = 0;
    coder->range = RANGE_FULL;
    coder->at = stream;
    coder->end = stream + length;
    coder->beyond = 0;
    for (int i = 0; i < RANGE_TAIL; i++)
        coder->code = coder->code << 8 | range_next_byte(coder);
}

static inline int range_decode_part(range_decoder *coder, uint64_t part)
{
    const int bin = coder->code < part;
    const uint64_t zero = (uint64_t)bin - 1;
    coder->code -= part & zero;
    coder->range = part + ((coder->range - 2 * part) & zero);
    range_move_in(coder);
    return bin;
}

static inline int range_decode_bin(range_decoder *coder, range_context *context)
{
    const int bin = range_decode_part(coder, range_part(coder->range, context));
    range_learn(context, bin);
    return bin;
}

static inline int range_decode_odds(range_decoder *coder, uint32_t p)
{
    return range_decode_part(coder, (coder->range >> 16) * p);
}

static inline uint32_t range_decode_bits(range_decoder *coder, int count)
{
    uint64_t bits;
    coder->range >>= count;
    bits = coder->code / coder->range;
    if (bits >> count) /* the sliver above the last part, where no encoder goes */
        bits = ((uint64_t)1 << count) - 1;
    coder->code -= bits * coder->range;
    range_move_in(coder);
    return (uint32_t)bits;
}

/* Whether the stream has the length that an encoder of these bins gives it: the words that were moved
 * out, and at most six bytes more, of which the last is not zero. */
static inline int range_ends_well(const range_decoder *coder)
{
    return coder->at == coder->end && (coder->beyond == RANGE_TAIL ||
                                       (coder->beyond < RANGE_TAIL && coder->end[-1] != 0));
}

/* Whether more was taken than any such stream leaves out: then no length is the right one, and what
 * follows is zeros without end. A context that started even takes at least 71/65536 of the range, so
 * that a decoder which stops here has decoded 5200 such bins a byte at most. */
static inline int range_ran_out(const range_decoder *coder)
{
    return coder->beyond > RANGE_TAIL;
}

/* Truncated unary: the symbol v is v ones and, unless v is the largest, a zero; the bin at each
 * position has a context of its own. */
static inline void range_encode_unary(range_encoder *coder, range_context *contexts, int largest,
                                      int symbol)
{
    for (int i = 0; i < symbol; i++)
        range_encode_bin(coder, contexts + i, 1);
    if (symbol < largest)
        range_encode_bin(coder, contexts + symbol, 0);
}

static inline int range_decode_unary(range_decoder *coder, range_context *contexts, int largest)
{
    int symbol = 0;
    while (symbol < largest && range_decode_bin(coder, contexts + symbol))
        symbol++;
    return symbol;
}

/* Whole arrays. The coder is a local, so that it stays in registers. */
static inline ptrdiff_t range_encode_bins(range_context *contexts, const uint16_t *which,
                                   const uint8_t *bins, ptrdiff_t n, uint8_t *stream)
{
    range_encoder coder;
    range_start_encoder(&coder, stream);
    for (ptrdiff_t i = 0; i < n; i++)
        range_encode_bin(&coder, contexts + which[i], bins[i]);
    return range_finish(&coder);
}

static inline int range_decode_bins(range_context *contexts, const uint16_t *which, uint8_t *bins,
                             ptrdiff_t n, const uint8_t *stream, ptrdiff_t length)
{
    range_decoder coder;
    range_start_decoder(&coder, stream, length);
    for (ptrdiff_t i = 0; i < n && !range_ran_out(&coder); i++)
        bins[i] = (uint8_t)range_decode_bin(&coder, contexts + which[i]);
    return range_ends_well(&coder);
}

static inline ptrdiff_t range_encode_symbols(range_context *contexts, int largest, const uint8_t *symbols,
                                      ptrdiff_t n, uint8_t *stream)
{
    range_encoder coder;
    range_start_encoder(&coder, stream);
    for (ptrdiff_t i = 0; i < n; i++)
        range_encode_unary(&coder, contexts, largest, symbols[i]);
    return range_finish(&coder);
}

static inline int range_decode_symbols(range_context *contexts, int largest, uint8_t *symbols,
                                ptrdiff_t n, const uint8_t *stream, ptrdiff_t length)
{
    range_decoder coder;
    range_start_decoder(&coder, stream, length);
    for (ptrdiff_t i = 0; i < n && !range_ran_out(&coder); i++)
        symbols[i] = (uint8_t)range_decode_unary(&coder, contexts, largest);
    return range_ends_well(&coder);
}

#endif
