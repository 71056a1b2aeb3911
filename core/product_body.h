/* The product of matrices; see _each_isa.h. Every sum is added up from the first term to the last, each
 * product and sum rounded, so that all instruction sets give the same bits. */

#define TALL 4
#define WIDE (VECTOR_BYTES == 64 ? 16 : VECTOR_BYTES == 32 ? 8 : 4)

/* A piece of TALL by WIDE of the result, in registers. */
TARGET static ALWAYS_INLINE void IN(product_piece)(const double *m, ptrdiff_t m_row, ptrdiff_t inner,
                                                   const double *x, ptrdiff_t x_row, double *out,
                                                   ptrdiff_t out_row)
{
    double sums[TALL][WIDE] = {{0}};
    for (ptrdiff_t k = 0; k < inner; k++, x += x_row)
        for (int i = 0; i < TALL; i++)
            for (int j = 0; j < WIDE; j++)
                sums[i][j] += m[i * m_row + k] * x[j];
    for (int i = 0; i < TALL; i++)
        for (int j = 0; j < WIDE; j++)
            out[i * out_row + j] = sums[i][j];
}

TARGET static ALWAYS_INLINE void IN(product_rest)(const double *m, ptrdiff_t inner, const double *x,
                                                  ptrdiff_t x_row, double *out, ptrdiff_t columns)
{
    for (ptrdiff_t j = 0; j < columns; j++) {
        double sum = 0;
        for (ptrdiff_t k = 0; k < inner; k++)
            sum += m[k] * x[k * x_row + j];
        out[j] = sum;
    }
}

TARGET static void IN(product)(const double *m, ptrdiff_t rows, ptrdiff_t inner, const double *x,
                               ptrdiff_t x_row, ptrdiff_t columns, double *out, ptrdiff_t out_row)
{
    ptrdiff_t i = 0;
    for (; i + TALL <= rows; i += TALL) {
        ptrdiff_t j = 0;
        for (; j + WIDE <= columns; j += WIDE)
            IN(product_piece)(m + i * inner, inner, inner, x + j, x_row, out + i * out_row + j,
                              out_row);
        for (int k = 0; k < TALL && j < columns; k++)
            IN(product_rest)(m + (i + k) * inner, inner, x + j, x_row, out + (i + k) * out_row + j,
                             columns - j);
    }
    for (; i < rows; i++)
        IN(product_rest)(m + i * inner, inner, x, x_row, out + i * out_row, columns);
}

#undef TALL
#undef WIDE
