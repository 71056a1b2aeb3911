/* The functions of splitwire.h. All else is in headers beside this file and in splitwire/kernels, so that
 * this is the one file to compile: docs/c.md says how. */

#include "splitwire.h"

#include "ecsq.h"
#include "errors.h"
#include "ftc_decoder.h"
#include "ftc_encoder.h"
#include "profile.h"
#include "raw.h"
#include "rans.h"

#define BYTES_AN_ELEMENT 160 /* the most: one map of one row, of large coefficients */
#define BYTES_AT_LEAST ((size_t)1 << 19) /* contexts, tables */

int sw_stream_info(const void *stream, size_t length, sw_info *info)
{
    header head;
    const int error = read_header(stream, length, &head);
    memset(info, 0, sizeof *info);
    if (error)
        return error;
    memcpy(info->spec, head.spec.at, head.spec.length);
    info->rank = head.rank;
    memcpy(info->shape, head.shape, sizeof *head.shape * (size_t)head.rank);
    info->elements = head.elements;
    info->has_digest = head.digest != NULL;
    if (head.digest)
        memcpy(info->digest, head.digest, SW_DIGEST_BYTES);
    return SW_OK;
}

size_t sw_room(size_t elements)
{
    return elements > (SIZE_MAX / 2 - BYTES_AT_LEAST) / BYTES_AN_ELEMENT
               ? SIZE_MAX / 2
               : BYTES_AT_LEAST + BYTES_AN_ELEMENT * elements;
}

size_t sw_most_bytes(size_t elements)
{
    return 8192 + 8 * elements;
}

/* Whether a tensor is one that can be coded; `head` then has its shape. */
static int check_tensor(const float *x, int rank, const uint32_t *shape, header *head)
{
    if (rank < 1 || rank > SW_MAX_RANK)
        return SW_BAD_TENSOR;
    head->rank = rank;
    for (int i = 0; i < rank; i++) {
        head->shape[i] = shape[i];
        if (!shape[i])
            return SW_BAD_TENSOR;
    }
    if (!justified(head, (size_t)1 << 30))
        return SW_BAD_TENSOR;
    for (size_t i = 0; i < head->elements; i++)
        if (!(x[i] - x[i] == 0)) /* of NaN and infinities it is NaN */
            return SW_BAD_TENSOR;
    return SW_OK;
}

/* Whether the settings and the profile go together for planes of that shape. */
static int check_profile(settings *set, const sw_profile *profile, planes_shape shape)
{
    const planes_shape learnt = profile ? profile->ftc.inverse.shape : shape;
    if (!profile)
        return set->codec == FTC || set->clip == LEARNT ? SW_NO_PROFILE : SW_OK;
    if (profile->codec != set->codec)
        return SW_OTHER_PROFILE;
    if (set->codec == RAW || set->codec == RANS) {
        if (set->dtype != CODES || (set->clip_said && set->clip != LEARNT &&
                                    set->clip != settings_of(set->codec).clip))
            return SW_BAD_SPEC;
        set->clip = LEARNT;
    }
    if (set->codec == FTC && (learnt.channels != shape.channels || learnt.height != shape.height ||
                              learnt.width != shape.width))
        return SW_OTHER_PROFILE;
    return SW_OK;
}

/* Whether a tensor is coded as its transpose; `raw` has numbers as they stand. */
static int is_turned(const coding *job, const header *head)
{
    return head->rank == 2 && !(job->set.codec == RAW && job->set.dtype != CODES);
}

static int encode_planes(const coding *job, const float *planes, size_t around, writer *to)
{
    switch (job->set.codec) {
    case RAW:
        return raw_encode(job, planes, to);
    case RANS:
        return rans_encode(job, planes, to);
    case ECSQ:
        return ecsq_encode(job, planes, to);
    default:
        return ftc_encode(job, planes, around, to);
    }
}

static int encode_tensor(coding *job, const header *head, const float *x, writer *to)
{
    const uint8_t *digest = job->profile ? job->profile->digest : NULL, *begin = to->at;
    char spec[SW_MAX_SPEC + 1];
    float *turned = NULL;
    header claim = *head;
    size_t before;
    int error;
    travelling_spec(&job->set, spec);
    write_header(to, spec, head->rank, head->shape, digest);
    before = (size_t)(to->at - begin);
    if (is_turned(job, head)) {
        turned = arena_take(job->arena, head->elements, sizeof *turned);
        if (!turned)
            return SW_NO_ROOM;
        transpose(x, (ptrdiff_t)head->shape[0], (ptrdiff_t)head->shape[1], turned);
    }
    error = encode_planes(job, turned ? turned : x, before + CRC_BYTES, to);
    if (error || to->failed)
        return error ? error : SW_NO_ROOM;
    if (!justified(&claim, (size_t)(to->at - begin) - before))
        return SW_BAD_TENSOR;
    write_crc(to, begin);
    return to->failed ? SW_NO_ROOM : SW_OK;
}

int sw_encode(sw_arena *arena, const char *spec, const sw_profile *profile, const float *x, int rank,
              const uint32_t *shape, void *stream, size_t room, size_t *length)
{
    const size_t mark = arena->used;
    writer to = {stream, (uint8_t *)stream + room, 0};
    coding job = {.profile = profile, .arena = arena};
    header head;
    int error = parse_spec((word){spec, strlen(spec)}, &job.set);
    *length = 0;
    if (!error)
        error = check_tensor(x, rank, shape, &head);
    if (error)
        return error;
    job.shape = planes_of(rank, shape);
    error = check_profile(&job.set, profile, job.shape);
    if (!error)
        error = encode_tensor(&job, &head, x, &to);
    arena->used = mark;
    if (!error)
        *length = (size_t)(to.at - (uint8_t *)stream);
    return error;
}

static int decode_planes(const coding *job, reader *from, float *planes)
{
    switch (job->set.codec) {
    case RAW:
        return raw_decode(job, from, planes);
    case RANS:
        return rans_decode(job, from, planes);
    case ECSQ:
        return ecsq_decode(job, from, planes);
    default:
        return ftc_decode(job, from, planes);
    }
}

static int decode_tensor(coding *job, header *head, float *x)
{
    const int turned = is_turned(job, head);
    float *planes = x;
    int error;
    if (turned)
        planes = arena_take(job->arena, head->elements, sizeof *planes);
    if (!planes)
        return SW_NO_ROOM;
    error = decode_planes(job, &head->payload, planes);
    if (!error && turned)
        transpose(planes, (ptrdiff_t)head->shape[1], (ptrdiff_t)head->shape[0], x);
    return error;
}

/* What a stream needs: its codec's settings, and the profile that it names. */
static int read_job(const header *head, const sw_profile *profile, coding *job)
{
    int error = parse_spec(head->spec, &job->set);
    if (error)
        return error == SW_BAD_SPEC ? SW_DAMAGED : error;
    if (head->digest && !profile)
        return SW_NO_PROFILE;
    if (head->digest && memcmp(head->digest, profile->digest, SW_DIGEST_BYTES))
        return SW_OTHER_PROFILE;
    job->profile = head->digest ? profile : NULL;
    job->shape = planes_of(head->rank, head->shape);
    error = check_profile(&job->set, job->profile, job->shape);
    return error == SW_BAD_SPEC || error == SW_NO_PROFILE ? SW_DAMAGED : error;
}

int sw_decode(sw_arena *arena, const sw_profile *profile, const void *stream, size_t length, float *x,
              size_t room)
{
    const size_t mark = arena->used;
    coding job = {.arena = arena};
    header head;
    int error = read_header(stream, length, &head);
    if (!error)
        error = read_job(&head, profile, &job);
    if (error)
        return error;
    if (head.elements > room)
        return SW_NO_ROOM;
    error = decode_tensor(&job, &head, x);
    arena->used = mark;
    return error;
}
