/* What memory allows: the measure that benchmarks hold the kernels against. */

#ifndef SPLITWIRE_IDEAL_H
#define SPLITWIRE_IDEAL_H

#include "_isa.h"

static inline uint64_t load_word(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_word(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

#define BODY "_ideal_body.h"
#include "_each_isa.h"

static int (*const move[])(const uint8_t *, ptrdiff_t, uint8_t *, int, int, int) = BODIES(move);

/* With the widest vectors there are, whatever the kernels use. */
static inline int move_bytes(const uint8_t *from, ptrdiff_t n, uint8_t *to, int reads, int writes,
                             int stream)
{
    int result = move[best_level()](from, n, to, reads, writes, stream);
    if (stream)
        end_stream();
    return result;
}

#endif
