/* Sums and extremes of a block of values; see _each_isa.h. */

/* Plain sums of the values and their squares, lane by lane, with the least and the largest value.
 * A float32 squared is exact in float64, so a fused multiply-add rounds as the two would. */
TARGET static void IN(plain_sums)(const float *x, ptrdiff_t whole, double *sum, double *square,
                                  float *low, float *high)
{
#if VECTOR_BYTES
    enum { WIDE = VECTOR_BYTES / 8, AT_ONCE = VECTOR_BYTES == 64 ? LANES / WIDE : 4 };
    const DOUBLES one = V(set1_pd)(1.0);
    FLOATS least[2], most[2];
    float ends[2][VECTOR_BYTES / 4];
    for (int k = 0; k < 2; k++) {
        least[k] = V(set1_ps)(FLT_MAX);
        most[k] = V(set1_ps)(-FLT_MAX);
    }
    for (int first = 0; first < LANES; first += AT_ONCE * WIDE) {
        DOUBLES s[AT_ONCE], t[AT_ONCE];
        for (int k = 0; k < AT_ONCE; k++)
            s[k] = t[k] = V(setzero_pd)();
        for (ptrdiff_t i = first; i < whole; i += LANES) {
            for (int k = 0; k < AT_ONCE; k++) {
                DOUBLES d = V(cvtps_pd)(LOAD_HALF(x + i + k * WIDE));
                s[k] = V(fmadd_pd)(d, one, s[k]); /* a sum, on the pipes for products */
                t[k] = V(fmadd_pd)(d, d, t[k]);
            }
            for (int k = 0; k < AT_ONCE / 2; k++) {
                FLOATS v = V(loadu_ps)(x + i + 2 * k * WIDE);
                least[k % 2] = V(min_ps)(least[k % 2], v);
                most[k % 2] = V(max_ps)(most[k % 2], v);
            }
        }
        for (int k = 0; k < AT_ONCE; k++) {
            V(storeu_pd)(sum + first + k * WIDE, s[k]);
            V(storeu_pd)(square + first + k * WIDE, t[k]);
        }
    }
    V(storeu_ps)(ends[0], V(min_ps)(least[0], least[1]));
    V(storeu_ps)(ends[1], V(max_ps)(most[0], most[1]));
    for (int l = 0; l < VECTOR_BYTES / 4; l++) {
        *low = ends[0][l] < *low ? ends[0][l] : *low;
        *high = ends[1][l] > *high ? ends[1][l] : *high;
    }
#else
    float least[EXTREMES], most[EXTREMES];
    lane_sums(x, whole, 0.0, sum, square);
    for (int l = 0; l < EXTREMES; l++) {
        least[l] = *low;
        most[l] = *high;
    }
    for (ptrdiff_t i = 0; i < whole; i += EXTREMES)
        for (int l = 0; l < EXTREMES; l++) {
            float v = x[i + l], a = least[l], b = most[l];
            least[l] = v < a ? v : a;
            most[l] = v > b ? v : b;
        }
    for (int l = 0; l < EXTREMES; l++) {
        *low = least[l] < *low ? least[l] : *low;
        *high = most[l] > *high ? most[l] : *high;
    }
#endif
}

TARGET static moment_sums IN(sum_moments)(const float *x, ptrdiff_t n)
{
    moment_sums m = {0.0, 0.0, 0.0, FLT_MAX, -FLT_MAX};
    for (ptrdiff_t i = 0; i < n; i += BLOCK)
        add_block(IN(plain_sums), x + i, n - i < BLOCK ? n - i : BLOCK, &m);
    return m;
}
