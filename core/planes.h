/* Tensors of any rank as planes C×H×W: see docs/bitstream.md, "Planes". */

#ifndef SPLITWIRE_CORE_PLANES_H
#define SPLITWIRE_CORE_PLANES_H

#include "arena.h"

typedef struct {
    ptrdiff_t channels, height, width, size; /* size: all of them */
} planes_shape;

static planes_shape planes_of(int rank, const uint32_t *shape)
{
    planes_shape made = {1, 1, 1, 0};
    if (rank == 1) {
        made.channels = shape[0];
    } else if (rank == 2) {
        made.channels = shape[1];
        made.width = shape[0];
    } else {
        for (int i = 0; i < rank - 2; i++)
            made.channels *= shape[i];
        made.height = shape[rank - 2];
        made.width = shape[rank - 1];
    }
    made.size = made.channels * made.height * made.width;
    return made;
}

/* The transpose of (rows, columns): what a tensor of rank 2 and its planes are to each other. */
static void transpose(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *y)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++)
            y[j * rows + i] = x[i * columns + j];
}

#endif
