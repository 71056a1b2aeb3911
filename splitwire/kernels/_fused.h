/* Quantise and tile, untile and dequantise, each in one pass over memory. */

#ifndef SPLITWIRE_FUSED_H
#define SPLITWIRE_FUSED_H

#include "_mosaic.h"
#include "_quantize.h"

#ifndef STRIP_BYTES
#define STRIP_BYTES 1024 /* of codes: their values, four times as many, stay in the first cache */
#endif
#ifndef BAND_BYTES
#define BAND_BYTES 8192
#define BAND_WIDTH 512
#endif
#ifndef AHEAD_BYTES
#define AHEAD_BYTES 256 /* how far ahead in a row of the frame to fetch what the next maps need */
#endif

/* How many neighbouring channels of a mosaic make a band: as many as fill whole lines of the cache
 * (64 bytes), about BAND_WIDTH in all. */
static inline ptrdiff_t band_channels(const mosaic_layout *m)
{
    ptrdiff_t whole = 64, most = BAND_WIDTH / m->width;
    while (whole > 1 && m->width * (whole / 2) % 64 == 0)
        whole /= 2;
    return most > whole ? most - most % whole : whole;
}

#define BODY "_fused_body.h"
#include "_each_isa.h"

static void (*const quantize_to_mosaic[])(const float *, affine_map, float, const mosaic_layout *,
                                          uint8_t *) = BODIES(quantize_to_mosaic);
static void (*const dequantize_from_mosaic[])(const uint8_t *, affine_map, const mosaic_layout *,
                                              float *) = BODIES(dequantize_from_mosaic);

#endif
