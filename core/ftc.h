/* `ftc`: transform, trellis and contexts: see docs/ftc.md, and docs/bitstream.md, "ftc". */

#ifndef SPLITWIRE_CORE_FTC_H
#define SPLITWIRE_CORE_FTC_H

#include "_coefficients.h"
#include "_trellis_search.h"
#include "coding.h"
#include "header.h"

#define MIDDLE 50
#define TOP 100
#define LOWEST (-48) /* where classes begin, in eighths of an octave from the step */
#define CLASS_WIDTH 4
#define STRENGTH_PARTS 8
#define LIFT_PARTS 128
#define TRADEOFF 0.05 /* squares of half a step that a bit is worth, at most */
#define LARGEST 32000 /* steps */

/* What one quality makes of a profile. */
typedef struct {
    const ftc_profile *profile;
    int level, strength;
    double step;
    uint8_t *classes; /* of each coefficient */
    coefficient_maps maps;
    range_context *contexts;
} ftc_model;

/* ⌊a / b⌋ of a positive b. */
static int floor_div(int a, int b)
{
    return a / b - (a % b < 0);
}

/* 2^(level / 8), the same float64 everywhere. */
static double step_of(int level)
{
    static const double eighths[] = {1.0,
                                     1.0905077326652577,
                                     1.189207115002721,
                                     1.2968395546510096,
                                     1.4142135623730951,
                                     1.5422108254079407,
                                     1.681792830507429,
                                     1.8340080864093424};
    const int octave = floor_div(level, 8);
    return eighths[level - 8 * octave] * power_of_two(octave);
}

static int class_of(int scale, int level)
{
    const int kind = floor_div(scale - level - LOWEST, CLASS_WIDTH);
    return kind < 0 ? 0 : kind < CLASSES ? kind : CLASSES - 1;
}

static int strength_of(int quality)
{
    const int strength = STRENGTH_PARTS - floor_div(MIDDLE - quality, 3);
    return strength < 2 ? 2 : strength < STRENGTH_PARTS ? strength : STRENGTH_PARTS;
}

static int start_model(const coding *job, int quality, ftc_model *model)
{
    const ftc_profile *profile = &job->profile->ftc;
    const planes_shape s = job->shape;
    const ptrdiff_t plane = s.height * s.width;
    model->profile = profile;
    model->level = profile->level + MIDDLE - quality;
    model->strength = strength_of(quality);
    model->step = step_of(model->level);
    model->classes = arena_take(job->arena, (size_t)s.size, 1);
    model->contexts = arena_take(job->arena, STATES, sizeof *model->contexts);
    if (!model->classes || !model->contexts)
        return SW_NO_ROOM;
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            model->classes[c * plane + i] = (uint8_t)class_of(
                profile->scales[c * profile->bands + profile->band[i]], model->level);
    model->maps =
        (coefficient_maps){s.channels, s.height, s.width, model->classes, profile->expected};
    return SW_OK;
}

static void start_contexts(const ftc_model *model)
{
    for (int i = 0; i < STATES; i++)
        range_start_context(&model->contexts[i], model->profile->states[i], model->profile->seen[i]);
}

static int *take_past(const coding *job)
{
    return arena_take_zeros(job->arena,
                            (size_t)coefficient_memory(job->shape.height, job->shape.width),
                            sizeof(int));
}

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

/* The numbers that indices stand for, in the order of the inverse transform. */
static void ftc_dequantise(const ftc_model *model, const int16_t *q, const uint8_t *second,
                           double *numbers)
{
    const ftc_profile *profile = model->profile;
    const planes_shape s = profile->inverse.shape;
    const ptrdiff_t plane = s.height * s.width;
    for (ptrdiff_t c = 0, i = 0; c < s.channels; c++)
        for (ptrdiff_t f = 0; f < plane; f++, i++) {
            const double away = profile->lift[model->classes[i]] *
                                ((double)model->strength / (STRENGTH_PARTS * LIFT_PARTS));
            const int sign = (q[i] > 0) - (q[i] < 0);
            numbers[c * plane + profile->inverse.places[f]] =
                (q[i] + sign * (away - 0.5 * second[i])) * model->step *
                profile->gain[c * profile->bands + profile->band[f]];
        }
}

static void ftc_synthesise(const ftc_profile *profile, double *numbers, double *other, float *x)
{
    const planes_shape s = profile->inverse.shape;
    const ptrdiff_t plane = s.height * s.width;
    const double unit = power_of_two(profile->unit);
    rebuild(&profile->inverse, numbers, other);
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            x[c * plane + i] = (float)(numbers[c * plane + i] * unit + profile->mean[c]);
}

static int ftc_decode(const coding *job, reader *from, float *x)
{
    const size_t n = (size_t)job->shape.size;
    const int quality = read_byte(from);
    double *numbers = arena_take(job->arena, n, sizeof *numbers);
    double *other = arena_take(job->arena, n, sizeof *other);
    int16_t *q = arena_take(job->arena, n, sizeof *q);
    uint8_t *second = arena_take(job->arena, n, 1);
    int *past = take_past(job);
    ftc_model model;
    if (from->failed || quality > TOP)
        return SW_DAMAGED;
    if (!numbers || !other || !q || !second || !past || start_model(job, quality, &model))
        return SW_NO_ROOM;
    start_contexts(&model);
    if (!coefficients_decode_maps(model.maps, from->at, from->end - from->at, model.contexts, past, q))
        return SW_DAMAGED;
    trellis_find_quantizers(q, (ptrdiff_t)n, second);
    ftc_dequantise(&model, q, second, numbers);
    ftc_synthesise(&job->profile->ftc, numbers, other, x);
    return SW_OK;
}

#endif
