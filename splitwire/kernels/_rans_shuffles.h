/* Words that 8 lanes take in or put out, by which of them do: for AVX2, which has no such instruction. */

#ifndef SPLITWIRE_RANS_SHUFFLES_H
#define SPLITWIRE_RANS_SHUFFLES_H

#include "_isa.h"

#ifdef SPLITWIRE_X86
/* For the 8 lanes of a mask: the shuffle that spreads words over them, and the one that gathers the
 * words at the top. */
static uint8_t rans_spread[256][16], rans_gathered[256][16];

static void rans_fill_shuffles(void)
{
    for (int mask = 0; mask < 256; mask++) {
        int count = 0, word = 0;
        for (int lane = 0; lane < 8; lane++)
            count += mask >> lane & 1;
        for (int lane = 0; lane < 8; lane++) {
            const int here = mask >> lane & 1, top = 8 - count + word;
            rans_spread[mask][2 * lane] = (uint8_t)(here ? 2 * word : 0x80);
            rans_spread[mask][2 * lane + 1] = (uint8_t)(here ? 2 * word + 1 : 0x80);
            if (here) {
                rans_gathered[mask][2 * top] = (uint8_t)(2 * lane);
                rans_gathered[mask][2 * top + 1] = (uint8_t)(2 * lane + 1);
            }
            word += here;
        }
    }
}

#define RANS_AVX2 static inline __attribute__((target("avx2,bmi,bmi2,popcnt"), always_inline))
#endif

/* Once, before any stream. */
static inline void rans_prepare(void)
{
#ifdef SPLITWIRE_X86
    rans_fill_shuffles();
#endif
}

#endif
