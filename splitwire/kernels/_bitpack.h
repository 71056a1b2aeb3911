/* Codes of 1 to 8 bits to and from a stream of bits, most significant bit first.
 *
 * Eight codes at a time: they are the eight bytes of a word, and three steps close (or open) the
 * gaps between neighbours, then pairs, then quadruples. Eight codes of b bits fill b whole bytes,
 * so every group starts on a byte. */

#ifndef SPLITWIRE_BITPACK_H
#define SPLITWIRE_BITPACK_H

#include "_isa.h"

/* Written so that compilers see one load and a byte swap on any processor. */
static inline uint64_t load_big_endian(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

static inline void store_big_endian(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static inline uint64_t close_gaps(uint64_t v, int bits)
{
    v = ((v >> 8) & 0x00FF00FF00FF00FFu) << bits | (v & 0x00FF00FF00FF00FFu);
    v = ((v >> 16) & 0x0000FFFF0000FFFFu) << 2 * bits | (v & 0x0000FFFF0000FFFFu);
    v = (v >> 32) << 4 * bits | (v & 0xFFFFFFFFu);
    return v << (64 - 8 * bits);
}

static inline uint64_t open_gaps(uint64_t v, int bits)
{
    const uint64_t four = ((uint64_t)1 << 4 * bits) - 1;
    const uint64_t two = (((uint64_t)1 << 2 * bits) - 1) * 0x0000000100000001u;
    const uint64_t one = (((uint64_t)1 << bits) - 1) * 0x0001000100010001u;
    v >>= 64 - 8 * bits;
    v = (v >> 4 * bits) << 32 | (v & four);
    v = ((v >> 2 * bits) & two) << 16 | (v & two);
    return ((v >> bits) & one) << 8 | (v & one);
}

static inline ptrdiff_t packed_length(ptrdiff_t n, int bits)
{
    return n / 8 * bits + (n % 8 * bits + 7) / 8; /* n * bits would not fit on a 32-bit machine */
}

#ifdef SPLITWIRE_X86
/* The same 16 bytes all over a vector; its quarters or halves to and from pieces `step` apart. */
__attribute__((target("avx2"))) static inline __m256i repeat_avx2(const void *piece)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(piece));
}

__attribute__((target("avx2"))) static inline __m256i load_pieces_avx2(const uint8_t *p, int step)
{
    return _mm256_loadu2_m128i((const __m128i *)(p + step), (const __m128i *)p);
}

__attribute__((target("avx2"))) static inline void store_pieces_avx2(uint8_t *p, int step,
                                                                     __m256i v)
{
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(p + step), _mm256_extracti128_si256(v, 1));
}

__attribute__((target("avx512f"))) static inline __m512i repeat_avx512(const void *piece)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128(piece));
}

__attribute__((target("avx512f"))) static inline __m512i load_pieces_avx512(const uint8_t *p,
                                                                            int step)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(load_pieces_avx2(p, step)),
                              load_pieces_avx2(p + 2 * step, step), 1);
}

__attribute__((target("avx512f"))) static inline void store_pieces_avx512(uint8_t *p, int step,
                                                                          __m512i v)
{
    store_pieces_avx2(p, step, _mm512_castsi512_si256(v));
    store_pieces_avx2(p + 2 * step, step, _mm512_extracti64x4_epi64(v, 1));
}
#endif

#define BODY "_bitpack_body.h"
#include "_each_isa.h"

static ptrdiff_t (*const pack_vectors[])(const uint8_t *, ptrdiff_t, int, uint8_t *,
                                         const uint8_t *, uint64_t *) = BODIES(pack_vectors);
static ptrdiff_t (*const unpack_vectors[])(const uint8_t *, const uint8_t *, ptrdiff_t, int,
                                           uint8_t *) = BODIES(unpack_vectors);

/* Returns the OR of all codes, which exceeds the largest code if and only if one of them does (then
 * the packed bytes mean nothing). `packed` holds packed_length bytes. */
static inline int pack_codes(int level, const uint8_t *codes, ptrdiff_t n, int bits,
                             uint8_t *packed)
{
    const uint8_t *end = packed + packed_length(n, bits);
    uint64_t seen = 0;
    ptrdiff_t i;
    if (bits == 8) {
        memcpy(packed, codes, (size_t)n);
        return 255;
    }
    i = pack_vectors[level](codes, n, bits, packed, end, &seen);
    for (packed += i / 8 * bits; i < n; i += 8, packed += bits) {
        uint8_t last[8] = {0};
        const uint8_t *group = codes + i;
        uint64_t v;
        if (n - i < 8)
            group = memcpy(last, group, (size_t)(n - i));
        v = load_big_endian(group);
        seen |= v;
        v = close_gaps(v, bits);
        if (end - packed >= 8) { /* what is written beyond the group, the next one overwrites */
            store_big_endian(packed, v);
        } else {
            ptrdiff_t left = end - packed;
            store_big_endian(last, v);
            memcpy(packed, last, (size_t)(left < bits ? left : bits));
        }
    }
    seen |= seen >> 32;
    seen |= seen >> 16;
    seen |= seen >> 8;
    return (int)(seen & 255);
}

/* `packed` holds packed_length bytes; not one beyond is read. */
static inline void unpack_codes(int level, const uint8_t *packed, ptrdiff_t n, int bits,
                                uint8_t *codes)
{
    const uint8_t *end = packed + packed_length(n, bits);
    ptrdiff_t i = unpack_vectors[level](packed, end, n, bits, codes);
    for (packed += i / 8 * bits; i < n; i += 8, packed += bits) {
        uint8_t last[8] = {0};
        const uint8_t *group = packed;
        if (end - packed < 8)
            group = memcpy(last, packed, (size_t)(end - packed));
        store_big_endian(last, open_gaps(load_big_endian(group), bits));
        memcpy(codes + i, last, n - i < 8 ? (size_t)(n - i) : 8);
    }
}

#endif
