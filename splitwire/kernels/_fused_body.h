/* Quantise and tile, untile and dequantise; see _each_isa.h. */

/* Each row straight to its place. Beyond the caches (`far`) what is needed next is fetched in time:
 * the rows of a frame lie too far apart for the processor to guess. */
TARGET static ALWAYS_INLINE void IN(quantize_rows)(const float *x, affine_map map, float top,
                                                   const mosaic_layout *m, const int far,
                                                   uint8_t *frame)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const float lo = map.lo[c * map.step], scale = map.factor[c * map.step];
        uint8_t *to = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, to += m->stride) {
            if (far) {
                PREFETCH_TO_WRITE(to + FRAME_AHEAD);
                for (ptrdiff_t i = 0; i < m->width; i += 16)
                    PREFETCH(x + TENSOR_AHEAD + i);
            }
            IN(quantize_run)(x, m->width, lo, scale, top, 0, to);
        }
    }
}

TARGET static void IN(quantize_to_mosaic)(const float *x, affine_map map, float top,
                                          const mosaic_layout *m, uint8_t *frame)
{
    if (5 * m->channels * m->height * m->width >= STREAM_BYTES)
        IN(quantize_rows)(x, map, top, m, 1, frame);
    else
        IN(quantize_rows)(x, map, top, m, 0, frame);
}

/* A row into scratch, where what is written beyond its end is overwritten by the next. */
TARGET static ALWAYS_INLINE void IN(gather_row)(uint8_t *to, const uint8_t *from, ptrdiff_t n,
                                                const uint8_t *end)
{
    if (n > 64 || end - from < 64)
        IN(copy_row)(to, from, n);
    else if (n > 32)
        memcpy(to, from, 64);
    else if (n > 16)
        memcpy(to, from, 32);
    else
        memcpy(to, from, 16);
}

/* Copy the rows [row, stop), numbered through the tensor, out of the frame to `to`. */
TARGET static ALWAYS_INLINE void IN(gather_rows)(const uint8_t *frame, ptrdiff_t row,
                                                 ptrdiff_t stop, const mosaic_layout *m,
                                                 const uint8_t *end, uint8_t *to)
{
    while (row < stop) {
        const ptrdiff_t c = row / m->height, y = row % m->height;
        const ptrdiff_t pause = stop < (c + 1) * m->height ? stop : (c + 1) * m->height;
        const uint8_t *from = frame + row_offset(m, c, y);
        for (; row < pause; row++, from += m->stride, to += m->width) {
            PREFETCH(from + FRAME_AHEAD);
            IN(gather_row)(to, from, m->width, end);
        }
    }
}

TARGET static ALWAYS_INLINE void IN(dequantize_rows)(const uint8_t *frame, affine_map map,
                                                     const mosaic_layout *m, float *x)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const float lo = map.lo[c * map.step], step = map.factor[c * map.step];
        const uint8_t *from = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, from += m->stride)
            IN(dequantize_run)(from, m->width, lo, step, 0, x);
    }
}

/* Within the caches each row straight from its place; beyond them in strips that are long enough to
 * stream: across channels while one range serves them all, else up to a channel's end. A row too
 * long for the scratch is long enough to be taken from where it is. */
TARGET static void IN(dequantize_from_mosaic)(const uint8_t *frame, affine_map map,
                                              const mosaic_layout *m, float *x)
{
    uint8_t scratch[STRIP_BYTES + 64];
    const ptrdiff_t rows = m->channels * m->height, most = STRIP_BYTES / m->width;
    const uint8_t *end = frame + row_offset(m, m->channels - 1, m->height - 1) + m->width;
    const int stream = 5 * rows * m->width >= STREAM_BYTES;
    if (!stream) {
        IN(dequantize_rows)(frame, map, m, x);
        return;
    }
    for (ptrdiff_t row = 0, stop; row < rows; row = stop) {
        const ptrdiff_t c = row / m->height, limit = map.step ? (c + 1) * m->height : rows;
        const float lo = map.lo[c * map.step], step = map.factor[c * map.step];
        const uint8_t *codes = scratch;
        if (most == 0) {
            stop = row + 1;
            codes = frame + row_offset(m, c, row % m->height);
        } else {
            stop = row + most < limit ? row + most : limit;
            IN(gather_rows)(frame, row, stop, m, end, scratch);
        }
        IN(dequantize_run)(codes, (stop - row) * m->width, lo, step, stream, x + row * m->width);
    }
    if (stream)
        end_stream();
}
