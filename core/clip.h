/* The clip range of a quantiser, and the rules that choose it: splitwire/codecs/clip.py and laplace.py
 * tell why. */

#ifndef SPLITWIRE_CORE_CLIP_H
#define SPLITWIRE_CORE_CLIP_H

#include "_maths.h"
#include "_quantize.h"
#include "_statistics.h"
#include "bytes.h"
#include "planes.h"
#include "spec.h"

#define CANDIDATES 129
#define HALVINGS 60
#define TINY 1e-300

/* Bounds: one pair, or one a channel. */
typedef struct {
    float *lo, *hi;
    ptrdiff_t pairs;
} clip_range;

static int take_range(sw_arena *arena, ptrdiff_t pairs, clip_range *range)
{
    range->pairs = pairs;
    range->lo = arena_take(arena, (size_t)pairs, sizeof(float));
    range->hi = arena_take(arena, (size_t)pairs, sizeof(float));
    return range->lo && range->hi ? SW_OK : SW_NO_ROOM;
}

/* Whether all bounds and widths are finite, and no lo is above its hi. */
static int range_sound(const clip_range *range)
{
    for (ptrdiff_t i = 0; i < range->pairs; i++) {
        const float width = range->hi[i] - range->lo[i];
        if (!(width >= 0 && width - width == 0)) /* of an infinity it is NaN */
            return 0;
    }
    return 1;
}

static int range_read(reader *from, sw_arena *arena, ptrdiff_t pairs, clip_range *range)
{
    const size_t bytes = sizeof(float) * (size_t)pairs;
    const uint8_t *lo, *hi;
    if (bytes_left(from) / 8 < (size_t)pairs)
        return SW_DAMAGED;
    if (take_range(arena, pairs, range))
        return SW_NO_ROOM;
    lo = read_bytes(from, bytes);
    hi = read_bytes(from, bytes);
    memcpy(range->lo, lo, bytes);
    memcpy(range->hi, hi, bytes);
    return range_sound(range) ? SW_OK : SW_DAMAGED;
}

static void range_write(writer *to, const clip_range *range)
{
    write_bytes(to, range->lo, sizeof(float) * (size_t)range->pairs);
    write_bytes(to, range->hi, sizeof(float) * (size_t)range->pairs);
}

/* The map of a range for codes of that many bits, as kernels take it. */
static int affine_of(const clip_range *range, int bits, int per_unit, sw_arena *arena, affine_map *map)
{
    const double top = (1 << bits) - 1;
    float *factor = arena_take(arena, (size_t)range->pairs, sizeof *factor);
    if (!factor)
        return SW_NO_ROOM;
    for (ptrdiff_t i = 0; i < range->pairs; i++) {
        const double span = (double)range->hi[i] - range->lo[i];
        factor[i] = (float)(span == 0 ? 0 : per_unit ? top / span : span / top);
    }
    *map = (affine_map){range->lo, factor, range->pairs > 1};
    return SW_OK;
}

/* Sorts n finite numbers by their bits, eleven at a time; `other` is of the same size, and gets them. */
static void sort_floats(const float *x, ptrdiff_t n, uint32_t *keys, uint32_t *other)
{
    memcpy(keys, x, sizeof *keys * (size_t)n);
    for (ptrdiff_t i = 0; i < n; i++)
        keys[i] ^= keys[i] >> 31 ? UINT32_MAX : 1u << 31;
    for (int shift = 0; shift < 33; shift += 11) {
        uint32_t begins[2049] = {0}, *swapped = keys;
        for (ptrdiff_t i = 0; i < n; i++)
            begins[(keys[i] >> shift & 2047) + 1]++;
        for (int digit = 1; digit < 2048; digit++)
            begins[digit] += begins[digit - 1];
        for (ptrdiff_t i = 0; i < n; i++)
            other[begins[keys[i] >> shift & 2047]++] = keys[i];
        keys = other;
        other = swapped;
    }
    for (ptrdiff_t i = 0; i < n; i++)
        keys[i] ^= keys[i] >> 31 ? 1u << 31 : UINT32_MAX;
}

typedef struct {
    double mode, below, above; /* the mode, and the scales on either side */
} laplace_fit;

/* The likeliest asymmetric Laplace density of sorted numbers. */
static laplace_fit fit_laplace(const float *sorted, ptrdiff_t count)
{
    const double n = (double)count, step = (n - 1) / (CANDIDATES - 1);
    double total = 0, sum = 0, best = 0;
    laplace_fit fit = {0, 0, 0};
    ptrdiff_t summed = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        total += sorted[i];
    for (int i = 0; i < CANDIDATES; i++) {
        const ptrdiff_t rank = i == CANDIDATES - 1 ? count - 1 : (ptrdiff_t)(i * step);
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

static double laplace_reach(double scale, double ease, double room)
{
    const double odds = ease * (scale * scale);
    const double reach = odds > 1 ? scale * log2_of(odds) * 0.69314718055994530942 : 0;
    return reach < room ? reach : room;
}

/* The best range for that many levels of sorted numbers, by a Laplace model. */
static void laplace_range(const float *sorted, ptrdiff_t n, int levels, double *lo, double *hi)
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
    fit = fit_laplace(sorted + heap, n - heap);
    fit = (laplace_fit){fit.mode / scale, fit.below / scale, fit.above / scale};
    room_below = fit.mode - least / scale;
    room_above = most / scale - fit.mode;
    for (int i = 0; i < HALVINGS; i++) {
        const double width = (low + high) / 2, sum = fit.below + fit.above;
        const double ease = 12 * ((levels - 1.0) * (levels - 1.0)) / (width * (sum > TINY ? sum : TINY));
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

static int laplace_bounds(sw_arena *arena, const float *x, ptrdiff_t n, int levels, double *lo,
                          double *hi)
{
    const size_t mark = arena->used;
    uint32_t *keys = arena_take(arena, (size_t)n, sizeof *keys);
    float *sorted = arena_take(arena, (size_t)n, sizeof *sorted);
    if (!keys || !sorted)
        return SW_NO_ROOM;
    sort_floats(x, n, keys, (uint32_t *)(void *)sorted);
    laplace_range(sorted, n, levels, lo, hi);
    arena->used = mark;
    return SW_OK;
}

static void moment_bounds(const settings *set, const float *x, ptrdiff_t n, double *lo, double *hi)
{
    const moment_sums sums = sum_moments[best_level()](x, n);
    const double reach = set->deviations * sqrt(sums.square / sums.count);
    *lo = sums.low + 0.0;
    *hi = sums.high + 0.0;
    if (set->clip == MINMAX)
        return;
    *lo = sums.mean - reach > *lo ? sums.mean - reach : *lo;
    *hi = sums.mean + reach < *hi ? sums.mean + reach : *hi;
}

/* The range that the rule gives for each of the pairs. */
static int choose_range(const settings *set, int levels, sw_arena *arena, const float *x,
                        planes_shape shape, clip_range *range)
{
    const double most = FLT_MAX / 4; /* so that hi - lo is finite too */
    const ptrdiff_t n = shape.size / range->pairs;
    for (ptrdiff_t i = 0; i < range->pairs; i++) {
        double lo, hi;
        if (set->clip != LAPLACE)
            moment_bounds(set, x + i * n, n, &lo, &hi);
        else if (laplace_bounds(arena, x + i * n, n, levels, &lo, &hi))
            return SW_NO_ROOM;
        range->lo[i] = (float)clipped(lo, -most, most);
        range->hi[i] = (float)clipped(hi, -most, most);
    }
    return SW_OK;
}

#endif
