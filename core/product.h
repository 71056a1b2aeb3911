/* The product of matrices. Every sum is added up from the first term to the last, each product and sum
 * rounded, so that all compilers' vectors give the same bits. */

#ifndef SPLITWIRE_CORE_PRODUCT_H
#define SPLITWIRE_CORE_PRODUCT_H

#include "_isa.h"

#define WIDEST 4

/* A piece of `tall` by `wide` of the result, both constants, in registers. */
static ALWAYS_INLINE void product_piece(int tall, int wide, const double *m, ptrdiff_t inner,
                                        const double *x, ptrdiff_t x_row, double *out,
                                        ptrdiff_t out_row)
{
    double sums[4][WIDEST] = {{0}};
    for (ptrdiff_t k = 0; k < inner; k++, x += x_row)
        for (int i = 0; i < tall; i++)
            for (int j = 0; j < wide; j++)
                sums[i][j] += m[i * inner + k] * x[j];
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            out[i * out_row + j] = sums[i][j];
}

static ALWAYS_INLINE void product_rows(int tall, const double *m, ptrdiff_t inner, const double *x,
                                       ptrdiff_t x_row, ptrdiff_t columns, double *out,
                                       ptrdiff_t out_row)
{
    ptrdiff_t j = 0;
    for (; j + WIDEST <= columns; j += WIDEST)
        product_piece(tall, WIDEST, m, inner, x + j, x_row, out + j, out_row);
    for (; j + 2 <= columns; j += 2)
        product_piece(tall, 2, m, inner, x + j, x_row, out + j, out_row);
    if (j < columns)
        product_piece(tall, 1, m, inner, x + j, x_row, out + j, out_row);
}

/* out (rows, columns) = m (rows, inner) x (inner, columns), whose rows are `x_row` and `out_row` apart. */
static void product(const double *m, ptrdiff_t rows, ptrdiff_t inner, const double *x, ptrdiff_t x_row,
                    ptrdiff_t columns, double *out, ptrdiff_t out_row)
{
    ptrdiff_t i = 0;
    for (; i + 4 <= rows; i += 4)
        product_rows(4, m + i * inner, inner, x, x_row, columns, out + i * out_row, out_row);
    for (; i < rows; i++)
        product_rows(1, m + i * inner, inner, x, x_row, columns, out + i * out_row, out_row);
}

#endif
