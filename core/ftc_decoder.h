/* `ftc` decodes, to the same bits everywhere. */

#ifndef SPLITWIRE_CORE_FTC_DECODER_H
#define SPLITWIRE_CORE_FTC_DECODER_H

#include "ftc_model.h"

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
