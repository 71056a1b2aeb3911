/* Profiles: opened, checked, and told of. */

#ifndef SPLITWIRE_CORE_PROFILE_H
#define SPLITWIRE_CORE_PROFILE_H

#include "coding.h"

/* The arrays of a profile's file, once its digest is found to be the one that it states. */
static int read_profile(const void *file, size_t length, array_file *arrays, uint8_t *digest,
                        codec_kind *codec)
{
    if (!read_arrays(file, length, arrays))
        return SW_DAMAGED_PROFILE;
    digest_of(arrays, digest);
    if (!digest_stated(arrays, digest))
        return SW_DAMAGED_PROFILE;
    *codec = codec_named(arrays->codec);
    return *codec == CODECS ? SW_UNKNOWN_CODEC : SW_OK;
}

size_t sw_profile_room(const void *file, size_t length, int use)
{
    const size_t words = use == SW_ENCODE ? 2 * sizeof(double) : sizeof(double);
    array_file arrays;
    planes_shape shape;
    uint64_t room;
    if (!read_arrays(file, length, &arrays))
        return 0;
    room = sizeof(sw_profile) + length + 32 * ARENA_ALIGNMENT;
    if (profile_shape(&arrays, &shape)) {
        const uint64_t c = (uint64_t)shape.channels, h = (uint64_t)shape.height, w = (uint64_t)shape.width;
        if (c > 1 << 20 || h > 1 << 20 || w > 1 << 20)
            return 0;
        room += words * (OCTAVES * c * c + h * h + w * w) + sizeof(double) * c * c + 8 * h * w;
        room += sizeof(float) * PRICES;
    }
    return room <= SIZE_MAX / 2 ? (size_t)room : 0;
}

/* The range that `raw` and `rans` learnt. */
static int open_range(clip_range *range, const array_file *file, sw_arena *arena)
{
    array_taker taker = {arena, file, SW_OK};
    const array *lo = array_named(file, "lo", "<f4");
    if (!lo || lo->rank != 1 || !lo->shape[0])
        return SW_DAMAGED_PROFILE;
    range->pairs = (ptrdiff_t)lo->shape[0];
    range->lo = take_array(&taker, "lo", "<f4", range->pairs, 0, 0);
    range->hi = take_array(&taker, "hi", "<f4", range->pairs, 0, 0);
    if (taker.error)
        return taker.error;
    return range_sound(range) ? SW_OK : SW_DAMAGED_PROFILE;
}

int sw_profile_open(sw_arena *arena, const void *file, size_t length, int use,
                    const sw_profile **profile)
{
    const size_t mark = arena->used;
    uint8_t digest[SW_DIGEST_BYTES];
    codec_kind codec;
    array_file arrays;
    sw_profile *made;
    int error = read_profile(file, length, &arrays, digest, &codec);
    *profile = NULL;
    if (error)
        return error;
    made = arena_take_zeros(arena, 1, sizeof *made);
    if (!made)
        return SW_NO_ROOM;
    made->use = use;
    made->codec = codec;
    memcpy(made->digest, digest, sizeof digest);
    if (codec == FTC)
        error = open_ftc(&made->ftc, &arrays, arena, use);
    else if (codec != ECSQ)
        error = open_range(&made->range, &arrays, arena);
    if (error)
        arena->used = mark;
    else
        *profile = made;
    return error;
}

void sw_profile_info(const sw_profile *profile, sw_info *info)
{
    const planes_shape s = profile->ftc.inverse.shape;
    memset(info, 0, sizeof *info);
    strcpy(info->spec, codec_names[profile->codec]);
    info->has_digest = 1;
    memcpy(info->digest, profile->digest, sizeof info->digest);
    if (profile->codec != FTC)
        return;
    info->rank = 3;
    info->shape[0] = (uint32_t)s.channels;
    info->shape[1] = (uint32_t)s.height;
    info->shape[2] = (uint32_t)s.width;
    info->elements = (size_t)s.size;
}

#endif
