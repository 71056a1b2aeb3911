/* What every codec here takes to encode or decode one tensor. */

#ifndef SPLITWIRE_CORE_CODING_H
#define SPLITWIRE_CORE_CODING_H

#include "clip.h"
#include "ftc_profile.h"

struct sw_profile {
    codec_kind codec;
    int use;
    uint8_t digest[SW_DIGEST_BYTES];
    clip_range range; /* of `raw` and `rans` */
    ftc_profile ftc;
};

typedef struct {
    settings set;
    const sw_profile *profile; /* NULL: none */
    sw_arena *arena;
    planes_shape shape;
} coding;

/* The range of a profile, or how many pairs of bounds there are without one. */
static int learnt_range(const coding *job, clip_range *range)
{
    const clip_range *learnt = &job->profile->range;
    if (learnt->pairs != 1 && learnt->pairs != job->shape.channels)
        return SW_OTHER_PROFILE;
    *range = *learnt;
    return SW_OK;
}

static ptrdiff_t range_pairs(const coding *job)
{
    const int single = job->shape.height == 1 && job->shape.width == 1;
    return job->set.per_channel && !single ? job->shape.channels : 1;
}

/* Codes of planes, with the range that they are over, which is written unless a profile holds it. */
static int quantise(const coding *job, const float *x, writer *to, uint8_t **codes)
{
    clip_range range;
    affine_map map;
    int error;
    if (job->profile) {
        error = learnt_range(job, &range);
    } else {
        error = take_range(job->arena, range_pairs(job), &range);
        if (!error)
            error = choose_range(&job->set, 1 << job->set.bits, job->arena, x, job->shape, &range);
        if (!error)
            range_write(to, &range);
    }
    *codes = arena_take(job->arena, (size_t)job->shape.size, 1);
    if (!error && (!*codes || affine_of(&range, job->set.bits, 1, job->arena, &map)))
        error = SW_NO_ROOM;
    if (error)
        return error;
    quantize_channels[best_level()](x, job->shape.channels, job->shape.height * job->shape.width, map,
                                    (float)((1 << job->set.bits) - 1), *codes);
    return SW_OK;
}

static int read_range(const coding *job, reader *from, clip_range *range)
{
    if (job->profile)
        return learnt_range(job, range);
    return range_read(from, job->arena, range_pairs(job), range);
}

static int dequantise(const coding *job, const clip_range *range, const uint8_t *codes, float *x)
{
    affine_map map;
    if (affine_of(range, job->set.bits, 0, job->arena, &map))
        return SW_NO_ROOM;
    dequantize_channels[best_level()](codes, job->shape.channels, job->shape.height * job->shape.width,
                                      map, x);
    return SW_OK;
}

#endif
