/* Splitwire in C: feature tensors to streams and back, as docs/bitstream.md says.
 *
 *     static unsigned char memory[8 << 20];
 *     sw_arena arena = {memory, sizeof memory, 0};
 *     const sw_profile *profile;
 *     sw_profile_open(&arena, file, file_length, SW_ENCODE, &profile);
 *     sw_encode(&arena, "ftc:quality=50", profile, x, 3, shape, stream, sizeof stream, &length);
 *     sw_decode(&arena, profile, stream, length, y, elements);
 *
 * The codecs `raw`, `rans`, `ecsq` and `ftc`, tensors that stand alone. Nothing allocates, keeps state
 * between calls, or prints; all memory is the caller's. Every function may run on several threads at
 * once, each with an arena of its own; a profile, once open, is only read and may be shared.
 *
 * Tensors are float32 in C order, and must be finite to be encoded. Decoding is exact: the same stream
 * gives the same bits on every machine, as it does in Python. Streams may come from anywhere: damage
 * is an error, never a crash. A profile is trusted no more. */

#ifndef SPLITWIRE_C_H
#define SPLITWIRE_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SW_API __attribute__((visibility("default")))
#else
#define SW_API
#endif

#define SW_MAX_RANK 8
#define SW_DIGEST_BYTES 8
#define SW_MAX_SPEC 255

/* What functions return. */
enum {
    SW_OK = 0,
    SW_DAMAGED,         /* the bytes are no stream, or not as they were written */
    SW_FOLLOWS,         /* the stream builds on another */
    SW_UNKNOWN_CODEC,   /* none of the four */
    SW_BAD_SPEC,        /* a parameter that the codec does not have, or out of range */
    SW_BAD_TENSOR,      /* a shape that cannot be coded, NaN or infinity */
    SW_NO_PROFILE,      /* one is needed, and NULL was given */
    SW_OTHER_PROFILE,   /* the stream, the codec or the shape needs another profile */
    SW_DAMAGED_PROFILE, /* the bytes are no profile, or not as they were written */
    SW_OVER_TARGET,     /* not even quality 0 keeps to target_bytes */
    SW_NO_ROOM,         /* the arena, or the place for the result, is too small */
};

/* An error in words, English, one line; never NULL. */
SW_API const char *sw_error(int error);

/* The caller's memory, of any alignment. What opening a profile takes of it stays taken; what encoding
 * and decoding take, they give back. Setting `used` back frees what was opened since. */
typedef struct {
    void *memory;
    size_t size, used;
} sw_arena;

/* What a codec learnt: a file that Python's `Profile.save` wrote, opened. */
typedef struct sw_profile sw_profile;

enum { SW_DECODE, SW_ENCODE }; /* what a profile is for: decoding only, or both */

/* Bytes of an arena that surely suffice to open a profile; 0 if the bytes are none. */
SW_API size_t sw_profile_room(const void *file, size_t length, int use);

/* Opens a profile, once. Its file is not needed any more afterwards.
 * SW_DAMAGED_PROFILE, SW_UNKNOWN_CODEC, SW_NO_ROOM. */
SW_API int sw_profile_open(sw_arena *arena, const void *file, size_t length, int use,
                           const sw_profile **profile);

/* What a stream, or a profile, says of itself. */
typedef struct {
    char spec[SW_MAX_SPEC + 1];      /* the codec's name and what decoding needs, as in "raw:bits=4" */
    int rank;                        /* of a profile: 3, or 0 where it takes any shape */
    uint32_t shape[SW_MAX_RANK];
    size_t elements;
    int has_digest;
    uint8_t digest[SW_DIGEST_BYTES]; /* of the profile */
} sw_info;

/* SW_DAMAGED, SW_FOLLOWS. */
SW_API int sw_stream_info(const void *stream, size_t length, sw_info *info);
SW_API void sw_profile_info(const sw_profile *profile, sw_info *info);

/* Bytes of an arena that surely suffice to encode or decode a tensor, with a profile or NULL; and
 * bytes that no stream of such a tensor is longer than. */
SW_API size_t sw_room(size_t elements);
SW_API size_t sw_most_bytes(size_t elements);

/* Encodes a tensor by the codec of a spec, as in "rans:bits=4,clip=minmax", with a profile or NULL.
 * The stream has `room` bytes; its length is given back. SW_UNKNOWN_CODEC, SW_BAD_SPEC, SW_BAD_TENSOR,
 * SW_NO_PROFILE, SW_OTHER_PROFILE, SW_OVER_TARGET, SW_NO_ROOM. */
SW_API int sw_encode(sw_arena *arena, const char *spec, const sw_profile *profile, const float *x,
                     int rank, const uint32_t *shape, void *stream, size_t room, size_t *length);

/* Decodes a stream to `room` floats or fewer: sw_stream_info says how many.
 * SW_DAMAGED, SW_FOLLOWS, SW_UNKNOWN_CODEC, SW_NO_PROFILE, SW_OTHER_PROFILE, SW_NO_ROOM. */
SW_API int sw_decode(sw_arena *arena, const sw_profile *profile, const void *stream, size_t length,
                     float *x, size_t room);

#ifdef __cplusplus
}
#endif

#endif
