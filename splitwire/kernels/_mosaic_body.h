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

TARGET static void IN(tile_maps)(const uint8_t *maps, const mosaic_layout *m, uint8_t *frame)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        uint8_t *to = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, maps += m->width, to += m->stride) {
            PREFETCH_TO_WRITE(to + FRAME_AHEAD);
            IN(copy_row)(to, maps, m->width);
        }
    }
}

TARGET static void IN(untile_maps)(const uint8_t *frame, const mosaic_layout *m, uint8_t *maps)
{
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const uint8_t *from = frame + row_offset(m, c, 0);
        for (ptrdiff_t y = 0; y < m->height; y++, maps += m->width, from += m->stride) {
            PREFETCH(from + FRAME_AHEAD);
            IN(copy_row)(maps, from, m->width);
        }
    }
}
