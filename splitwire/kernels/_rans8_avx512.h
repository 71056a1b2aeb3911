/* `_rans8.h` in vectors of 64 lanes: whole rounds of 64 symbols, without a look into memory. Byte k of
 * the lanes' x is one vector, x[k], and a table of bytes four, which a permutation looks up. */

#ifndef SPLITWIRE_RANS8_AVX512_H
#define SPLITWIRE_RANS8_AVX512_H

#include <immintrin.h>

#include "_rans8.h"

#define RANS8_AVX512_ISA \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt"
#define RANS8_AVX512 static inline __attribute__((target(RANS8_AVX512_ISA), always_inline))

/* Byte k of 64 words. */
RANS8_AVX512 __m512i rans8_plane(const uint32_t *words, int k)
{
    const __m128i shift = _mm_cvtsi32_si128(8 * k);
    __m512i plane = _mm512_setzero_si512();
    for (int i = 3; i >= 0; i--) {
        const __m512i word = _mm512_srl_epi32(_mm512_loadu_si512(words + 16 * i), shift);
        plane = _mm512_inserti32x4(_mm512_shuffle_i64x2(plane, plane, 0x90),
                                   _mm512_cvtepi32_epi8(word), 0);
    }
    return plane;
}

RANS8_AVX512 void rans8_load_x(const uint32_t *words, __m512i *x)
{
    for (int k = 0; k < 3; k++)
        x[k] = rans8_plane(words, k);
}

RANS8_AVX512 void rans8_store_x(uint32_t *words, const __m512i *x)
{
    uint8_t bytes[3][RANS8_LANES];
    for (int k = 0; k < 3; k++)
        _mm512_storeu_si512(bytes[k], x[k]);
    for (int i = 0; i < RANS8_LANES; i++)
        words[i] = bytes[0][i] | (uint32_t)bytes[1][i] << 8 | (uint32_t)bytes[2][i] << 16;
}

/* Byte k of the 256 words of a table. */
RANS8_AVX512 void rans8_load_table(const uint32_t *words, int k, __m512i *table)
{
    for (int i = 0; i < 4; i++)
        table[i] = rans8_plane(words + 64 * i, k);
}

/* Of each w the byte of as many ones. */
RANS8_AVX512 void rans8_widths_to_masks(__m512i *table)
{
    const __m512i masks = _mm512_set1_epi64(0x7F3F1F0F07030100);
    for (int i = 0; i < 4; i++)
        table[i] = _mm512_shuffle_epi8(masks, table[i]);
}

RANS8_AVX512 __m512i rans8_look_up(const __m512i *table, __m512i at, __mmask64 upper)
{
    return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(table[0], at, table[1]),
                                  _mm512_permutex2var_epi8(table[2], at, table[3]));
}

RANS8_AVX512 __m512i rans8_even(__m512i bytes)
{
    return _mm512_and_si512(bytes, _mm512_set1_epi16(0xFF));
}

RANS8_AVX512 __m512i rans8_odd(__m512i bytes)
{
    return _mm512_srli_epi16(bytes, 8);
}

/* The low bytes of `even`, and those of `odd` between them. */
RANS8_AVX512 __m512i rans8_interleave(__m512i even, __m512i odd)
{
    return _mm512_ternarylogic_epi32(_mm512_set1_epi16(0xFF), even, _mm512_slli_epi16(odd, 8), 0xCA);
}

/* a b + c of words, which are bytes. */
RANS8_AVX512 __m512i rans8_product(__m512i a, __m512i b, __m512i c)
{
    return _mm512_add_epi16(_mm512_mullo_epi16(a, b), c);
}

/* f (x div 256) + offset, of 64 lanes: byte by byte, each with the carry of the one below. */
RANS8_AVX512 void rans8_scale(__m512i *x, __m512i f, __m512i offset)
{
    const __m512i even = rans8_even(f), odd = rans8_odd(f);
    const __m512i even0 = rans8_product(even, rans8_even(x[1]), rans8_even(offset));
    const __m512i odd0 = rans8_product(odd, rans8_odd(x[1]), rans8_odd(offset));
    const __m512i even1 = rans8_product(even, rans8_even(x[2]), rans8_odd(even0));
    const __m512i odd1 = rans8_product(odd, rans8_odd(x[2]), rans8_odd(odd0));
    x[0] = rans8_interleave(even0, odd0);
    x[1] = rans8_interleave(even1, odd1);
    x[2] = rans8_interleave(rans8_odd(even1), rans8_odd(odd1));
}

/* Returns how many rounds it decoded: all, or those that surely are in the stream. */
static __attribute__((target(RANS8_AVX512_ISA))) ptrdiff_t rans8_pop_avx512(
    rans8_coder *coder, const uint32_t *slots, uint8_t *symbols, ptrdiff_t rounds)
{
    __m512i x[3], frequency[4], offset[4], level[4], mask[4];
    const uint8_t *in = coder->in;
    bit_reader bits = coder->bits;
    ptrdiff_t round = 0;
    rans8_load_x(coder->x, x);
    rans8_load_table(slots, 0, frequency);
    rans8_load_table(slots, 1, offset);
    rans8_load_table(slots, 2, level);
    rans8_load_table(slots, 3, mask);
    rans8_widths_to_masks(mask);
    for (; round < rounds && coder->end - in >= RANS8_LANES && !bits_overrun(&bits); round++) {
        const __mmask64 upper = _mm512_movepi8_mask(x[0]);
        const __m512i s = rans8_look_up(level, x[0], upper);
        const __m512i plain = rans8_look_up(mask, x[0], upper);
        uint64_t s8[8], plain8[8];
        __mmask64 take;
        rans8_scale(x, rans8_look_up(frequency, x[0], upper), rans8_look_up(offset, x[0], upper));
        take = _mm512_testn_epi8_mask(x[2], x[2]);
        x[2] = _mm512_mask_mov_epi8(x[2], take, x[1]);
        x[1] = _mm512_mask_mov_epi8(x[1], take, x[0]);
        x[0] = _mm512_mask_expand_epi8(x[0], take, _mm512_loadu_si512(in));
        in += _mm_popcnt_u64(take);
        _mm512_storeu_si512(s8, s);
        _mm512_storeu_si512(plain8, plain);
        for (int i = 0; i < 8; i++) {
            s8[i] |= _pdep_u64(peek_bits(&bits), plain8[i]);
            bits.at += (uint64_t)_mm_popcnt_u64(plain8[i]);
            memcpy(symbols + 64 * round + 8 * i, &s8[i], 8);
        }
    }
    rans8_store_x(coder->x, x);
    coder->in = in;
    coder->bits = bits;
    return round;
}

/* v div f, and in its place v mod f, for v < 256 f; `reciprocal` is 65535 div f, by which the quotient is
 * right or one too small. */
RANS8_AVX512 __m512i rans8_divide(__m512i *v, __m512i f, __m512i reciprocal)
{
    const __m512i quotient = _mm512_mulhi_epu16(*v, reciprocal);
    const __m512i left = _mm512_sub_epi16(*v, _mm512_mullo_epi16(quotient, f));
    const __mmask32 more = _mm512_cmpge_epu16_mask(left, f);
    *v = _mm512_mask_sub_epi16(left, more, left, f);
    return _mm512_mask_add_epi16(quotient, more, quotient, _mm512_set1_epi16(1));
}

/* x div f and x mod f with x < 2^16 f, byte by byte as by hand: x[2] is less than f. */
RANS8_AVX512 void rans8_unscale(__m512i *x, __m512i f, __m512i low, __m512i high, __m512i start)
{
    const __m512i even = rans8_even(f), odd = rans8_odd(f);
    const __m512i even_r = rans8_interleave(low, high);
    const __m512i odd_r = rans8_interleave(rans8_odd(low), rans8_odd(high));
    __m512i even_x = rans8_interleave(x[1], x[2]);
    __m512i odd_x = rans8_interleave(rans8_odd(x[1]), rans8_odd(x[2]));
    x[2] = rans8_interleave(rans8_divide(&even_x, even, even_r), rans8_divide(&odd_x, odd, odd_r));
    even_x = rans8_interleave(x[0], even_x);
    odd_x = rans8_interleave(rans8_odd(x[0]), odd_x);
    x[1] = rans8_interleave(rans8_divide(&even_x, even, even_r), rans8_divide(&odd_x, odd, odd_r));
    x[0] = _mm512_add_epi8(rans8_interleave(even_x, odd_x), start);
}

static __attribute__((target(RANS8_AVX512_ISA))) void rans8_push_avx512(
    rans8_coder *coder, const rans8_model *model, const uint8_t *symbols, ptrdiff_t rounds)
{
    __m512i x[3], frequency[4], start[4], low[4], high[4];
    uint8_t *out = coder->out;
    __mmask64 missing = 0;
    rans8_load_x(coder->x, x);
    rans8_load_table(model->code, 0, frequency);
    rans8_load_table(model->code, 1, start);
    rans8_load_table(model->reciprocal, 2, low);
    rans8_load_table(model->reciprocal, 3, high);
    for (ptrdiff_t round = rounds - 1; round >= 0; round--) {
        const __m512i s = _mm512_loadu_si512(symbols + 64 * round);
        const __mmask64 upper = _mm512_movepi8_mask(s);
        const __m512i f = rans8_look_up(frequency, s, upper);
        const __mmask64 put = _mm512_cmpge_epu8_mask(x[2], f);
        const int count = (int)_mm_popcnt_u64(put);
        const __mmask64 top = ~_bzhi_u64(~(uint64_t)0, 64 - (unsigned)count);
        const __m512i bytes = _mm512_maskz_compress_epi8(put, x[0]);
        missing |= _mm512_testn_epi8_mask(f, f);
        _mm512_storeu_si512(out - 64, _mm512_maskz_expand_epi8(top, bytes));
        out -= count;
        x[0] = _mm512_mask_mov_epi8(x[0], put, x[1]);
        x[1] = _mm512_mask_mov_epi8(x[1], put, x[2]);
        x[2] = _mm512_maskz_mov_epi8(~put, x[2]);
        rans8_unscale(x, f, rans8_look_up(low, s, upper), rans8_look_up(high, s, upper),
                      rans8_look_up(start, s, upper));
    }
    rans8_store_x(coder->x, x);
    coder->missing |= missing != 0;
    coder->out = out;
}

/* The plain bits of whole rounds. */
static __attribute__((target(RANS8_AVX512_ISA))) void rans8_write_avx512(
    bit_writer *to, const rans8_model *model, const uint8_t *symbols, ptrdiff_t rounds)
{
    __m512i mask[4];
    rans8_load_table(model->code, 2, mask);
    rans8_widths_to_masks(mask);
    for (ptrdiff_t round = 0; round < rounds; round++, symbols += 64) {
        const __m512i s = _mm512_loadu_si512(symbols);
        uint64_t s8[8], plain[8];
        _mm512_storeu_si512(s8, s);
        _mm512_storeu_si512(plain, rans8_look_up(mask, s, _mm512_movepi8_mask(s)));
        for (int i = 0; i < 8; i++)
            write_bits(to, _pext_u64(s8[i], plain[i]), (int)_mm_popcnt_u64(plain[i]));
    }
}

#endif
