/* The clip range of a quantiser, and the rules that choose it: splitwire/codecs/clip.py
 * tells of them. */

#ifndef SPLITWIRE_CORE_CLIP_H
#define SPLITWIRE_CORE_CLIP_H

#include "_laplace.h"
#include "_quantize.h"
#include "_statistics.h"
#include "bytes.h"
#include "planes.h"
#include "spec.h"

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

static int laplace_bounds(sw_arena *arena, const float *x, ptrdiff_t n, int levels, double *lo,
                          double *hi)
{
    const size_t mark = arena->used;
    uint32_t *keys = arena_take(arena, (size_t)n, sizeof *keys);
    float *sorted = arena_take(arena, (size_t)n, sizeof *sorted);
    if (!keys || !sorted)
        return SW_NO_ROOM;
    laplace_range(sorted, laplace_sort(x, n, keys, sorted), levels, lo, hi);
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
