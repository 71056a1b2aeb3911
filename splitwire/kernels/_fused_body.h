/* Quantise and tile, untile and dequantise; see _each_isa.h. */

/* Each row straight to its place; what is needed next is fetched in time, as the rows of a frame lie
 * too far apart for the processor to guess. */
TARGET static void IN(quantize_rows)(const float *x, affine_map map, float top,
                                     const mosaic_layout *m, uint8_t *frame)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const float lo = map.lo[c * map.step], scale = map.factor[c * map.step];
        uint8_t *to = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, to += m->stride) {
            PREFETCH_TO_WRITE(to + FRAME_AHEAD);
            for (ptrdiff_t i = 0; i < m->width; i += 16)
                PREFETCH(x + TENSOR_AHEAD + i);
            IN(quantize_run)(x, m->width, lo, scale, top, 0, to);
        }
    }
}

/* The end of the strip that begins at `row`: as many rows as the scratch takes, of one range. */
static ALWAYS_INLINE ptrdiff_t IN(strip_end)(ptrdiff_t row, const mosaic_layout *m, affine_map map)
{
    const ptrdiff_t stop = row + STRIP_BYTES / m->width;
    const ptrdiff_t limit = (map.step ? row / m->height + 1 : m->channels) * m->height;
    return stop < limit ? stop : limit;
}

/* Within the caches, strip by strip: whole vectors into scratch, and rows from there. */
TARGET static void IN(quantize_to_mosaic)(const float *x, affine_map map, float top,
                                          const mosaic_layout *m, uint8_t *frame)
{
    uint8_t scratch[STRIP_BYTES + LONGEST_MOVE];
    const ptrdiff_t rows = m->channels * m->height;
    if (m->width > NARROW || 5 * rows * m->width >= STREAM_BYTES) {
        IN(quantize_rows)(x, map, top, m, frame);
        return;
    }
    for (ptrdiff_t row = 0, stop; row < rows; row = stop) {
        const ptrdiff_t c = row / m->height * map.step;
        stop = IN(strip_end)(row, m, map);
        IN(quantize_run)(x + row * m->width, (stop - row) * m->width, map.lo[c], map.factor[c],
                         top, 0, scratch);
        BY_WIDTH(m->width, IN(scatter), scratch, row, stop, m, frame);
    }
}

TARGET static void IN(dequantize_rows)(const uint8_t *frame, affine_map map,
                                       const mosaic_layout *m, float *x)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const float lo = map.lo[c * map.step], step = map.factor[c * map.step];
        const uint8_t *from = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, from += m->stride)
            IN(dequantize_run)(from, m->width, lo, step, 0, x);
    }
}

/* Beyond the caches, strip by strip: rows into scratch, and from there vectors that are streamed. */
TARGET static void IN(dequantize_from_mosaic)(const uint8_t *frame, affine_map map,
                                              const mosaic_layout *m, float *x)
{
    uint8_t scratch[STRIP_BYTES + LONGEST_MOVE];
    const ptrdiff_t rows = m->channels * m->height;
    if (5 * rows * m->width < STREAM_BYTES || m->width > STRIP_BYTES) {
        IN(dequantize_rows)(frame, map, m, x);
        return;
    }
    for (ptrdiff_t row = 0, stop; row < rows; row = stop) {
        const ptrdiff_t c = row / m->height * map.step;
        stop = IN(strip_end)(row, m, map);
        BY_WIDTH(m->width, IN(gather), frame, row, stop, m, scratch);
        IN(dequantize_run)(scratch, (stop - row) * m->width, map.lo[c], map.factor[c], 1,
                           x + row * m->width);
    }
    end_stream();
}
