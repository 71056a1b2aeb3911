/* Rows of channel maps to and from their places in a mosaic.
 *
 * A "row" is W samples of one map; rows are numbered through the tensor, c * H + y, which is also
 * their order in memory. In the frame, channel c stands at grid place divmod(c, columns). */

#ifndef SPLITWIRE_MOSAIC_H
#define SPLITWIRE_MOSAIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EMPTY_PLACE 128

typedef struct {
    ptrdiff_t channels, height, width; /* of the tensor */
    ptrdiff_t columns;                 /* of the grid */
    ptrdiff_t stride;                  /* from a row of the frame to the next, in bytes */
} mosaic_layout;

/* Maps are often 7, 14 or 28 wide, where calling memcpy costs more than the copy: two fixed-size
 * moves that overlap in the middle do it without a loop. */
static inline void copy_row(uint8_t *to, const uint8_t *from, ptrdiff_t n)
{
    if (n > 32 || n < 4) {
        memcpy(to, from, (size_t)n);
    } else if (n >= 16) {
        struct { uint64_t half[2]; } head, tail;
        memcpy(&head, from, 16);
        memcpy(&tail, from + n - 16, 16);
        memcpy(to, &head, 16);
        memcpy(to + n - 16, &tail, 16);
    } else if (n >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + n - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + n - 8, &tail, 8);
    } else {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + n - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + n - 4, &tail, 4);
    }
}

/* Where row y of channel c begins, as an offset into the frame. */
static inline ptrdiff_t row_offset(const mosaic_layout *m, ptrdiff_t c, ptrdiff_t y)
{
    return (c / m->columns * m->height + y) * m->stride + c % m->columns * m->width;
}

/* Copy the rows [first, last) from `rows`, where they lie one after another, into the frame. */
static void scatter_rows(const uint8_t *rows, ptrdiff_t first, ptrdiff_t last,
                         const mosaic_layout *m, uint8_t *frame)
{
    while (first < last) {
        ptrdiff_t c = first / m->height, y = first % m->height;
        ptrdiff_t stop = last < (c + 1) * m->height ? last : (c + 1) * m->height;
        uint8_t *to = frame + row_offset(m, c, y);
        for (; first < stop; first++, rows += m->width, to += m->stride)
            copy_row(to, rows, m->width);
    }
}

/* Copy the rows [first, last) out of the frame, one after another, to `rows`. */
static void gather_rows(const uint8_t *frame, ptrdiff_t first, ptrdiff_t last,
                        const mosaic_layout *m, uint8_t *rows)
{
    while (first < last) {
        ptrdiff_t c = first / m->height, y = first % m->height;
        ptrdiff_t stop = last < (c + 1) * m->height ? last : (c + 1) * m->height;
        const uint8_t *from = frame + row_offset(m, c, y);
        for (; first < stop; first++, rows += m->width, from += m->stride)
            copy_row(rows, from, m->width);
    }
}

/* Fill what no channel covers: the empty places at the end of the grid's last row, then the padding
 * to the right and below, which repeats the last sample of each row and the last row. */
static void finish_frame(const mosaic_layout *m, ptrdiff_t frame_height, uint8_t *frame)
{
    ptrdiff_t grid_rows = (m->channels + m->columns - 1) / m->columns;
    ptrdiff_t height = grid_rows * m->height, width = m->columns * m->width;
    ptrdiff_t empty = (grid_rows * m->columns - m->channels) * m->width;
    if (empty > 0)
        for (ptrdiff_t y = height - m->height; y < height; y++)
            memset(frame + y * m->stride + width - empty, EMPTY_PLACE, (size_t)empty);
    if (m->stride > width)
        for (ptrdiff_t y = 0; y < height; y++) {
            uint8_t *end = frame + y * m->stride + width;
            memset(end, end[-1], (size_t)(m->stride - width));
        }
    for (ptrdiff_t y = height; y < frame_height; y++)
        memcpy(frame + y * m->stride, frame + (height - 1) * m->stride, (size_t)m->stride);
}

#endif
