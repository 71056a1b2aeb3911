/* Rows of channel maps to and from their places in a mosaic; see _each_isa.h. */

/* Maps are often 7, 14 or 28 wide, where calling memcpy costs more than the copy. */
TARGET static ALWAYS_INLINE void IN(copy_row)(uint8_t *to, const uint8_t *from, ptrdiff_t n)
{
    /* two moves of a fixed size, that overlap in the middle */
    if (n > 64 || n < 4) {
        memcpy(to, from, (size_t)n);
    } else if (n >= 32) {
        memcpy(to, from, 32);
        memcpy(to + n - 32, from + n - 32, 32);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    }
}

/* Rows of one channel from where they lie together to their places in the frame, by moves of a fixed
 * size: what is written beyond a row's end belongs to channels that come later, or to nobody. `move`
 * is 0 for rows that must be copied exactly. Returns where the next channel's rows lie. */
TARGET static ALWAYS_INLINE const uint8_t *IN(scatter_rows)(const uint8_t *rows, ptrdiff_t n,
                                                            const mosaic_layout *m,
                                                            const int move, uint8_t *to)
{
    for (ptrdiff_t y = 0; y < n; y++, rows += m->width, to += m->stride) {
        PREFETCH_TO_WRITE(to + FRAME_AHEAD);
        if (move)
            memcpy(to, rows, (size_t)move);
        else
            IN(copy_row)(to, rows, m->width);
    }
    return rows;
}

/* The way back: what is written beyond a row's end is overwritten by the next row. */
TARGET static ALWAYS_INLINE uint8_t *IN(gather_rows)(const uint8_t *from, ptrdiff_t n,
                                                     const mosaic_layout *m, const int move,
                                                     uint8_t *rows)
{
    for (ptrdiff_t y = 0; y < n; y++, rows += m->width, from += m->stride) {
        PREFETCH(from + FRAME_AHEAD);
        if (move)
            memcpy(rows, from, (size_t)move);
        else
            IN(copy_row)(rows, from, m->width);
    }
    return rows;
}

/* Rows [row, stop), numbered through the tensor, to the frame. */
TARGET static ALWAYS_INLINE void IN(scatter)(const uint8_t *rows, ptrdiff_t row, ptrdiff_t stop,
                                             const mosaic_layout *m, const int move,
                                             uint8_t *frame)
{
    ptrdiff_t c = row / m->height, y = row % m->height;
    for (ptrdiff_t n; row < stop; row += n, c++, y = 0) {
        uint8_t *to = frame + row_offset(m, c, y);
        n = stop - row < m->height - y ? stop - row : m->height - y;
        rows = c % m->columns * m->width + move <= m->stride
                   ? IN(scatter_rows)(rows, n, m, move, to)
                   : IN(scatter_rows)(rows, n, m, 0, to);
    }
}

/* Rows [row, stop) from the frame. */
TARGET static ALWAYS_INLINE void IN(gather)(const uint8_t *frame, ptrdiff_t row, ptrdiff_t stop,
                                            const mosaic_layout *m, const int move, uint8_t *rows)
{
    ptrdiff_t c = row / m->height, y = row % m->height;
    for (ptrdiff_t n; row < stop; row += n, c++, y = 0) {
        const uint8_t *from = frame + row_offset(m, c, y);
        n = stop - row < m->height - y ? stop - row : m->height - y;
        rows = c % m->columns * m->width + move <= m->columns * m->width
                   ? IN(gather_rows)(from, n, m, move, rows)
                   : IN(gather_rows)(from, n, m, 0, rows);
    }
}

TARGET static void IN(tile_maps)(const uint8_t *maps, const mosaic_layout *m, uint8_t *frame)
{
    const ptrdiff_t rows = m->channels * m->height, safe = rows - rows_within(m, LONGEST_MOVE);
    BY_WIDTH(m->width, IN(scatter), maps, 0, safe, m, frame);
    IN(scatter)(maps + safe * m->width, safe, rows, m, 0, frame);
}

TARGET static void IN(untile_maps)(const uint8_t *frame, const mosaic_layout *m, uint8_t *maps)
{
    const ptrdiff_t rows = m->channels * m->height, safe = rows - rows_within(m, LONGEST_MOVE);
    BY_WIDTH(m->width, IN(gather), frame, 0, safe, m, maps);
    IN(gather)(frame, safe, rows, m, 0, maps + safe * m->width);
}
