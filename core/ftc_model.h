/* What one quality of `ftc` makes of a profile: see docs/bitstream.md, "ftc". */

#ifndef SPLITWIRE_CORE_FTC_MODEL_H
#define SPLITWIRE_CORE_FTC_MODEL_H

#include "_coefficients.h"
#include "coding.h"
#include "header.h"

#define MIDDLE 50
#define TOP 100
#define LOWEST (-48) /* where classes begin, in eighths of an octave from the step */
#define CLASS_WIDTH 4
#define STRENGTH_PARTS 8
#define LIFT_PARTS 128

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

#endif
