/* The affine map between float32 features and codes, one run of memory at a time. */

#ifndef SPLITWIRE_QUANTIZE_H
#define SPLITWIRE_QUANTIZE_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error "splitwire needs float arithmetic in float precision (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

/* One (lo, factor) for all channels (step 0) or one for each (step 1). */
typedef struct {
    const float *lo;
    const float *factor;
    ptrdiff_t step;
} affine_map;

/* Added to v in [0, 255], this leaves rint(v) in the low bits of the mantissa: there the spacing of
 * floats is 1, and the addition rounds half to even. Unlike rintf it is one instruction anywhere. */
#define ROUNDING_BIAS 12582912.0f

/* The comparisons stand so that a NaN, which compares false, becomes 0. */
static inline void quantize_run(const float *x, ptrdiff_t n, float lo, float scale, float top,
                                uint8_t *codes)
{
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

static inline void dequantize_run(const uint8_t *codes, ptrdiff_t n, float lo, float step, float *x)
{
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = lo + (float)codes[i] * step;
}

static void quantize_channels(const float *x, ptrdiff_t channels, ptrdiff_t plane, affine_map map,
                              float top, uint8_t *codes)
{
    if (map.step == 0) {
        quantize_run(x, channels * plane, *map.lo, *map.factor, top, codes);
        return;
    }
    for (ptrdiff_t c = 0; c < channels; c++)
        quantize_run(x + c * plane, plane, map.lo[c], map.factor[c], top, codes + c * plane);
}

static void dequantize_channels(const uint8_t *codes, ptrdiff_t channels, ptrdiff_t plane,
                                affine_map map, float *x)
{
    if (map.step == 0) {
        dequantize_run(codes, channels * plane, *map.lo, *map.factor, x);
        return;
    }
    for (ptrdiff_t c = 0; c < channels; c++)
        dequantize_run(codes + c * plane, plane, map.lo[c], map.factor[c], x + c * plane);
}

#endif
