/* `_rans8.h` in vectors of 8 lanes: whole rounds of 64 symbols. */

#ifndef SPLITWIRE_RANS8_AVX2_H
#define SPLITWIRE_RANS8_AVX2_H

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

/* The quotient: in float32, x and f are exact, and a quotient below 2^16 that is no integer is further
 * from the next one than it is rounded. */
RANS_AVX2 uint8_t *rans8_push_8(uint32_t *lanes, const rans8_model *model, const uint8_t *symbols,
                                __m256i *least, uint8_t *out)
{
    const __m256i byte = _mm256_set1_epi32(0xFF);
    const __m256i s = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)symbols));
    const __m256i code = _mm256_i32gather_epi32((const int *)model->code, s, 4);
    const __m256i f = _mm256_and_si256(code, byte), c = _mm256_srli_epi32(code, 8);
    const __m256i old = _mm256_loadu_si256((const __m256i *)lanes);
    const __m256i keep = _mm256_cmpgt_epi32(f, _mm256_srli_epi32(old, 16));
    const int put = 255 & ~_mm256_movemask_ps(_mm256_castsi256_ps(keep));
    const __m256i low = _mm256_and_si256(old, byte);
    const __m256i x = _mm256_blendv_epi8(_mm256_srli_epi32(old, 8), old, keep);
    const __m256i quotient =
        _mm256_cvttps_epi32(_mm256_div_ps(_mm256_cvtepi32_ps(x), _mm256_cvtepi32_ps(f)));
    const __m256i grown = _mm256_mullo_epi32(quotient, _mm256_sub_epi32(_mm256_set1_epi32(256), f));
    __m128i words = _mm256_castsi256_si128(
        _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08));
    words = _mm_shuffle_epi8(words, _mm_loadu_si128((__m128i *)rans_gathered[put]));
    _mm_storel_epi64((__m128i *)(out - 8), _mm_packus_epi16(words, words));
    *least = _mm256_min_epu32(*least, code);
    _mm256_storeu_si256(
        (__m256i *)lanes,
        _mm256_add_epi32(_mm256_add_epi32(x, grown), _mm256_and_si256(c, byte)));
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

#endif
