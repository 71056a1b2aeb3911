/* Quantise and tile, untile and dequantise; see _each_isa.h. */

/* Copy memory past the caches, all but its ends. */
TARGET static inline void IN(stream_copy)(uint8_t *to, const uint8_t *from, ptrdiff_t n)
{
#if VECTOR_BYTES
    ptrdiff_t i = -(intptr_t)to & (VECTOR_BYTES - 1);
    if (i + VECTOR_BYTES <= n) {
        memcpy(to, from, (size_t)i);
        for (; i + VECTOR_BYTES <= n; i += VECTOR_BYTES)
            WHOLE(stream)((INTS *)(to + i), WHOLE(loadu)((const INTS *)(from + i)));
        to += i, from += i, n -= i;
    }
#endif
    memcpy(to, from, (size_t)n);
}

/* Each row straight to its place. */
TARGET static void IN(quantize_rows)(const float *x, affine_map map, float top,
                                     const mosaic_layout *m, uint8_t *frame)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const float lo = map.lo[c * map.step], scale = map.factor[c * map.step];
        uint8_t *to = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, to += m->stride)
            IN(quantize_run)(x, m->width, lo, scale, top, 0, to);
    }
}

/* Rows of a few neighbouring channels at a time, as a small mosaic whose rows are long enough to
 * stream. */
TARGET static void IN(quantize_bands)(const float *x, affine_map map, float top,
                                      const mosaic_layout *m, uint8_t *frame)
{
    uint8_t scratch[BAND_BYTES];
    const ptrdiff_t band = band_channels(m), most = BAND_BYTES / (band * m->width);
    for (ptrdiff_t c = 0, last; c < m->channels; c = last) {
        const ptrdiff_t place = c % m->columns;
        last = place + band < m->columns ? c + band : c - place + m->columns;
        last = last < m->channels ? last : m->channels;
        for (ptrdiff_t y = 0, stop; y < m->height; y = stop) {
            uint8_t *to = frame + row_offset(m, c, y);
            const ptrdiff_t stride = (last - c) * m->width;
            stop = y + most < m->height ? y + most : m->height;
            for (ptrdiff_t k = c; k < last; k++) {
                const float *from = x + (k * m->height + y) * m->width;
                uint8_t *row = scratch + (k - c) * m->width;
                const float lo = map.lo[k * map.step], scale = map.factor[k * map.step];
                for (ptrdiff_t r = y; r < stop; r++, row += stride, from += m->width)
                    IN(quantize_run)(from, m->width, lo, scale, top, 0, row);
            }
            for (ptrdiff_t r = y; r < stop; r++, to += m->stride)
                IN(stream_copy)(to, scratch + (r - y) * stride, stride);
        }
    }
    end_stream();
}

TARGET static void IN(quantize_to_mosaic)(const float *x, affine_map map, float top,
                                          const mosaic_layout *m, uint8_t *frame)
{
    if (5 * m->channels * m->height * m->width >= STREAM_BYTES && m->width <= 1024)
        IN(quantize_bands)(x, map, top, m, frame);
    else
        IN(quantize_rows)(x, map, top, m, frame);
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
            PREFETCH(from + AHEAD_BYTES);
            IN(gather_row)(to, from, m->width, end);
        }
    }
}

/* In strips of rows: across channels while one range serves them all, else up to a channel's end.
 * A row too long for the scratch is long enough to be taken from where it is. */
TARGET static void IN(dequantize_from_mosaic)(const uint8_t *frame, affine_map map,
                                              const mosaic_layout *m, float *x)
{
    uint8_t scratch[STRIP_BYTES + 64];
    const ptrdiff_t rows = m->channels * m->height, most = STRIP_BYTES / m->width;
    const uint8_t *end = frame + row_offset(m, m->channels - 1, m->height - 1) + m->width;
    const int stream = 5 * rows * m->width >= STREAM_BYTES;
    if (!stream) {
        for (ptrdiff_t c = 0; c < m->channels; c++) {
            const float lo = map.lo[c * map.step], step = map.factor[c * map.step];
            const uint8_t *from = frame + row_offset(m, c, 0);
            for (ptrdiff_t y = 0; y < m->height; y++, x += m->width, from += m->stride)
                IN(dequantize_run)(from, m->width, lo, step, 0, x);
        }
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
