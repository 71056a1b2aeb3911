/* Moments and histogram in one pass over memory. */

#ifndef SPLITWIRE_STATISTICS_H
#define SPLITWIRE_STATISTICS_H

#include <float.h>
#include <math.h>

#include "_isa.h"

/* The order of summation is part of the result (see reference.py): blocks of 8192 values, in each
 * 32 interleaved float64 sums that are folded in halves, and blocks merged from first to last. */
#define BLOCK 8192
#define LANES 32
#define SUMS_AT_ONCE 8 /* as many pairs of sums as the 16 registers of SSE2 hold */
#define EXTREMES 32    /* minima and maxima in flight: any number gives the same result */
#define CANCELLATION 1024.0

typedef struct {
    double count, mean, square; /* of the finite values; square: sum of (x - mean)^2 */
    float low, high;
} moment_sums;

typedef void plain_sums(const float *x, ptrdiff_t whole, double *sum, double *square, float *low,
                        float *high);

/* Sums of d and d * d for d = x - shift in each lane; `whole` is a multiple of LANES. */
static void lane_sums(const float *x, ptrdiff_t whole, double shift, double *sum, double *square)
{
    for (int first = 0; first < LANES; first += SUMS_AT_ONCE) {
        double a[SUMS_AT_ONCE] = {0}, b[SUMS_AT_ONCE] = {0};
        for (ptrdiff_t i = first; i < whole; i += LANES)
            for (int l = 0; l < SUMS_AT_ONCE; l++) {
                double d = (double)x[i + l] - shift;
                a[l] += d;
                b[l] += d * d;
            }
        memcpy(sum + first, a, sizeof a);
        memcpy(square + first, b, sizeof b);
    }
}

/* Add what is left after the whole rows of lanes, and fold the lanes in halves. */
static void fold_lanes(const float *rest, ptrdiff_t n, double shift, double *sum, double *square)
{
    for (ptrdiff_t l = 0; l < n; l++) {
        double d = (double)rest[l] - shift;
        sum[l] += d;
        square[l] += d * d;
    }
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) {
            sum[l] += sum[l + width];
            square[l] += square[l + width];
        }
}

static ptrdiff_t finite_values(const float *x, ptrdiff_t n, float *finite)
{
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        finite[kept] = x[i];
        kept += isfinite(x[i]) != 0;
    }
    return kept;
}

/* Merge one block. Plain sums are safe until the mean dwarfs the deviation; then the block, still
 * in cache, is summed again about its mean. */
static void add_block(plain_sums *sums_of, const float *x, ptrdiff_t n, moment_sums *m)
{
    float finite[BLOCK], low = m->low, high = m->high;
    double sum[LANES], square[LANES], mean, about_mean, total, delta;
    ptrdiff_t whole = n - n % LANES;
    sums_of(x, whole, sum, square, &low, &high);
    fold_lanes(x + whole, n - whole, 0.0, sum, square);
    if (!isfinite(*square)) { /* squares of finite values cannot overflow: some value is not */
        n = finite_values(x, n, finite);
        if (n == 0)
            return;
        x = finite;
        whole = n - n % LANES;
        low = m->low;
        high = m->high;
        sums_of(x, whole, sum, square, &low, &high);
        fold_lanes(x + whole, n - whole, 0.0, sum, square);
    }
    for (ptrdiff_t i = whole; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    m->low = low;
    m->high = high;
    mean = *sum / (double)n;
    about_mean = *square - *sum * mean;
    if (about_mean * CANCELLATION < *square) {
        lane_sums(x, whole, mean, sum, square);
        fold_lanes(x + whole, n - whole, mean, sum, square);
        about_mean = *square - *sum * (*sum / (double)n);
        mean += *sum / (double)n;
    }
    total = m->count + (double)n;
    delta = mean - m->mean;
    m->mean += delta * ((double)n / total);
    m->square += (about_mean > 0.0 ? about_mean : 0.0) +
                 delta * delta * (m->count * ((double)n / total));
    m->count = total;
}

#define BODY "_statistics_body.h"
#include "_each_isa.h"

static moment_sums (*const sum_moments[])(const float *, ptrdiff_t) = BODIES(sum_moments);

/* Eight counters a code, taken in turn, so that a run of equal codes does not wait on one counter. */
static void count_codes(const uint8_t *codes, ptrdiff_t n, int64_t counts[256])
{
    static const ptrdiff_t most = 1 << 30; /* what a 32-bit counter surely holds */
    memset(counts, 0, 256 * sizeof *counts);
    while (n > 0) {
        uint32_t part[8][256] = {{0}};
        ptrdiff_t chunk = n < most ? n : most, i = 0;
        for (; i + 8 <= chunk; i += 8) {
            uint64_t eight;
            memcpy(&eight, codes + i, 8);
            for (int k = 0; k < 8; k++)
                part[k][(eight >> (8 * k)) & 255]++;
        }
        for (; i < chunk; i++)
            part[0][codes[i]]++;
        for (int code = 0; code < 256; code++)
            for (int k = 0; k < 8; k++)
                counts[code] += part[k][code];
        codes += chunk;
        n -= chunk;
    }
}

#endif
