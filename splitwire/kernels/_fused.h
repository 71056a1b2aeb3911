/* Quantise and tile, untile and dequantise, each in one pass over memory. */

#ifndef SPLITWIRE_FUSED_H
#define SPLITWIRE_FUSED_H

#include "_mosaic.h"
#include "_quantize.h"

#define NARROW 32 /* up to which width rows go through scratch within the caches */
#define STRIP_BYTES 2048 /* of codes: their values, four times as many, stay in the first cache */

#define BODY "_fused_body.h"
#include "_each_isa.h"

static void (*const quantize_to_mosaic[])(const float *, affine_map, float, const mosaic_layout *,
                                          uint8_t *) = BODIES(quantize_to_mosaic);
static void (*const dequantize_from_mosaic[])(const uint8_t *, affine_map, const mosaic_layout *,
                                              float *) = BODIES(dequantize_from_mosaic);

#endif
