/* Whole vectors of codes to and from bits; see _each_isa.h.
 *
 * The shuffles work within 16 bytes. Those hold 16 codes, or a piece of the packed stream: the
 * 2 * bits bytes that 16 codes become. A piece is read and written as 16 bytes, so the loops end
 * where that would go beyond the buffer, and leave the rest to plain C. Both return how many codes
 * they did. */

/* Neighbours are joined three times: codes to pairs, pairs to fours, fours to eights, which are the
 * number of 8 * bits bits whose bytes, from the highest, are the packed ones. */
TARGET static ptrdiff_t IN(pack_vectors)(const uint8_t *codes, ptrdiff_t n, int bits,
                                         uint8_t *packed, const uint8_t *end, uint64_t *seen)
{
    ptrdiff_t i = 0;
#if VECTOR_BYTES
    const INTS pair = V(set1_epi16)((int16_t)(1 << 8 | 1 << bits));
    const INTS four = V(set1_epi32)(1 << 16 | 1 << 2 * bits);
    const INTS eight = V(set1_epi32)(1 << 4 * bits);
    INTS any = WHOLE(setzero)(), order;
    uint64_t parts[VECTOR_BYTES / 8];
    int8_t control[16];
    for (int k = 0; k < 16; k++)
        control[k] = (int8_t)(k < bits ? bits - 1 - k : k < 2 * bits ? 7 + 2 * bits - k : -1);
    order = IN(repeat)(control);
    for (; n - i >= VECTOR_BYTES && end - packed >= (VECTOR_BYTES / 16 - 1) * 2 * bits + 16;
         i += VECTOR_BYTES) {
        const INTS v = WHOLE(loadu)((const INTS *)(codes + i));
        const INTS fours = V(madd_epi16)(V(maddubs_epi16)(pair, v), four);
        const INTS eights = WHOLE(or)(V(mul_epu32)(fours, eight), V(srli_epi64)(fours, 32));
        const INTS pieces = V(shuffle_epi8)(eights, order);
        any = WHOLE(or)(any, v);
        IN(store_pieces)(packed, 2 * bits, pieces);
        packed += VECTOR_BYTES / 8 * bits;
    }
    WHOLE(storeu)((INTS *)parts, any);
    for (int k = 0; k < VECTOR_BYTES / 8; k++)
        *seen |= parts[k];
#else
    (void)codes, (void)n, (void)bits, (void)packed, (void)end, (void)seen;
#endif
    return i;
}

/* Each code is within two neighbouring bytes, and so in a 16-bit number, out of which a product
 * shifts what stands above the code, and a shift what stands below. */
TARGET static ptrdiff_t IN(unpack_vectors)(const uint8_t *packed, const uint8_t *end, ptrdiff_t n,
                                           int bits, uint8_t *codes)
{
    ptrdiff_t i = 0;
#if VECTOR_BYTES
    int8_t control[2][16];
    int16_t factor[8];
    INTS low, high, above;
    const __m128i below = _mm_cvtsi32_si128(16 - bits);
    for (int k = 0; k < 16; k++) { /* the byte where code k begins, above the one where it ends */
        control[k / 8][k % 8 * 2 + 1] = (int8_t)(k * bits / 8);
        control[k / 8][k % 8 * 2] = (int8_t)((k * bits + bits - 1) / 8);
        factor[k % 8] = (int16_t)(1 << k * bits % 8);
    }
    low = IN(repeat)(control[0]);
    high = IN(repeat)(control[1]);
    above = IN(repeat)(factor);
    for (; n - i >= VECTOR_BYTES && end - packed >= (VECTOR_BYTES / 16 - 1) * 2 * bits + 16;
         i += VECTOR_BYTES, packed += VECTOR_BYTES / 8 * bits) {
        const INTS pieces = IN(load_pieces)(packed, 2 * bits);
        INTS a = V(mullo_epi16)(V(shuffle_epi8)(pieces, low), above);
        INTS b = V(mullo_epi16)(V(shuffle_epi8)(pieces, high), above);
        a = V(srl_epi16)(a, below);
        b = V(srl_epi16)(b, below);
        WHOLE(storeu)((INTS *)(codes + i), V(packus_epi16)(a, b));
    }
#else
    (void)packed, (void)end, (void)n, (void)bits, (void)codes;
#endif
    return i;
}
