/* Dependent quantisation by a search through the trellis of `_trellis.h`: Viterbi's algorithm. */

#ifndef SPLITWIRE_TRELLIS_SEARCH_H
#define SPLITWIRE_TRELLIS_SEARCH_H

#include "_isa.h"
#include "_trellis.h"

#define TRELLIS_PLACES 14   /* magnitudes from here on are Exp-Golomb coded */
#define TRELLIS_LIMIT 65000 /* half steps that an index reaches */
#define TRELLIS_FAR 1e300

/* For each quantiser and parity, as 2 × quantiser + parity, the cheapest index. */
typedef struct {
    double cost[4];
    int index[4];
} trellis_branch;

/* Where a search notes its ways: TRELLIS_STATES and 4 a coefficient. */
typedef struct {
    uint8_t (*origins)[TRELLIS_STATES];
    int16_t (*indices)[4];
} trellis_notes;

/* The bits of a magnitude. */
static inline double trellis_price(const float *rates, int size)
{
    int bits = 0;
    if (size < TRELLIS_PLACES)
        return rates[size];
    size -= TRELLIS_PLACES - 1;
    while (size >> (bits + 1))
        bits++;
    return (double)rates[TRELLIS_PLACES] + (2 * bits + 1);
}

static inline void trellis_consider(trellis_branch *branch, int quantizer, int size, double x,
                                    const float *rates, double tradeoff)
{
    const double error = x - (size ? 2 * size - quantizer : 0);
    const double cost = error * error + tradeoff * trellis_price(rates, size);
    const int way = 2 * quantizer + (size & 1);
    if (cost < branch->cost[way]) {
        branch->cost[way] = cost;
        branch->index[way] = size;
    }
}

/* The indices below and above x in both quantisers, and zero. */
static inline void trellis_explore(trellis_branch *branch, double x, const float *rates,
                                   double tradeoff)
{
    for (int quantizer = 0; quantizer < 2; quantizer++, rates += TRELLIS_PLACES + 1) {
        const int size = (int)((x + quantizer) / 2);
        branch->cost[2 * quantizer] = branch->cost[2 * quantizer + 1] = TRELLIS_FAR;
        trellis_consider(branch, quantizer, size, x, rates, tradeoff);
        trellis_consider(branch, quantizer, size + 1, x, rates, tradeoff);
        if (size)
            trellis_consider(branch, quantizer, 0, x, rates, tradeoff);
    }
}

/* Each state keeps the cheaper of the two ways that lead to it. */
static inline void trellis_step(double *costs, const trellis_branch *branch, uint8_t *origin)
{
    double reached[TRELLIS_STATES];
    for (int state = 0; state < TRELLIS_STATES; state++) {
        const int one = trellis_ways[state][0], other = trellis_ways[state][1];
        const double cost = costs[one >> 1] + branch->cost[one & 3];
        const double rival = costs[other >> 1] + branch->cost[other & 3];
        reached[state] = rival < cost ? rival : cost;
        origin[state] = (uint8_t)(rival < cost ? other : one);
    }
    for (int state = 0; state < TRELLIS_STATES; state++)
        costs[state] = reached[state];
}

/* The magnitude, within what an index reaches; 0 where it is no number. */
static inline double trellis_bounded(float x)
{
    if (x < 0)
        x = -x;
    return x <= TRELLIS_LIMIT ? (double)x : x > TRELLIS_LIMIT ? TRELLIS_LIMIT : 0;
}

/* The indices of z, in half steps, that cost least: squared error and `tradeoff` times bits. The rates
 * are 2 × (TRELLIS_PLACES + 1) numbers a context. */
static NEVER_INLINE void trellis_search(const float *z, const uint16_t *contexts, ptrdiff_t n,
                                        const float *rates, double tradeoff, trellis_notes notes,
                                        int16_t *q)
{
    double costs[TRELLIS_STATES];
    trellis_branch branch = {{0}, {0}};
    int state = 0;
    for (int i = 0; i < TRELLIS_STATES; i++)
        costs[i] = i ? TRELLIS_FAR : 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *bits = rates + 2 * (TRELLIS_PLACES + 1) * (ptrdiff_t)contexts[i];
        trellis_explore(&branch, trellis_bounded(z[i]), bits, tradeoff);
        for (int way = 0; way < 4; way++)
            notes.indices[i][way] = (int16_t)branch.index[way];
        trellis_step(costs, &branch, notes.origins[i]);
    }
    for (int i = 1; i < TRELLIS_STATES; i++)
        if (costs[i] < costs[state])
            state = i;
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        const int way = notes.origins[i][state];
        state = way >> 1;
        q[i] = notes.indices[i][2 * (state & 1) + (way & 1)];
        if (z[i] < 0)
            q[i] = (int16_t)-q[i];
    }
}

#endif
