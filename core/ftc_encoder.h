/* `ftc` encodes: transform, search, contexts. docs/ftc.md tells why. */

#ifndef SPLITWIRE_CORE_FTC_ENCODER_H
#define SPLITWIRE_CORE_FTC_ENCODER_H

#include "_trellis_search.h"
#include "ftc_model.h"

#define TRADEOFF 0.05 /* squares of half a step that a bit is worth, at most */
#define LARGEST 32000 /* steps */

/* Weighted coefficients (C, H, W) of planes, in the unit of the step. */
static int ftc_analyse(const coding *job, const float *x, double **coefficients)
{
    const ftc_profile *profile = &job->profile->ftc;
    const planes_shape s = job->shape;
    const ptrdiff_t plane = s.height * s.width;
    const double per_unit = power_of_two(-profile->unit);
    double *z = *coefficients = arena_take(job->arena, (size_t)s.size, sizeof *z);
    const size_t mark = job->arena->used;
    double *other = arena_take(job->arena, (size_t)s.size, sizeof *other);
    if (!z || !other)
        return SW_NO_ROOM;
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            z[c * plane + i] = ((double)x[c * plane + i] - profile->mean[c]) * per_unit;
    analyse(&profile->inverse, &profile->forward, z, other);
    memcpy(other, z, sizeof *z * (size_t)s.size);
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            z[c * plane + i] = other[c * plane + profile->inverse.places[i]] /
                               profile->gain[c * profile->bands + profile->band[i]];
    job->arena->used = mark;
    return SW_OK;
}

/* The indices of coefficients: contexts as plain rounding has them, then the search. */
static int ftc_quantise(const coding *job, const ftc_model *model, const double *z, int16_t *q)
{
    const size_t n = (size_t)job->shape.size, mark = job->arena->used;
    uint16_t *found = arena_take(job->arena, n, sizeof *found);
    float *halves = arena_take(job->arena, n, sizeof *halves);
    int *past = take_past(job);
    trellis_notes notes;
    notes.origins = arena_take(job->arena, n, sizeof *notes.origins);
    notes.indices = arena_take(job->arena, n, sizeof *notes.indices);
    if (!found || !halves || !past || !notes.origins || !notes.indices)
        return SW_NO_ROOM;
    for (size_t i = 0; i < n; i++) {
        const double steps = clipped(z[i] / model->step, -LARGEST, LARGEST);
        q[i] = (int16_t)rounded(steps);
        halves[i] = (float)(2 * steps);
    }
    coefficients_find_contexts(model->maps, q, past, found);
    trellis_search(halves, found, (ptrdiff_t)n, model->profile->prices,
                   TRADEOFF * model->strength / STRENGTH_PARTS, notes, q);
    job->arena->used = mark;
    return SW_OK;
}

/* How often the range coder is called for these indices, at most. */
static size_t most_calls(const int16_t *q, ptrdiff_t n)
{
    size_t calls = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int size = q[i] < 0 ? -q[i] : q[i];
        calls += 2 + (size_t)(size < COEFFICIENT_PLACES
                                  ? size
                                  : COEFFICIENT_PLACES + COEFFICIENT_ESCAPE_BITS + 2);
    }
    return calls;
}

/* The bytes of coefficients at a quality, in the arena. */
static int ftc_code(const coding *job, const double *z, int quality, const uint8_t **bytes,
                    size_t *length)
{
    ftc_model model;
    int16_t *q = arena_take(job->arena, (size_t)job->shape.size, sizeof *q);
    int error = q ? start_model(job, quality, &model) : SW_NO_ROOM;
    uint8_t *room;
    int *past;
    if (!error)
        error = ftc_quantise(job, &model, z, q);
    if (error)
        return error;
    past = take_past(job);
    room = arena_take(job->arena, 2 * most_calls(q, job->shape.size) + RANGE_TAIL, 1);
    if (!past || !room)
        return SW_NO_ROOM;
    start_contexts(&model);
    *bytes = room;
    *length = (size_t)coefficients_encode_maps(model.maps, q, model.contexts, past, room);
    return SW_OK;
}

/* The highest quality whose bytes are no more than a budget, by bisection with each trial made. */
static int ftc_quality_within(const coding *job, const double *z, size_t budget, int *quality)
{
    const size_t mark = job->arena->used;
    int low = 0, high = TOP, error;
    const uint8_t *bytes;
    size_t length;
    error = ftc_code(job, z, 0, &bytes, &length);
    job->arena->used = mark;
    if (!error && length > budget)
        return SW_OVER_TARGET;
    while (!error && low < high) {
        const int middle = (low + high + 1) / 2;
        error = ftc_code(job, z, middle, &bytes, &length);
        job->arena->used = mark;
        if (length <= budget)
            low = middle;
        else
            high = middle - 1;
    }
    *quality = low;
    return error;
}

/* `around`: bytes of the stream beside the payload. */
static int ftc_encode(const coding *job, const float *x, size_t around, writer *to)
{
    const size_t target = job->set.target_bytes;
    int quality = job->set.quality, error;
    const uint8_t *bytes;
    size_t length;
    double *z;
    if (job->profile->use != SW_ENCODE)
        return SW_NO_PROFILE;
    error = ftc_analyse(job, x, &z);
    if (!error && target)
        error = target > around ? ftc_quality_within(job, z, target - around - 1, &quality)
                                : SW_OVER_TARGET;
    if (!error)
        error = ftc_code(job, z, quality, &bytes, &length);
    if (error)
        return error;
    write_byte(to, quality);
    write_bytes(to, bytes, length);
    return SW_OK;
}

#endif
