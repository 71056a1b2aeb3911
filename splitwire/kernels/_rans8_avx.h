/* `_rans8.h` in vectors: whole rounds of 64 symbols. */

#ifndef SPLITWIRE_RANS8_AVX_H
#define SPLITWIRE_RANS8_AVX_H

#include "_rans8.h"
#include "_rans_shuffles.h"

/* 8 lanes; returns their slots. */
RANS_AVX2 __m256i rans8_pop_8(uint32_t *lanes, const uint32_t *slots, const uint8_t **in)
{
    const __m256i byte = _mm256_set1_epi32(0xFF);
    const __m256i old = _mm256_loadu_si256((const __m256i *)lanes);
    const __m256i slot = _mm256_i32gather_epi32((const int *)slots, _mm256_and_si256(old, byte), 4);
    const __m256i x =
        _mm256_add_epi32(_mm256_mullo_epi32(_mm256_and_si256(slot, byte), _mm256_srli_epi32(old, 8)),
                         _mm256_and_si256(_mm256_srli_epi32(slot, 8), byte));
    const __m256i take = _mm256_cmpgt_epi32(_mm256_set1_epi32(RANS8_LEAST), x);
    const int mask = _mm256_movemask_ps(_mm256_castsi256_ps(take));
    const __m128i bytes = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)*in));
    const __m128i spread = _mm_shuffle_epi8(bytes, _mm_loadu_si128((__m128i *)rans_spread[mask]));
    const __m256i longer = _mm256_or_si256(_mm256_slli_epi32(x, 8), _mm256_cvtepu16_epi32(spread));
    *in += _mm_popcnt_u32((unsigned)mask);
    _mm256_storeu_si256((__m256i *)lanes, _mm256_blendv_epi8(x, longer, take));
    return slot;
}

/* The symbols of 8 slots, by their plain bits: 28 at most for 4 of them. */
RANS_AVX2 __m256i rans8_refine_8(__m256i slot, bit_reader *bits)
{
    const __m256i one = _mm256_set1_epi32(1), width = _mm256_srli_epi32(slot, 24);
    const __m256i two = _mm256_add_epi32(width, _mm256_slli_si256(width, 4));
    const __m256i until = _mm256_add_epi32(two, _mm256_slli_si256(two, 8));
    const int four = _mm256_extract_epi32(until, 3);
    const uint64_t some = peek_bits(bits);
    const __m256i plain = _mm256_set_m128i(_mm_set1_epi32((int)(some >> four)), _mm_set1_epi32((int)some));
    const __m256i own = _mm256_srlv_epi32(plain, _mm256_sub_epi32(until, width));
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, width), one);
    const __m256i first = _mm256_and_si256(_mm256_srli_epi32(slot, 16), _mm256_set1_epi32(0xFF));
    bits->at += (uint64_t)(four + _mm256_extract_epi32(until, 7));
    return _mm256_or_si256(first, _mm256_and_si256(own, mask));
}

/* Returns how many rounds it decoded: all, or those that surely are in the stream. */
static __attribute__((target("avx2,bmi,bmi2,popcnt"))) ptrdiff_t rans8_pop_avx2(
    rans8_coder *coder, const uint32_t *slots, uint8_t *symbols, ptrdiff_t rounds)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const uint8_t *in = coder->in;
    bit_reader bits = coder->bits;
    ptrdiff_t round = 0;
    for (; round < rounds && coder->end - in >= RANS8_LANES && !bits_overrun(&bits); round++)
        for (int i = 0; i < RANS8_LANES; i += 32) {
            __m256i s[4];
            for (int k = 0; k < 4; k++)
                s[k] = rans8_refine_8(rans8_pop_8(coder->x + i + 8 * k, slots, &in), &bits);
            s[0] = _mm256_packus_epi16(_mm256_packus_epi32(s[0], s[1]), _mm256_packus_epi32(s[2], s[3]));
            _mm256_storeu_si256((__m256i *)(symbols + RANS8_LANES * round + i),
                                _mm256_permutevar8x32_epi32(s[0], order));
        }
    coder->in = in;
    coder->bits = bits;
    return round;
}

RANS_AVX2 uint8_t *rans8_push_8(uint32_t *lanes, const rans8_model *model, const uint8_t *symbols,
                                __m256i *least, uint8_t *out)
{
    const __m256i byte = _mm256_set1_epi32(0xFF);
    const __m256i s = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)symbols));
    const __m256i code = _mm256_i32gather_epi32((const int *)model->code, s, 4);
    const __m256i r = _mm256_i32gather_epi32((const int *)model->reciprocal, s, 4);
    const __m256i f = _mm256_and_si256(code, byte);
    const __m256i old = _mm256_loadu_si256((const __m256i *)lanes);
    const __m256i keep = _mm256_cmpgt_epi32(f, _mm256_srli_epi32(old, 16));
    const int put = 255 & ~_mm256_movemask_ps(_mm256_castsi256_ps(keep));
    const __m256i low = _mm256_and_si256(old, byte);
    const __m256i x = _mm256_blendv_epi8(_mm256_srli_epi32(old, 8), old, keep);
    const __m256i odd_x = _mm256_srli_epi64(x, 32), odd_r = _mm256_srli_epi64(r, 32);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epu32(x, r), _mm256_blend_epi32(x, _mm256_setzero_si256(), 0xAA));
    __m128i put_out = _mm256_castsi256_si128(
        _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08));
    __m256i quotient = _mm256_add_epi64(_mm256_mul_epu32(odd_x, odd_r), odd_x);
    put_out = _mm_shuffle_epi8(put_out, _mm_loadu_si128((__m128i *)rans_gathered[put]));
    _mm_storel_epi64((__m128i *)(out - 8), _mm_packus_epi16(put_out, put_out));
    quotient = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), quotient, 0xAA);
    *least = _mm256_min_epu32(*least, code);
    _mm256_storeu_si256(
        (__m256i *)lanes,
        _mm256_add_epi32(
            _mm256_add_epi32(x, _mm256_mullo_epi32(quotient, _mm256_sub_epi32(_mm256_set1_epi32(256), f))),
            _mm256_and_si256(_mm256_srli_epi32(code, 8), byte)));
    return out - _mm_popcnt_u32((unsigned)put);
}

static __attribute__((target("avx2,bmi,bmi2,popcnt"))) void rans8_push_avx2(
    rans8_coder *coder, const rans8_model *model, const uint8_t *symbols, ptrdiff_t rounds)
{
    __m256i least = _mm256_set1_epi32(-1);
    uint8_t *out = coder->out;
    for (ptrdiff_t i = RANS8_LANES * rounds - 8; i >= 0; i -= 8)
        out = rans8_push_8(coder->x + (i & (RANS8_LANES - 1)), model, symbols + i, &least, out);
    least = _mm256_cmpeq_epi32(least, _mm256_setzero_si256());
    coder->missing |= !_mm256_testz_si256(least, least);
    coder->out = out;
}

/* With AVX-512, byte k of the 64 lanes' x is one vector, x[k], and so are 64 of a table's entries. */
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

/* f x div 256 + offset, of 64 lanes: byte by byte, each with the carry of the one below. */
RANS8_AVX512 void rans8_scale(__m512i *x, __m512i f, __m512i offset)
{
    const __m512i even = rans8_even(f), odd = rans8_odd(f);
    const __m512i even0 = _mm512_add_epi16(_mm512_mullo_epi16(even, rans8_even(x[1])), rans8_even(offset));
    const __m512i odd0 = _mm512_add_epi16(_mm512_mullo_epi16(odd, rans8_odd(x[1])), rans8_odd(offset));
    const __m512i even1 = _mm512_add_epi16(_mm512_mullo_epi16(even, rans8_even(x[2])), rans8_odd(even0));
    const __m512i odd1 = _mm512_add_epi16(_mm512_mullo_epi16(odd, rans8_odd(x[2])), rans8_odd(odd0));
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
        const __m512i s = rans8_look_up(level, x[0], upper), plain = rans8_look_up(mask, x[0], upper);
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

/* v div f of bytes in words, and v mod f for v < 256 f; `reciprocal` is 65535 div f, by which the
 * quotient is right or one too small. */
RANS8_AVX512 __m512i rans8_divide(__m512i v, __m512i f, __m512i reciprocal, __m512i *rest)
{
    const __m512i quotient = _mm512_mulhi_epu16(v, reciprocal);
    const __m512i left = _mm512_sub_epi16(v, _mm512_mullo_epi16(quotient, f));
    const __mmask32 more = _mm512_cmpge_epu16_mask(left, f);
    *rest = _mm512_mask_sub_epi16(left, more, left, f);
    return _mm512_mask_add_epi16(quotient, more, quotient, _mm512_set1_epi16(1));
}

/* x div f and x mod f with x < 2^16 f, byte by byte as by hand: x[2] is less than f. */
RANS8_AVX512 void rans8_unscale(__m512i *x, __m512i f, __m512i low, __m512i high, __m512i start)
{
    const __m512i even = rans8_even(f), odd = rans8_odd(f);
    const __m512i even_r = rans8_interleave(low, high);
    const __m512i odd_r = _mm512_ternarylogic_epi32(_mm512_set1_epi16(0xFF), rans8_odd(low), high, 0xCA);
    __m512i even1, odd1, even0, odd0, even_q = rans8_interleave(x[1], x[2]);
    __m512i odd_q = _mm512_ternarylogic_epi32(_mm512_set1_epi16(0xFF), rans8_odd(x[1]), x[2], 0xCA);
    even1 = rans8_divide(even_q, even, even_r, &even_q);
    odd1 = rans8_divide(odd_q, odd, odd_r, &odd_q);
    even_q = rans8_interleave(x[0], even_q);
    odd_q = rans8_interleave(rans8_odd(x[0]), odd_q);
    even0 = rans8_divide(even_q, even, even_r, &even_q);
    odd0 = rans8_divide(odd_q, odd, odd_r, &odd_q);
    x[2] = rans8_interleave(even1, odd1);
    x[1] = rans8_interleave(even0, odd0);
    x[0] = _mm512_add_epi8(rans8_interleave(even_q, odd_q), start);
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
        missing |= _mm512_testn_epi8_mask(f, f);
        _mm512_storeu_si512(out - 64, _mm512_maskz_expand_epi8(top, _mm512_maskz_compress_epi8(put, x[0])));
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
