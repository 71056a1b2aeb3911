/* The channels of a tensor to and from a mosaic.
 *
 * A "row" is W samples of one map. In the frame, channel c stands at grid place divmod(c, columns).
 */

#ifndef SPLITWIRE_MOSAIC_H
#define SPLITWIRE_MOSAIC_H

#include <math.h>

#include "_isa.h"

#define EMPTY_PLACE 128

typedef struct {
    ptrdiff_t channels, height, width; /* of the tensor */
    ptrdiff_t columns;                 /* of the grid */
    ptrdiff_t stride;                  /* from a row of the frame to the next, in bytes */
} mosaic_layout;

/* Columns of the grid that makes the frame about square: `grid` of arguments.py, for sizes whose
 * products are below 2**52. */
static inline ptrdiff_t grid_columns(ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width)
{
    const ptrdiff_t square = channels * width / height;
    ptrdiff_t rows = (ptrdiff_t)sqrt((double)square); /* exact enough to be the integer root */
    rows = rows < 1 ? 1 : rows < channels ? rows : channels;
    return (channels + rows - 1) / rows;
}

static inline ptrdiff_t grid_rows(const mosaic_layout *m)
{
    return (m->channels + m->columns - 1) / m->columns;
}

/* Where row y of channel c begins, as an offset into the frame. */
static inline ptrdiff_t row_offset(const mosaic_layout *m, ptrdiff_t c, ptrdiff_t y)
{
    return (c / m->columns * m->height + y) * m->stride + c % m->columns * m->width;
}

#define LONGEST_MOVE 64 /* bytes of a row that one move takes */

/* How many rows at the tensor's end lie, or begin, within so many bytes of it. */
static inline ptrdiff_t rows_within(const mosaic_layout *m, ptrdiff_t bytes)
{
    const ptrdiff_t rows = m->channels * m->height, near = (bytes + m->width - 1) / m->width;
    return near < rows ? near : rows;
}

/* `function`, told how many bytes one move of a row takes: 0 where a row is longer than any. */
#define BY_WIDTH(width, function, from, row, stop, m, to) \
    do { \
        if ((width) > LONGEST_MOVE) \
            function(from, row, stop, m, 0, to); \
        else if ((width) > 32) \
            function(from, row, stop, m, LONGEST_MOVE, to); \
        else if ((width) > 16) \
            function(from, row, stop, m, 32, to); \
        else if ((width) > 8) \
            function(from, row, stop, m, 16, to); \
        else \
            function(from, row, stop, m, 8, to); \
    } while (0)

#define BODY "_mosaic_body.h"
#include "_each_isa.h"

static void (*const tile_maps[])(const uint8_t *, const mosaic_layout *, uint8_t *) =
    BODIES(tile_maps);
static void (*const untile_maps[])(const uint8_t *, const mosaic_layout *, uint8_t *) =
    BODIES(untile_maps);

/* Fill what no channel covers: the empty places at the end of the grid's last row, then the padding
 * to the right and below, which repeats the last sample of each row and the last row. */
static inline void finish_frame(const mosaic_layout *m, ptrdiff_t frame_height, uint8_t *frame)
{
    ptrdiff_t rows = grid_rows(m);
    ptrdiff_t height = rows * m->height, width = m->columns * m->width;
    ptrdiff_t empty = (rows * m->columns - m->channels) * m->width;
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
