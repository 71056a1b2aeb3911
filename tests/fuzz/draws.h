/* What the fuzzers beside this share: draws that a seed repeats, and what has to hold. */

#ifndef SPLITWIRE_FUZZ_DRAWS_H
#define SPLITWIRE_FUZZ_DRAWS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 1;

static uint32_t draw(uint32_t below) /* xorshift64* */
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1Du >> 32) % below);
}

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

#endif
