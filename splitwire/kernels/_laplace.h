/* The clip range that an asymmetric Laplace model of numbers makes best for so many levels.
 *
 * Cohen, Choi and Bajić (arXiv:2105.06002) fit such a model to the features and choose the range that
 * minimises what clipping and quantising cost together. Too wide a range makes every step coarse, too
 * narrow a one cuts the tails; few levels want a narrower range than many.
 *
 * With a and b the model's scales below and above its mode m, a range that reaches u scales below and
 * v above it has a width of w = u a + v b and costs, a number,
 *
 *     2 a³ e⁻ᵘ / (a + b) + 2 b³ e⁻ᵛ / (a + b)     beyond its ends
 *     + w² / (12 (levels - 1)²)                   within, half a step to either side
 *
 * The derivatives vanish where v = log(12 (levels - 1)² b² / (w (a + b))), and u likewise with a. The
 * larger w, the smaller both: halving finds the w that they make. No end passes the extremes.
 *
 * A rectifier leaves a heap at its least value, which no density has. The range begins there, and the
 * model is that of the numbers above. */

#ifndef SPLITWIRE_LAPLACE_H
#define SPLITWIRE_LAPLACE_H

#include <math.h>
#include <stddef.h>

#include "_maths.h"

#define LAPLACE_CANDIDATES 129
#define LAPLACE_HALVINGS 60
#define LAPLACE_TINY 1e-300

/* Sorts n numbers by their bits, eleven at a time, without NaN and infinities; returns how many are left.
 * `keys` is room for as many; a zero has no sign then. */
static inline ptrdiff_t laplace_sort(const float *x, ptrdiff_t n, uint32_t *keys, float *sorted)
{
    uint32_t *from = keys, *to = (uint32_t *)(void *)sorted;
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float number = x[i] + 0.0f;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        from[kept] = bits ^ (bits >> 31 ? UINT32_MAX : 1u << 31);
        kept += number - number == 0;
    }
    for (int shift = 0; shift < 33; shift += 11) {
        uint32_t begins[2049] = {0}, *was = from;
        for (ptrdiff_t i = 0; i < kept; i++)
            begins[(from[i] >> shift & 2047) + 1]++;
        for (int digit = 1; digit < 2048; digit++)
            begins[digit] += begins[digit - 1];
        for (ptrdiff_t i = 0; i < kept; i++)
            to[begins[from[i] >> shift & 2047]++] = from[i];
        from = to;
        to = was;
    }
    for (ptrdiff_t i = 0; i < kept; i++)
        from[i] ^= from[i] >> 31 ? 1u << 31 : UINT32_MAX;
    return kept;
}

typedef struct {
    double mode, below, above; /* the mode, and the scales on either side */
} laplace_fit;

/* The likeliest asymmetric Laplace density of sorted numbers. With A and B the mean distances from the
 * mode of the numbers below and above it (each over all numbers), the likeliest scales are √A (√A + √B)
 * and √B (√A + √B), and the likeliest mode has the least √A + √B. It is sought among the numbers
 * themselves, at even ranks. */
static inline laplace_fit laplace_find(const float *sorted, ptrdiff_t count)
{
    const double n = (double)count, step = (n - 1) / (LAPLACE_CANDIDATES - 1);
    double total = 0, sum = 0, best = 0;
    laplace_fit fit = {0, 0, 0};
    ptrdiff_t summed = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        total += sorted[i];
    for (int i = 0; i < LAPLACE_CANDIDATES; i++) {
        const ptrdiff_t rank = i == LAPLACE_CANDIDATES - 1 ? count - 1 : (ptrdiff_t)(i * step);
        const double mode = sorted[rank], before = (double)rank;
        double below, above;
        for (; summed < rank; summed++)
            sum += sorted[summed];
        below = mode * before - sum;
        above = total - sum - mode * (n - before);
        below = sqrt((below > 0 ? below : 0) / n);
        above = sqrt((above > 0 ? above : 0) / n);
        if (i == 0 || below + above < best) {
            best = below + above;
            fit = (laplace_fit){mode, below * best, above * best};
        }
    }
    return fit;
}

static inline double laplace_reach(double scale, double ease, double room)
{
    const double odds = ease * (scale * scale);
    const double reach = odds > 1 ? scale * log2_of(odds) * 0.69314718055994530942 : 0;
    return reach < room ? reach : room;
}

/* The best range for that many evenly spaced levels of sorted numbers, the outermost at its ends. */
static inline void laplace_range(const float *sorted, ptrdiff_t n, int levels, double *lo, double *hi)
{
    const double least = sorted[0], most = sorted[n - 1], scale = most - least;
    double low = 0, high = 1, room_below, room_above, below = 0, above = 0;
    ptrdiff_t heap = 0;
    laplace_fit fit;
    *lo = least;
    *hi = most;
    if (least == most)
        return;
    while (sorted[heap] == sorted[0])
        heap++;
    if (!((double)heap > (double)n / 16)) /* of a rectifier */
        heap = 0;
    fit = laplace_find(sorted + heap, n - heap);
    fit = (laplace_fit){fit.mode / scale, fit.below / scale, fit.above / scale};
    room_below = fit.mode - least / scale;
    room_above = most / scale - fit.mode;
    for (int i = 0; i < LAPLACE_HALVINGS; i++) {
        const double width = (low + high) / 2, sum = fit.below + fit.above;
        const double sure = sum > LAPLACE_TINY ? sum : LAPLACE_TINY;
        const double ease = 12 * ((levels - 1.0) * (levels - 1.0)) / (width * sure);
        below = heap ? room_below : laplace_reach(fit.below, ease, room_below);
        above = laplace_reach(fit.above, ease, room_above);
        if (below + above > width)
            low = width;
        else
            high = width;
    }
    *lo = (fit.mode - below) * scale > least ? (fit.mode - below) * scale : least;
    *hi = (fit.mode + above) * scale < most ? (fit.mode + above) * scale : most;
}

#endif
