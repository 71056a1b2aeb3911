/* Quantise and dequantise a run of memory; see _each_isa.h. */

#if VECTOR_BYTES
#define STEP VECTOR_BYTES /* codes at a time: a vector of them */
#define FLOATS_IN_VECTOR (VECTOR_BYTES / 4)

/* The two halves of a vector, or its first two quarters, to two places. */
TARGET static ALWAYS_INLINE void IN(store_halves)(uint8_t *p, uint8_t *q, INTS v)
{
#if VECTOR_BYTES == 64
    _mm256_storeu_si256((__m256i *)p, _mm512_castsi512_si256(v));
    _mm256_storeu_si256((__m256i *)q, _mm512_extracti64x4_epi64(v, 1));
#else
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)q, _mm256_extracti128_si256(v, 1));
#endif
}

TARGET static ALWAYS_INLINE void IN(store_quarters)(uint8_t *p, uint8_t *q, INTS v)
{
#if VECTOR_BYTES == 64
    store_halves_avx2(p, q, _mm512_castsi512_si256(v));
#else
    const __m128i both = _mm256_castsi256_si128(v);
    _mm_storel_epi64((__m128i *)p, both);
    _mm_storel_epi64((__m128i *)q, _mm_unpackhi_epi64(both, both));
#endif
}

#if VECTOR_BYTES == 32
/* Fewer than 8 codes, as narrow maps have in a row; larger vectors leave them to this one. */
TARGET static ALWAYS_INLINE __m128i four_steps(__m128 x, __m128 lo, __m128 scale, __m128 top)
{
    return _mm_cvtps_epi32(_mm_min_ps(top, _mm_mul_ps(_mm_sub_ps(x, lo), scale)));
}

TARGET static ALWAYS_INLINE void quantize_tiny(const float *x, ptrdiff_t n, __m128 lo,
                                               __m128 scale, __m128 top, uint8_t *codes)
{
    if (n >= 4) {
        __m128i a = four_steps(_mm_loadu_ps(x), lo, scale, top);
        __m128i b = four_steps(_mm_loadu_ps(x + n - 4), lo, scale, top);
        uint64_t both = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(_mm_packs_epi32(a, b), a));
        uint32_t first = (uint32_t)both, last = (uint32_t)(both >> 32);
        memcpy(codes, &first, 4);
        memcpy(codes + n - 4, &last, 4);
    } else {
        for (ptrdiff_t i = 0; i < n; i++) {
            __m128i a = four_steps(_mm_load_ss(x + i), lo, scale, top);
            codes[i] = (uint8_t)_mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(a, a), a));
        }
    }
}

TARGET static ALWAYS_INLINE __m128 four_values(const uint8_t *codes, float lo, float step)
{
    int32_t four;
    __m128 value;
    memcpy(&four, codes, 4);
    value = _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
    return _mm_add_ps(_mm_set1_ps(lo), _mm_mul_ps(value, _mm_set1_ps(step)));
}

TARGET static ALWAYS_INLINE void dequantize_tiny(const uint8_t *codes, ptrdiff_t n, float lo,
                                                 float step, float *x)
{
    if (n >= 4) {
        _mm_storeu_ps(x, four_values(codes, lo, step));
        _mm_storeu_ps(x + n - 4, four_values(codes + n - 4, lo, step));
    } else {
        for (ptrdiff_t i = 0; i < n; i++)
            x[i] = lo + (float)codes[i] * step;
    }
}
#endif

/* The comparison stands so that a NaN stays one; it and what lies far below then become INT32_MIN,
 * which saturates to 0 on the way to a byte. */
TARGET static ALWAYS_INLINE INTS IN(to_steps)(FLOATS x, FLOATS lo, FLOATS scale, FLOATS top)
{
    /* 1 * x - lo is x - lo, on the pipes for products while those for sums are busy */
    FLOATS above = V(fmsub_ps)(x, V(set1_ps)(1.0f), lo);
    return V(cvtps_epi32)(V(min_ps)(top, V(mul_ps)(above, scale)));
}

/* The integers of four vectors as bytes of one, in order. */
TARGET static ALWAYS_INLINE INTS IN(to_bytes)(INTS a, INTS b, INTS c, INTS d)
{
    INTS packed = V(packus_epi16)(V(packs_epi32)(a, b), V(packs_epi32)(c, d));
#if VECTOR_BYTES == 64 /* packing works within 16 bytes: put their quarters in order */
    const INTS order = V(setr_epi32)(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return V(permutexvar_epi32)(order, packed);
#else
    return V(permutevar8x32_epi32)(packed, V(setr_epi32)(0, 4, 1, 5, 2, 6, 3, 7));
#endif
}

#define STEPS_AT(k) IN(to_steps)(V(loadu_ps)(x + (k) * FLOATS_IN_VECTOR), lo, scale, top)

TARGET static ALWAYS_INLINE INTS IN(quantize_step)(const float *x, FLOATS lo, FLOATS scale,
                                                   FLOATS top)
{
    return IN(to_bytes)(STEPS_AT(0), STEPS_AT(1), STEPS_AT(2), STEPS_AT(3));
}

/* Fewer codes than a step: two halves or quarters of one, that overlap in the middle. */
TARGET static ALWAYS_INLINE void IN(quantize_few)(const float *x, ptrdiff_t n, FLOATS lo,
                                                  FLOATS scale, FLOATS top, uint8_t *codes)
{
    if (n >= STEP / 2) {
        INTS a = STEPS_AT(0), b = STEPS_AT(1);
        x += n - STEP / 2;
        IN(store_halves)(codes, codes + n - STEP / 2, IN(to_bytes)(a, b, STEPS_AT(0), STEPS_AT(1)));
    } else if (n >= STEP / 4) {
        INTS a = STEPS_AT(0), b;
        x += n - STEP / 4;
        b = STEPS_AT(0);
        IN(store_quarters)(codes, codes + n - STEP / 4, IN(to_bytes)(a, b, a, b));
    } else {
#if VECTOR_BYTES == 64
        quantize_few_avx2(x, n, _mm512_castps512_ps256(lo), _mm512_castps512_ps256(scale),
                          _mm512_castps512_ps256(top), codes);
#else
        quantize_tiny(x, n, _mm256_castps256_ps128(lo), _mm256_castps256_ps128(scale),
                      _mm256_castps256_ps128(top), codes);
#endif
    }
}
#undef STEPS_AT

/* Whole steps, then one more that ends where the run ends: what it does twice comes out the same.
 * A streamed run is whole steps from the first aligned byte on. */
TARGET static ALWAYS_INLINE void IN(quantize_run)(const float *x, ptrdiff_t n, float lo,
                                                  float scale, float top, int stream,
                                                  uint8_t *codes)
{
    const FLOATS los = V(set1_ps)(lo), scales = V(set1_ps)(scale), tops = V(set1_ps)(top);
    ptrdiff_t i = 0;
    if (n < STEP) {
        IN(quantize_few)(x, n, los, scales, tops, codes);
        return;
    }
    if (stream) {
        WHOLE(storeu)((INTS *)codes, IN(quantize_step)(x, los, scales, tops));
        for (i = -(intptr_t)codes & (STEP - 1); i + STEP <= n; i += STEP)
            WHOLE(stream)((INTS *)(codes + i), IN(quantize_step)(x + i, los, scales, tops));
    } else {
        for (; i + STEP <= n; i += STEP)
            WHOLE(storeu)((INTS *)(codes + i), IN(quantize_step)(x + i, los, scales, tops));
    }
    if (i < n)
        WHOLE(storeu)((INTS *)(codes + n - STEP),
                      IN(quantize_step)(x + n - STEP, los, scales, tops));
}

TARGET static ALWAYS_INLINE FLOATS IN(to_values)(const uint8_t *codes, FLOATS lo, FLOATS step)
{
#if VECTOR_BYTES == 64
    INTS wide = V(cvtepu8_epi32)(_mm_loadu_si128((const __m128i *)codes));
#else
    INTS wide = V(cvtepu8_epi32)(_mm_loadl_epi64((const __m128i *)codes));
#endif
    return V(add_ps)(lo, V(mul_ps)(V(cvtepi32_ps)(wide), step));
}

TARGET static ALWAYS_INLINE void IN(dequantize_run)(const uint8_t *codes, ptrdiff_t n, float lo,
                                                    float step, int stream, float *x)
{
    const FLOATS los = V(set1_ps)(lo), steps = V(set1_ps)(step);
    const ptrdiff_t size = FLOATS_IN_VECTOR;
    ptrdiff_t i = 0;
    if (n < size) {
#if VECTOR_BYTES == 64
        dequantize_run_avx2(codes, n, lo, step, 0, x);
#else
        dequantize_tiny(codes, n, lo, step, x);
#endif
        return;
    }
    if (stream) {
        V(storeu_ps)(x, IN(to_values)(codes, los, steps));
        for (i = (-(intptr_t)x & (VECTOR_BYTES - 1)) / 4; i + size <= n; i += size)
            V(stream_ps)(x + i, IN(to_values)(codes + i, los, steps));
    } else {
        for (; i + 4 * size <= n; i += 4 * size)
            for (int k = 0; k < 4; k++)
                V(storeu_ps)(x + i + k * size, IN(to_values)(codes + i + k * size, los, steps));
        for (; i + size <= n; i += size)
            V(storeu_ps)(x + i, IN(to_values)(codes + i, los, steps));
    }
    if (i < n)
        V(storeu_ps)(x + n - size, IN(to_values)(codes + n - size, los, steps));
}

#undef STEP
#undef FLOATS_IN_VECTOR
#else

/* The comparisons stand so that a NaN, which compares false, becomes 0. */
static ALWAYS_INLINE void IN(quantize_run)(const float *x, ptrdiff_t n, float lo, float scale,
                                           float top, int stream, uint8_t *codes)
{
    (void)stream;
    for (ptrdiff_t i = 0; i < n; i++) {
        float v = (x[i] - lo) * scale;
        uint32_t pattern;
        v = v > 0.0f ? v : 0.0f;
        v = v < top ? v : top;
        v += ROUNDING_BIAS;
        memcpy(&pattern, &v, sizeof pattern);
        codes[i] = (uint8_t)pattern;
    }
}

static ALWAYS_INLINE void IN(dequantize_run)(const uint8_t *codes, ptrdiff_t n, float lo,
                                             float step, int stream, float *x)
{
    (void)stream;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = lo + (float)codes[i] * step;
}
#endif

TARGET static void IN(quantize_channels)(const float *x, ptrdiff_t channels, ptrdiff_t plane,
                                         affine_map map, float top, uint8_t *codes)
{
    const int stream = 5 * channels * plane >= STREAM_BYTES;
    if (map.step == 0) {
        plane *= channels;
        channels = 1;
    }
    for (ptrdiff_t c = 0; c < channels; c++)
        IN(quantize_run)(x + c * plane, plane, map.lo[c], map.factor[c], top, stream,
                         codes + c * plane);
    if (stream)
        end_stream();
}

TARGET static void IN(dequantize_channels)(const uint8_t *codes, ptrdiff_t channels,
                                           ptrdiff_t plane, affine_map map, float *x)
{
    const int stream = 5 * channels * plane >= STREAM_BYTES;
    if (map.step == 0) {
        plane *= channels;
        channels = 1;
    }
    for (ptrdiff_t c = 0; c < channels; c++)
        IN(dequantize_run)(codes + c * plane, plane, map.lo[c], map.factor[c], stream,
                           x + c * plane);
    if (stream)
        end_stream();
}
