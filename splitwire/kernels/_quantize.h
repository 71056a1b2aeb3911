/* The affine map between float32 features and codes. */

#ifndef SPLITWIRE_QUANTIZE_H
#define SPLITWIRE_QUANTIZE_H

#include <float.h>

#include "_isa.h"

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

#define BODY "_quantize_body.h"
#include "_each_isa.h"

static void (*const quantize_channels[])(const float *, ptrdiff_t, ptrdiff_t, affine_map, float,
                                         uint8_t *) = BODIES(quantize_channels);
static void (*const dequantize_channels[])(const uint8_t *, ptrdiff_t, ptrdiff_t, affine_map,
                                           float *) = BODIES(dequantize_channels);

#endif
