/* `ecsq`: a few levels, placed by rate and distortion, coded as adaptive unary bins. */

#ifndef SPLITWIRE_CORE_ECSQ_H
#define SPLITWIRE_CORE_ECSQ_H

#include "_ecsq.h"
#include "_range.h"
#include "coding.h"

static void start_levels(range_context *contexts, int levels)
{
    for (int i = 0; i < levels - 1; i++)
        range_start_context(&contexts[i], 1 << 15, 0);
}

static int ecsq_code(const coding *job, const uint8_t *indices, ptrdiff_t bins, writer *to)
{
    range_context contexts[ECSQ_MOST_LEVELS];
    uint8_t *room = arena_take(job->arena, (size_t)(2 * bins + RANGE_TAIL), 1);
    ptrdiff_t length;
    if (!room)
        return SW_NO_ROOM;
    start_levels(contexts, job->set.levels);
    length = range_encode_symbols(contexts, job->set.levels - 1, indices, job->shape.size, room);
    write_bytes(to, room, (size_t)length);
    return SW_OK;
}

static int ecsq_encode(const coding *job, const float *x, writer *to)
{
    const ptrdiff_t n = job->shape.size;
    const settings laplace = {.clip = LAPLACE};
    double *y = arena_take(job->arena, (size_t)n, sizeof *y), width;
    uint8_t *indices = arena_take(job->arena, (size_t)n, 1);
    ecsq_design *design = arena_take(job->arena, 1, sizeof *design);
    clip_range range;
    ptrdiff_t bins;
    if (!y || !indices || !design || take_range(job->arena, 1, &range) ||
        choose_range(&laplace, job->set.levels, job->arena, x, job->shape, &range))
        return SW_NO_ROOM;
    width = (double)range.hi[0] - range.lo[0];
    for (ptrdiff_t i = 0; i < n; i++)
        y[i] = clipped(((double)x[i] - range.lo[0]) / (width == 0 ? 1 : width), 0, 1);
    ecsq_place_levels(design, y, n, job->set.levels, job->set.tradeoff);
    bins = ecsq_pick_levels(design, y, n, indices);
    range_write(to, &range);
    write_bytes(to, design->offsets + 1, (size_t)(job->set.levels - 2));
    return ecsq_code(job, indices, bins, to);
}

static int ecsq_decode(const coding *job, reader *from, float *x)
{
    const int count = job->set.levels;
    uint8_t *indices = arena_take(job->arena, (size_t)job->shape.size, 1);
    range_context contexts[ECSQ_MOST_LEVELS];
    float values[ECSQ_MOST_LEVELS];
    const uint8_t *offsets;
    clip_range range;
    int error = indices ? range_read(from, job->arena, 1, &range) : SW_NO_ROOM;
    if (error)
        return error;
    offsets = read_bytes(from, (size_t)(count - 2));
    if (!offsets)
        return SW_DAMAGED;
    for (int i = 0; i < count; i++) {
        const int offset = i > 0 && i < count - 1 ? (int8_t)offsets[i - 1] : 0;
        const double lo = range.lo[0], hi = range.hi[0];
        values[i] = (float)(lo + (hi - lo) * ecsq_position(i, offset, count));
    }
    start_levels(contexts, count);
    if (!range_decode_symbols(contexts, count - 1, indices, job->shape.size, from->at,
                              from->end - from->at))
        return SW_DAMAGED;
    for (ptrdiff_t i = 0; i < job->shape.size; i++)
        x[i] = values[indices[i]];
    return SW_OK;
}

#endif
