/* The least that a kernel could do: read, OR and write; see _each_isa.h. */

#if VECTOR_BYTES
#define UNIT INTS
#define READ(p) WHOLE(loadu)((const INTS *)(p))
#define OR WHOLE(or)
#define WRITE(p, v, stream) \
    ((stream) ? WHOLE(stream)((INTS *)(p), v) : WHOLE(storeu)((INTS *)(p), v))
#else
#define UNIT uint64_t
#define READ(p) load_word(p)
#define OR(a, b) ((a) | (b))
#define WRITE(p, v, stream) store_word(p, v)
#endif

TARGET static ALWAYS_INLINE uint8_t IN(steps)(const uint8_t *from, ptrdiff_t count, uint8_t *to,
                                              const int reads, const int writes, const int stream)
{
    UNIT any = READ(from);
    for (; count > 0; count--, from += reads * sizeof any, to += writes * sizeof any) {
        UNIT v = READ(from);
        for (int k = 1; k < reads; k++)
            v = OR(v, READ(from + k * sizeof any));
        any = OR(any, v);
        for (int k = 0; k < writes; k++)
            WRITE(to + k * sizeof any, v, stream);
    }
    {
        uint8_t bytes[sizeof any];
        memcpy(bytes, &any, sizeof any);
        return bytes[0];
    }
}

#define CASE(r, w)                                                    \
    case 16 * r + w:                                                  \
        return stream ? IN(steps)(from, n / (r * (int)sizeof(UNIT)), to, r, w, 1) \
                      : IN(steps)(from, n / (r * (int)sizeof(UNIT)), to, r, w, 0)

TARGET static int IN(move)(const uint8_t *from, ptrdiff_t n, uint8_t *to, int reads, int writes,
                           int stream)
{
    switch (16 * reads + writes) {
        CASE(4, 0);
        CASE(4, 1);
        CASE(1, 4);
        CASE(4, 4);
        CASE(8, 1);
        CASE(8, 2);
        CASE(8, 3);
        CASE(8, 4);
        CASE(8, 5);
        CASE(8, 6);
        CASE(8, 7);
        CASE(1, 8);
        CASE(2, 8);
        CASE(3, 8);
        CASE(4, 8);
        CASE(5, 8);
        CASE(6, 8);
        CASE(7, 8);
    }
    return -1;
}

#undef CASE
#undef UNIT
#undef READ
#undef OR
#undef WRITE
