/* `rans`: uniformly quantised codes at the price of their order-0 entropy, and their table's. Some
 * tensors of 8 bits are coded by bytes, which a 0 says where the length of a table stands. */

#ifndef SPLITWIRE_CORE_RANS_H
#define SPLITWIRE_CORE_RANS_H

#include "_rans_stream.h"
#include "_rans_table.h"
#include "_rans8_stream.h"
#include "coding.h"

#define RANS_SYMBOLS 256 /* at most */
#define PLAIN 0 /* the level without vectors: theirs need tables that are shared, and filled first */
#define RANS8_LEVEL (best_level() == 2 ? 2 : PLAIN) /* which has none */

typedef struct {
    uint16_t frequencies[RANS_SYMBOLS];
    uint32_t model[RANS_SYMBOLS], reciprocal[RANS_SYMBOLS];
    int32_t of_row;
} rans_model;

/* What a packed table says; 0 where the bytes are none. */
static int unpack_model(const uint8_t *packed, ptrdiff_t length, int symbols, rans_model *model)
{
    int64_t weights[RANS_SYMBOLS];
    model->of_row = 0;
    if (!rans_unpack_levels(packed, length, symbols, RANS_PRECISION, weights) ||
        !rans_normalize(weights, symbols, RANS_PRECISION, model->frequencies))
        return 0;
    return rans_fill_model(model->frequencies, symbols, RANS_PRECISION, model->model,
                           model->reciprocal);
}

static rans_tables tables_of(const rans_model *model, const uint32_t *slots, ptrdiff_t n, int symbols)
{
    const rans_tables tables = {model->model, model->reciprocal, slots, NULL, &model->of_row, n, symbols,
                                RANS_PRECISION};
    return tables;
}

/* The packed table of counts; returns its length. `packed` holds rans_packed_capacity bytes. */
static ptrdiff_t pack_model(const int64_t *counts, int symbols, rans_model *model, uint8_t *packed)
{
    ptrdiff_t length;
    rans_normalize(counts, symbols, RANS_PRECISION, model->frequencies);
    length = rans_pack_levels(model->frequencies, symbols, RANS_PRECISION, packed);
    unpack_model(packed, length, symbols, model);
    return length;
}

static int encode_by_bytes(const coding *job, const int64_t *counts, const uint8_t *codes, writer *to)
{
    const ptrdiff_t n = job->shape.size, capacity = rans8_capacity(n);
    uint8_t *room = arena_take(job->arena, (size_t)capacity, 1), *begin;
    if (!room)
        return SW_NO_ROOM;
    begin = rans8_encode_stream(counts, codes, n, room, RANS8_LEVEL);
    write_byte(to, 0);
    write_bytes(to, begin, (size_t)(room + capacity - begin));
    return SW_OK;
}

static int encode_by_table(const coding *job, const int64_t *counts, const uint8_t *codes, writer *to)
{
    const ptrdiff_t n = job->shape.size, capacity = rans_capacity(n) + RANS_SPARE;
    const int symbols = 1 << job->set.bits;
    uint8_t *packed = arena_take(job->arena, (size_t)rans_packed_capacity(symbols, RANS_PRECISION), 1);
    uint8_t *room = arena_take(job->arena, (size_t)capacity, 1), *begin;
    rans_model *model = arena_take(job->arena, 1, sizeof *model);
    rans_tables tables;
    ptrdiff_t length;
    if (!model || !packed || !room)
        return SW_NO_ROOM;
    length = pack_model(counts, symbols, model, packed);
    write_varint(to, (uint64_t)length);
    write_bytes(to, packed, (size_t)length);
    tables = tables_of(model, NULL, n, symbols);
    begin = rans_encode_stream(&tables, codes, 0, n, room + capacity, PLAIN);
    write_bytes(to, begin, (size_t)(room + capacity - begin));
    return SW_OK;
}

static int rans_encode(const coding *job, const float *x, writer *to)
{
    int64_t counts[256];
    uint8_t *codes;
    int error = quantise(job, x, to, &codes);
    if (error)
        return error;
    count_codes(codes, job->shape.size, counts);
    return job->set.bits == 8 && rans8_suits(counts)
               ? encode_by_bytes(job, counts, codes, to)
               : encode_by_table(job, counts, codes, to);
}

static int decode_by_table(const coding *job, reader *from, uint64_t length, uint8_t *codes)
{
    const int symbols = 1 << job->set.bits;
    uint32_t *slots = arena_take(job->arena, 1 << RANS_PRECISION, sizeof *slots);
    rans_model *model = arena_take(job->arena, 1, sizeof *model);
    rans_tables tables;
    if (!slots || !model)
        return SW_NO_ROOM;
    if (from->failed || length > bytes_left(from) ||
        !unpack_model(from->at, (ptrdiff_t)length, symbols, model))
        return SW_DAMAGED;
    rans_fill_slots(model->frequencies, symbols, slots);
    tables = tables_of(model, slots, job->shape.size, symbols);
    from->at += length;
    return rans_decode_stream(&tables, codes, 0, job->shape.size, from->at, from->end - from->at, PLAIN)
               ? SW_OK
               : SW_DAMAGED;
}

static int rans_decode(const coding *job, reader *from, float *x)
{
    uint8_t *codes = arena_take(job->arena, (size_t)job->shape.size, 1);
    clip_range range;
    uint64_t length;
    int error = codes ? read_range(job, from, &range) : SW_NO_ROOM;
    if (error)
        return error;
    length = read_varint(from);
    if (from->failed || length || job->set.bits != 8)
        error = decode_by_table(job, from, length, codes);
    else if (!rans8_decode_stream(from->at, from->end - from->at, codes, job->shape.size, RANS8_LEVEL))
        error = SW_DAMAGED;
    return error ? error : dequantise(job, &range, codes, x);
}

#endif
