/* Quantise and tile, untile and dequantise, in strips that stay in the first-level cache.
 *
 * A strip is as many rows of the tensor as fit the scratch: across channels while one range serves
 * them all, up to the channel's end where each has its own. */

#ifndef SPLITWIRE_FUSED_H
#define SPLITWIRE_FUSED_H

#include "_mosaic.h"
#include "_quantize.h"

#define SCRATCH_BYTES 4096

/* The row after the last of the strip that begins at `row` (which may be less than one row long). */
static inline ptrdiff_t strip_end(const mosaic_layout *m, affine_map map, ptrdiff_t row)
{
    ptrdiff_t limit = map.step ? (row / m->height + 1) * m->height : m->channels * m->height;
    ptrdiff_t end = row + SCRATCH_BYTES / m->width;
    return end < limit ? end : limit;
}

static void quantize_to_mosaic(const float *x, affine_map map, float top, const mosaic_layout *m,
                               uint8_t *frame)
{
    uint8_t scratch[SCRATCH_BYTES];
    for (ptrdiff_t row = 0; row < m->channels * m->height;) {
        ptrdiff_t end = strip_end(m, map, row), c = row / m->height;
        float lo = map.lo[c * map.step], scale = map.factor[c * map.step];
        if (end > row) {
            quantize_run(x + row * m->width, (end - row) * m->width, lo, scale, top, scratch);
            scatter_rows(scratch, row, end, m, frame);
            row = end;
        } else { /* a row is longer than the scratch, and so long enough to go straight there */
            quantize_run(x + row * m->width, m->width, lo, scale, top,
                         frame + row_offset(m, c, row % m->height));
            row++;
        }
    }
}

static void dequantize_from_mosaic(const uint8_t *frame, affine_map map, const mosaic_layout *m,
                                   float *x)
{
    uint8_t scratch[SCRATCH_BYTES];
    for (ptrdiff_t row = 0; row < m->channels * m->height;) {
        ptrdiff_t end = strip_end(m, map, row), c = row / m->height;
        float lo = map.lo[c * map.step], step = map.factor[c * map.step];
        if (end > row) {
            gather_rows(frame, row, end, m, scratch);
            dequantize_run(scratch, (end - row) * m->width, lo, step, x + row * m->width);
            row = end;
        } else {
            dequantize_run(frame + row_offset(m, c, row % m->height), m->width, lo, step,
                           x + row * m->width);
            row++;
        }
    }
}

#endif
