/* Moments and histogram in one pass over memory. */

#ifndef SPLITWIRE_STATISTICS_H
#define SPLITWIRE_STATISTICS_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The order of summation is part of the result (see reference.py): blocks of 4096 values, in each
 * 16 interleaved float64 sums that are folded in halves, and blocks merged from first to last. */
#define BLOCK 4096
#define LANES 16
#define SUMS_AT_ONCE 8 /* as many pairs of sums as the 16 registers of SSE2 hold */
#define EXTREMES 64    /* minima and maxima in flight: any number gives the same result */
#define CANCELLATION 1024.0

typedef struct {
    double count, mean, square; /* of the finite values; square: sum of (x - mean)^2 */
    float low, high;
} moment_sums;

static inline void shifted_sums(const float *x, ptrdiff_t n, double shift, double *sum,
                                double *square)
{
    double s[LANES] = {0}, t[LANES] = {0};
    ptrdiff_t whole = n - n % LANES;
    for (int first = 0; first < LANES; first += SUMS_AT_ONCE) {
        double a[SUMS_AT_ONCE] = {0}, b[SUMS_AT_ONCE] = {0};
        for (ptrdiff_t i = first; i < whole; i += LANES)
            for (int l = 0; l < SUMS_AT_ONCE; l++) {
                double d = (double)x[i + l] - shift;
                a[l] += d;
                b[l] += d * d;
            }
        memcpy(s + first, a, sizeof a);
        memcpy(t + first, b, sizeof b);
    }
    for (ptrdiff_t i = whole; i < n; i++) {
        double d = (double)x[i] - shift;
        s[i - whole] += d;
        t[i - whole] += d * d;
    }
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) {
            s[l] += s[l + width];
            t[l] += t[l + width];
        }
    *sum = s[0];
    *square = t[0];
}

static void update_extremes(const float *x, ptrdiff_t n, moment_sums *m)
{
    float low[EXTREMES], high[EXTREMES];
    ptrdiff_t whole = n - n % EXTREMES;
    for (int l = 0; l < EXTREMES; l++) {
        low[l] = m->low;
        high[l] = m->high;
    }
    for (ptrdiff_t i = 0; i < whole; i += EXTREMES)
        for (int l = 0; l < EXTREMES; l++) {
            float v = x[i + l], a = low[l], b = high[l];
            low[l] = v < a ? v : a;
            high[l] = v > b ? v : b;
        }
    for (ptrdiff_t i = whole; i < n; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
    }
    for (int l = 0; l < EXTREMES; l++) {
        m->low = low[l] < m->low ? low[l] : m->low;
        m->high = high[l] > m->high ? high[l] : m->high;
    }
}

/* Merge one block. A float32 squared is exact in float64, so plain sums are safe until the mean
 * dwarfs the deviation; then the block, still in cache, is summed again about its mean. */
static void add_block(const float *x, ptrdiff_t n, moment_sums *m)
{
    float finite[BLOCK];
    double sum, square, mean, total, delta;
    shifted_sums(x, n, 0.0, &sum, &square);
    if (!isfinite(square)) { /* squares of finite values cannot overflow: some value is not */
        ptrdiff_t kept = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            finite[kept] = x[i];
            kept += isfinite(x[i]) != 0;
        }
        if (kept == 0)
            return;
        x = finite;
        n = kept;
        shifted_sums(x, n, 0.0, &sum, &square);
    }
    update_extremes(x, n, m);
    mean = sum / (double)n;
    {
        double about_mean = square - sum * mean;
        if (about_mean * CANCELLATION < square) {
            shifted_sums(x, n, mean, &sum, &square);
            about_mean = square - sum * (sum / (double)n);
            mean += sum / (double)n;
        }
        square = about_mean > 0.0 ? about_mean : 0.0;
    }
    total = m->count + (double)n;
    delta = mean - m->mean;
    m->mean += delta * ((double)n / total);
    m->square += square + delta * delta * (m->count * ((double)n / total));
    m->count = total;
}

static moment_sums sum_moments(const float *x, ptrdiff_t n)
{
    moment_sums m = {0.0, 0.0, 0.0, FLT_MAX, -FLT_MAX};
    for (ptrdiff_t i = 0; i < n; i += BLOCK)
        add_block(x + i, n - i < BLOCK ? n - i : BLOCK, &m);
    return m;
}

/* Four counters a code, taken in turn, so that a run of equal codes does not wait on one counter. */
static void count_codes(const uint8_t *codes, ptrdiff_t n, int64_t counts[256])
{
    static const ptrdiff_t most = 1 << 30; /* what a 32-bit counter surely holds */
    memset(counts, 0, 256 * sizeof *counts);
    while (n > 0) {
        uint32_t part[4][256] = {{0}};
        ptrdiff_t chunk = n < most ? n : most, i = 0;
        for (; i + 8 <= chunk; i += 8) {
            uint64_t eight;
            memcpy(&eight, codes + i, 8);
            for (int k = 0; k < 8; k++)
                part[k % 4][(eight >> (8 * k)) & 255]++;
        }
        for (; i < chunk; i++)
            part[0][codes[i]]++;
        for (int k = 0; k < 256; k++)
            counts[k] += (int64_t)part[0][k] + part[1][k] + part[2][k] + part[3][k];
        codes += chunk;
        n -= chunk;
    }
}

#endif
