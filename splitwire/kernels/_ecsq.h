/* An entropy-constrained scalar quantiser for numbers from 0 to 1 (Chou, Lookabaugh and Gray, 1989),
 * whose outermost levels stay at the ends.
 *
 * A number y goes to the level r with the least (y - r)² + λ b, where b = -log2 p is what the level
 * costs. Each inner level then moves to the mean of its numbers, p to their share, and so on: both
 * steps lower the mean of that sum, until nothing moves. */

#ifndef SPLITWIRE_ECSQ_H
#define SPLITWIRE_ECSQ_H

#include <stddef.h>

#include "_maths.h"

#define ECSQ_CELLS 2048 /* of the histogram on which levels are designed */
#define ECSQ_ROUNDS 30
#define ECSQ_PARTS 64 /* a level is kept to a 64th of the even spacing */
#define ECSQ_MOST_LEVELS 64

typedef struct {
    int count; /* of levels */
    int8_t offsets[ECSQ_MOST_LEVELS];    /* of all levels; the outermost have none */
    double thresholds[ECSQ_MOST_LEVELS]; /* where each level but the first begins */
    double numbers[ECSQ_CELLS + 1], sums[ECSQ_CELLS + 1]; /* in the cells before each */
} ecsq_design;

/* Where a level is, from 0 to 1. */
static inline double ecsq_position(int level, int offset, int count)
{
    return (double)(ECSQ_PARTS * level + offset) / (ECSQ_PARTS * (count - 1));
}

/* Where each level but the first begins to be the cheapest; never decreasing. y² + price is a line in y,
 * so that the cheapest levels are the lower envelope of lines. */
static inline void ecsq_thresholds(const double *levels, const double *price, int count,
                                   double *thresholds)
{
    const double far = 1e300 * 1e300;
    double heights[ECSQ_MOST_LEVELS], since[ECSQ_MOST_LEVELS], least = far;
    int kept[ECSQ_MOST_LEVELS], used = 0;
    for (int i = 0; i < count; i++) {
        double start = -far;
        heights[i] = levels[i] * levels[i] + price[i];
        while (used) {
            const int k = kept[used - 1];
            if (levels[i] > levels[k])
                start = (heights[i] - heights[k]) / (2 * (levels[i] - levels[k]));
            else
                start = heights[i] < heights[k] ? -far : far;
            if (start > since[used - 1])
                break;
            used--;
            start = -far;
        }
        if (start < far) {
            since[used] = start;
            kept[used++] = i;
        }
    }
    for (int i = count - 1; i > 0; i--) {
        if (used && kept[used - 1] == i)
            least = since[used - 1] < least ? since[used - 1] : least;
        used -= used && kept[used - 1] == i;
        thresholds[i - 1] = least;
    }
}

/* How many cells lie below a threshold. */
static inline int ecsq_cells_below(double threshold)
{
    int low = 0, high = ECSQ_CELLS;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (middle / (ECSQ_CELLS - 1.0) < threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static inline void ecsq_count(ecsq_design *made, const double *y, ptrdiff_t n)
{
    memset(made->numbers, 0, sizeof made->numbers);
    for (ptrdiff_t i = 0; i < n; i++)
        made->numbers[(int)(y[i] * (ECSQ_CELLS - 1) + 0.5) + 1]++;
    made->sums[0] = 0;
    for (int i = 0; i < ECSQ_CELLS; i++) {
        made->sums[i + 1] = made->sums[i] + made->numbers[i + 1] * (i / (ECSQ_CELLS - 1.0));
        made->numbers[i + 1] += made->numbers[i];
    }
}

/* One round: each inner level to the mean of its numbers, and its price to their share. Returns whether
 * anything moved. */
static inline int ecsq_round(ecsq_design *made, double multiplier, double *levels, double *price)
{
    const int count = made->count;
    const double all = made->numbers[ECSQ_CELLS];
    double costs[ECSQ_MOST_LEVELS], largest = 0;
    int from = 0, moved = 0;
    for (int i = 0; i < count; i++)
        costs[i] = multiplier * price[i];
    ecsq_thresholds(levels, costs, count, made->thresholds);
    for (int i = 0; i < count; i++) {
        const int to = i < count - 1 ? ecsq_cells_below(made->thresholds[i]) : ECSQ_CELLS;
        const double held = made->numbers[to] - made->numbers[from];
        const double mean = held > 0 ? (made->sums[to] - made->sums[from]) / held : levels[i];
        const double cost = -log2_of((held > 0.5 ? held : 0.5) / all);
        double place;
        if (i > 0 && i < count - 1)
            made->offsets[i] = (int8_t)clipped(rounded((mean * (count - 1) - i) * ECSQ_PARTS), -128, 127);
        place = ecsq_position(i, made->offsets[i], count);
        largest = place > largest ? place : largest;
        moved |= largest != levels[i] || cost != price[i];
        levels[i] = largest;
        price[i] = cost;
        from = to;
    }
    return moved;
}

/* `y` holds n numbers. A bit may cost `tradeoff` squares of the levels' even spacing. */
static inline void ecsq_place_levels(ecsq_design *made, const double *y, ptrdiff_t n, int count, double tradeoff)
{
    const double multiplier = tradeoff / ((count - 1.0) * (count - 1.0));
    double levels[ECSQ_MOST_LEVELS], price[ECSQ_MOST_LEVELS], places[ECSQ_MOST_LEVELS];
    made->count = count;
    memset(made->offsets, 0, sizeof made->offsets);
    ecsq_count(made, y, n);
    for (int i = 0; i < count; i++) {
        levels[i] = i == count - 1 ? 1 : i * (1 / (count - 1.0));
        price[i] = log2_of(count);
    }
    for (int round = 0; round < ECSQ_ROUNDS && ecsq_round(made, multiplier, levels, price); round++)
        ;
    for (int i = 0; i < count; i++) {
        places[i] = ecsq_position(i, made->offsets[i], count);
        price[i] *= multiplier;
    }
    ecsq_thresholds(places, price, count, made->thresholds);
}

/* The level of each number, and how many bins they are. */
static inline ptrdiff_t ecsq_pick_levels(const ecsq_design *design, const double *y, ptrdiff_t n, uint8_t *indices)
{
    ptrdiff_t bins = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        int low = 0, high = design->count - 1;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (design->thresholds[middle] <= y[i])
                low = middle + 1;
            else
                high = middle;
        }
        indices[i] = (uint8_t)low;
        bins += low + 1;
    }
    return bins;
}

#endif
