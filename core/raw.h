/* `raw`: the numbers themselves, or their codes packed to the bit. */

#ifndef SPLITWIRE_CORE_RAW_H
#define SPLITWIRE_CORE_RAW_H

#include "_bitpack.h"
#include "coding.h"

#define HALF_LARGEST 65504.0f

/* The half-precision number nearest to x, half to even; x is at most HALF_LARGEST. */
static uint16_t half_of(float x)
{
    uint32_t bits, sign, kept, rest, middle;
    int less, exponent;
    memcpy(&bits, &x, sizeof bits);
    sign = bits >> 16 & 0x8000;
    exponent = (int)(bits >> 23 & 255) - 112; /* of the half */
    less = exponent > 0 ? 13 : 14 - exponent; /* bits to lose: more where the half is subnormal */
    if (less > 24)
        return (uint16_t)sign;
    kept = (bits & 0x7FFFFF) | (bits >> 23 & 255 ? 0x800000 : 0);
    rest = kept & ((1u << less) - 1);
    middle = 1u << (less - 1);
    kept >>= less;
    if (exponent > 0)
        kept += (uint32_t)(exponent - 1) << 10;
    return (uint16_t)(sign | (kept + (rest > middle || (rest == middle && kept & 1))));
}

static float float_of_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
    uint32_t bits = sign | (uint32_t)(half & 1023) << 13;
    float x;
    if (exponent == 0) {
        const float size = (float)(half & 1023) * 5.9604644775390625e-8f; /* 2^-24 */
        return sign ? -size : size;
    }
    bits |= (exponent == 31 ? 255 : exponent + 112) << 23;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int raw_encode_numbers(const coding *job, const float *x, writer *to)
{
    for (ptrdiff_t i = 0; i < job->shape.size && job->set.dtype == FLOAT16; i++) {
        const uint16_t half = half_of((float)clipped(x[i], -HALF_LARGEST, HALF_LARGEST));
        write_bytes(to, &half, 2);
    }
    if (job->set.dtype == FLOAT32)
        write_bytes(to, x, sizeof *x * (size_t)job->shape.size);
    return SW_OK;
}

static int raw_decode_numbers(const coding *job, reader *from, float *x)
{
    const size_t n = (size_t)job->shape.size, bytes = job->set.dtype == FLOAT32 ? 4 : 2;
    if (bytes_left(from) != bytes * n)
        return SW_DAMAGED;
    if (job->set.dtype == FLOAT32)
        memcpy(x, from->at, 4 * n);
    for (size_t i = 0; i < n && job->set.dtype == FLOAT16; i++)
        x[i] = float_of_half((uint16_t)(from->at[2 * i] | from->at[2 * i + 1] << 8));
    return SW_OK;
}

static int raw_encode(const coding *job, const float *x, writer *to)
{
    const ptrdiff_t length = packed_length(job->shape.size, job->set.bits);
    uint8_t *codes;
    int error;
    if (job->set.dtype != CODES)
        return raw_encode_numbers(job, x, to);
    error = quantise(job, x, to, &codes);
    if (error)
        return error;
    if (to->failed || to->end - to->at < length)
        return SW_NO_ROOM;
    pack_codes(best_level(), codes, job->shape.size, job->set.bits, to->at);
    to->at += length;
    return SW_OK;
}

static int raw_decode(const coding *job, reader *from, float *x)
{
    const int padding = (int)(-(uint64_t)job->shape.size * (uint64_t)job->set.bits & 7);
    uint8_t *codes;
    clip_range range;
    int error;
    if (job->set.dtype != CODES)
        return raw_decode_numbers(job, from, x);
    error = read_range(job, from, &range);
    if (error)
        return error;
    if (bytes_left(from) != (size_t)packed_length(job->shape.size, job->set.bits) ||
        from->end[-1] & ((1 << padding) - 1))
        return SW_DAMAGED;
    codes = arena_take(job->arena, (size_t)job->shape.size, 1);
    if (!codes)
        return SW_NO_ROOM;
    unpack_codes(best_level(), from->at, job->shape.size, job->set.bits, codes);
    return dequantise(job, &range, codes, x);
}

#endif
