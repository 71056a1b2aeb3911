/* Dependent quantisation: which of two quantisers is next.
 *
 * With a step of 2, the first quantiser has the even numbers, the second the odd ones and zero. The
 * parity of each index moves a machine of eight states, and the odd states take the second quantiser:
 * trellis-coded quantisation (Marcellin and Fischer, 1990) in the form of H. Schwarz et al. (2019),
 * "Hybrid video coding with trellis-coded quantization", which VVC took up with four states. At equal
 * rates the error is 1.1 dB below that of a uniform quantiser; four states bring 1.0. */

#ifndef SPLITWIRE_TRELLIS_H
#define SPLITWIRE_TRELLIS_H

#include <stddef.h>
#include <stdint.h>

#define TRELLIS_STATES 8

static const uint8_t trellis_next[TRELLIS_STATES][2] = {
    {0, 2}, {5, 7}, {1, 3}, {6, 4}, {2, 0}, {4, 6}, {3, 1}, {7, 5},
};

/* The two ways into each state, as 2 × the state before + parity. */
static const uint8_t trellis_ways[TRELLIS_STATES][2] = {
    {0, 9}, {4, 13}, {1, 8}, {5, 12}, {7, 10}, {2, 15}, {6, 11}, {3, 14},
};

/* Which quantiser each of n indices belongs to. */
static inline void trellis_find_quantizers(const int16_t *q, ptrdiff_t n, uint8_t *second)
{
    int state = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        second[i] = state & 1;
        state = trellis_next[state][q[i] & 1];
    }
}

#endif
