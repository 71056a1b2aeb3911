/* rANS over 32 lanes in vectors: whole rounds of 32 symbols of an alphabet to 256, one table.
 *
 * The same arithmetic as the portable body. x < 2^31 lets signed comparisons stand for unsigned
 * ones, and the quotient be the high half of (2 x) r, shifted by k. */

#ifndef SPLITWIRE_RANS_AVX_H
#define SPLITWIRE_RANS_AVX_H

#include "_rans.h"
#include "_rans_shuffles.h"

#define RANS_WORDS_A_ROUND 32 /* a round of a decoder reads no further */

#define RANS_AVX512 \
    static inline __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,popcnt"), always_inline))

RANS_AVX2 __m256i rans_push_8(__m256i x, __m256i s, const rans_table *table, __m256i *least,
                              uint8_t **out)
{
    const __m256i model = _mm256_i32gather_epi32((const int *)table->model, s, 4);
    const __m256i r = _mm256_i32gather_epi32((const int *)table->reciprocal, s, 4);
    const __m256i f = _mm256_and_si256(model, _mm256_set1_epi32(0x3FFF));
    const __m256i c = _mm256_and_si256(_mm256_srli_epi32(model, 14), _mm256_set1_epi32(0x3FFF));
    const __m256i keep = _mm256_cmpgt_epi32(_mm256_slli_epi32(f, 31 - 12), x);
    const int put = 255 & ~_mm256_movemask_ps(_mm256_castsi256_ps(keep));
    const __m256i low = _mm256_blend_epi16(x, _mm256_setzero_si256(), 0xAA);
    const __m128i words = _mm256_castsi256_si128(
        _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08));
    __m256i even, odd, quotient;
    *least = _mm256_min_epu32(*least, model);
    _mm_storeu_si128((__m128i *)(*out - 16),
                     _mm_shuffle_epi8(words, _mm_loadu_si128((__m128i *)rans_gathered[put])));
    *out -= 2 * _mm_popcnt_u32((unsigned)put);
    x = _mm256_blendv_epi8(_mm256_srli_epi32(x, 16), x, keep);
    quotient = _mm256_slli_epi32(x, 1);
    even = _mm256_srli_epi64(_mm256_mul_epu32(quotient, r), 32);
    odd = _mm256_mul_epu32(_mm256_srli_epi64(quotient, 32), _mm256_srli_epi64(r, 32));
    quotient = _mm256_blend_epi32(even, odd, 0xAA);
    quotient = _mm256_srlv_epi32(quotient, _mm256_srli_epi32(model, 28));
    quotient = _mm256_mullo_epi32(quotient, _mm256_sub_epi32(_mm256_set1_epi32(1 << 12), f));
    return _mm256_add_epi32(_mm256_add_epi32(x, c), quotient);
}

static __attribute__((target("avx2,bmi,bmi2,popcnt"))) void rans_push_avx2(
    rans_coder *coder, const rans_table *table, const uint8_t *symbols, ptrdiff_t rounds)
{
    __m256i *lanes = (__m256i *)coder->x;
    __m256i x[4], least = _mm256_set1_epi32(-1);
    uint8_t *out = coder->out;
    for (int i = 0; i < 4; i++)
        x[i] = _mm256_loadu_si256(lanes + i);
    for (ptrdiff_t round = rounds - 1; round >= 0; round--)
        for (int i = 3; i >= 0; i--) {
            const uint8_t *from = symbols + 32 * round + 8 * i;
            const __m256i s = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
            x[i] = rans_push_8(x[i], s, table, &least, &out);
        }
    for (int i = 0; i < 4; i++)
        _mm256_storeu_si256(lanes + i, x[i]);
    least = _mm256_cmpeq_epi32(least, _mm256_setzero_si256());
    if (!_mm256_testz_si256(least, least))
        coder->least_model = 0;
    coder->out = out;
}

RANS_AVX2 __m256i rans_pop_8(__m256i *x, const rans_table *table, const uint8_t **in)
{
    const __m256i low = _mm256_set1_epi32(0xFFF);
    const __m256i entry =
        _mm256_i32gather_epi32((const int *)table->slots, _mm256_and_si256(*x, low), 4);
    const __m256i f = _mm256_and_si256(_mm256_srli_epi32(entry, 12), low);
    const __m256i left = _mm256_add_epi32(_mm256_mullo_epi32(f, _mm256_srli_epi32(*x, 12)),
                                          _mm256_and_si256(entry, low));
    const __m256i take = _mm256_cmpgt_epi32(_mm256_set1_epi32(RANS_LEAST), left);
    const int mask = _mm256_movemask_ps(_mm256_castsi256_ps(take));
    const __m128i words = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)*in),
                                           _mm_loadu_si128((__m128i *)rans_spread[mask]));
    const __m256i longer =
        _mm256_or_si256(_mm256_slli_epi32(left, 16), _mm256_cvtepu16_epi32(words));
    *in += 2 * _mm_popcnt_u32((unsigned)mask);
    *x = _mm256_blendv_epi8(left, longer, take);
    return _mm256_srli_epi32(entry, 24);
}

/* Returns how many rounds it decoded: all, or those that surely are in the stream. */
static __attribute__((target("avx2,bmi,bmi2,popcnt"))) ptrdiff_t rans_pop_avx2(
    rans_coder *coder, const rans_table *table, uint8_t *symbols, ptrdiff_t rounds)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i *lanes = (__m256i *)coder->x;
    __m256i x[4], s[4];
    const uint8_t *in = coder->in;
    ptrdiff_t round = 0;
    for (int i = 0; i < 4; i++)
        x[i] = _mm256_loadu_si256(lanes + i);
    for (; round < rounds && coder->end - in >= 2 * RANS_WORDS_A_ROUND; round++) {
        for (int i = 0; i < 4; i++)
            s[i] = rans_pop_8(&x[i], table, &in);
        s[0] = _mm256_packus_epi16(_mm256_packus_epi32(s[0], s[1]),
                                   _mm256_packus_epi32(s[2], s[3]));
        _mm256_storeu_si256((__m256i *)(symbols + 32 * round),
                            _mm256_permutevar8x32_epi32(s[0], order));
    }
    for (int i = 0; i < 4; i++)
        _mm256_storeu_si256(lanes + i, x[i]);
    coder->in = in;
    return round;
}

/* An alphabet to 16 has its model in one register, which a shuffle looks up faster than a gather. */
RANS_AVX512 __m512i rans_push_16(__m512i x, __m512i s, const rans_table *table, int small,
                                 __m512i models, __m512i reciprocals, __m512i *least,
                                 uint8_t **out)
{
    const __m512i model = small ? _mm512_permutexvar_epi32(s, models)
                                : _mm512_i32gather_epi32(s, table->model, 4);
    const __m512i r = small ? _mm512_permutexvar_epi32(s, reciprocals)
                            : _mm512_i32gather_epi32(s, table->reciprocal, 4);
    const __m512i f = _mm512_and_si512(model, _mm512_set1_epi32(0x3FFF));
    const __m512i c = _mm512_and_si512(_mm512_srli_epi32(model, 14), _mm512_set1_epi32(0x3FFF));
    const __mmask16 put = _mm512_cmpge_epu32_mask(x, _mm512_slli_epi32(f, 31 - 12));
    const int count = _mm_popcnt_u32(put);
    const __mmask16 top = (__mmask16)(0xFFFF0000u >> count);
    const __m512i words = _mm512_maskz_expand_epi32(top, _mm512_maskz_compress_epi32(put, x));
    __m512i even, odd, quotient;
    *least = _mm512_min_epu32(*least, model);
    _mm256_storeu_si256((__m256i *)(*out - 32), _mm512_cvtepi32_epi16(words));
    *out -= 2 * count;
    x = _mm512_mask_srli_epi32(x, put, x, 16);
    quotient = _mm512_slli_epi32(x, 1);
    even = _mm512_srli_epi64(_mm512_mul_epu32(quotient, r), 32);
    odd = _mm512_mul_epu32(_mm512_srli_epi64(quotient, 32), _mm512_srli_epi64(r, 32));
    quotient = _mm512_mask_blend_epi32(0xAAAA, even, odd);
    quotient = _mm512_srlv_epi32(quotient, _mm512_srli_epi32(model, 28));
    quotient = _mm512_mullo_epi32(quotient, _mm512_sub_epi32(_mm512_set1_epi32(1 << 12), f));
    return _mm512_add_epi32(_mm512_add_epi32(x, c), quotient);
}

RANS_AVX512 void rans_push_rounds(rans_coder *coder, const rans_table *table,
                                  const uint8_t *symbols, ptrdiff_t rounds, int small)
{
    const __mmask16 used = (__mmask16)(0xFFFF >> (small ? 16 - table->symbols : 16));
    const __m512i models = _mm512_maskz_loadu_epi32(used, table->model);
    const __m512i reciprocals = _mm512_maskz_loadu_epi32(used, table->reciprocal);
    __m512i x0 = _mm512_loadu_si512(coder->x), x1 = _mm512_loadu_si512(coder->x + 16);
    __m512i least = _mm512_set1_epi32(-1);
    uint8_t *out = coder->out;
    for (ptrdiff_t round = rounds - 1; round >= 0; round--) {
        const __m128i *from = (const __m128i *)(symbols + 32 * round);
        const __m512i s0 = _mm512_cvtepu8_epi32(_mm_loadu_si128(from));
        const __m512i s1 = _mm512_cvtepu8_epi32(_mm_loadu_si128(from + 1));
        x1 = rans_push_16(x1, s1, table, small, models, reciprocals, &least, &out);
        x0 = rans_push_16(x0, s0, table, small, models, reciprocals, &least, &out);
    }
    _mm512_storeu_si512(coder->x, x0);
    _mm512_storeu_si512(coder->x + 16, x1);
    if (_mm512_testn_epi32_mask(least, least))
        coder->least_model = 0;
    coder->out = out;
}

static __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,popcnt"))) void rans_push_avx512(
    rans_coder *coder, const rans_table *table, const uint8_t *symbols, ptrdiff_t rounds)
{
    if (table->symbols <= 16)
        rans_push_rounds(coder, table, symbols, rounds, 1);
    else
        rans_push_rounds(coder, table, symbols, rounds, 0);
}

RANS_AVX512 __m128i rans_pop_16(__m512i *x, const rans_table *table, const uint8_t **in)
{
    const __m512i low = _mm512_set1_epi32(0xFFF);
    const __m512i entry = _mm512_i32gather_epi32(_mm512_and_si512(*x, low), table->slots, 4);
    const __m512i f = _mm512_and_si512(_mm512_srli_epi32(entry, 12), low);
    const __m512i left = _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(*x, 12)),
                                          _mm512_and_si512(entry, low));
    const __mmask16 take = _mm512_cmplt_epu32_mask(left, _mm512_set1_epi32(RANS_LEAST));
    const __m512i words =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)*in));
    const __m512i spread = _mm512_maskz_expand_epi32(take, words);
    *in += 2 * _mm_popcnt_u32(take);
    *x = _mm512_or_si512(_mm512_mask_slli_epi32(left, take, left, 16), spread);
    return _mm512_cvtepi32_epi8(_mm512_srli_epi32(entry, 24));
}

static __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,popcnt"))) ptrdiff_t
rans_pop_avx512(rans_coder *coder, const rans_table *table, uint8_t *symbols, ptrdiff_t rounds)
{
    __m512i x0 = _mm512_loadu_si512(coder->x), x1 = _mm512_loadu_si512(coder->x + 16);
    const uint8_t *in = coder->in;
    ptrdiff_t round = 0;
    for (; round < rounds && coder->end - in >= 2 * RANS_WORDS_A_ROUND; round++) {
        __m128i *to = (__m128i *)(symbols + 32 * round);
        _mm_storeu_si128(to, rans_pop_16(&x0, table, &in));
        _mm_storeu_si128(to + 1, rans_pop_16(&x1, table, &in));
    }
    _mm512_storeu_si512(coder->x, x0);
    _mm512_storeu_si512(coder->x + 16, x1);
    coder->in = in;
    return round;
}

#endif
