/* The levels and thresholds of `ecsq`, designed for numbers from 0 to 1: splitwire/codecs/ecsq.py. */

#ifndef SPLITWIRE_CORE_ECSQ_DESIGN_H
#define SPLITWIRE_CORE_ECSQ_DESIGN_H

#include "maths.h"

#define CELLS 2048 /* of the histogram on which levels are designed */
#define ROUNDS 30
#define PARTS 64 /* a level is kept to a 64th of the even spacing */
#define MOST_LEVELS 64

typedef struct {
    int count; /* of levels */
    int8_t offsets[MOST_LEVELS];         /* of all levels; the outermost have none */
    double thresholds[MOST_LEVELS];      /* where each level but the first begins */
    double numbers[CELLS + 1], sums[CELLS + 1]; /* in the cells before each */
} ecsq_design;

/* Where a level is, from 0 to 1. */
static double level_position(int level, int offset, int count)
{
    return (double)(PARTS * level + offset) / (PARTS * (count - 1));
}

/* Where each level but the first begins to be the cheapest; never decreasing. y² + price is a line in y,
 * so that the cheapest levels are the lower envelope of lines. */
static void ecsq_thresholds(const double *levels, const double *price, int count, double *thresholds)
{
    const double far = 1e300 * 1e300;
    double heights[MOST_LEVELS], since[MOST_LEVELS], least = far;
    int kept[MOST_LEVELS], used = 0;
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
static int cells_below(double threshold)
{
    int low = 0, high = CELLS;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (middle / (CELLS - 1.0) < threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void count_cells(ecsq_design *made, const double *y, ptrdiff_t n)
{
    memset(made->numbers, 0, sizeof made->numbers);
    for (ptrdiff_t i = 0; i < n; i++)
        made->numbers[(int)(y[i] * (CELLS - 1) + 0.5) + 1]++;
    made->sums[0] = 0;
    for (int i = 0; i < CELLS; i++) {
        made->sums[i + 1] = made->sums[i] + made->numbers[i + 1] * (i / (CELLS - 1.0));
        made->numbers[i + 1] += made->numbers[i];
    }
}

/* One round: each inner level to the mean of its numbers, and its price to their share. Returns whether
 * anything moved. */
static int design_round(ecsq_design *made, double multiplier, double *levels, double *price)
{
    const int count = made->count;
    const double all = made->numbers[CELLS];
    double costs[MOST_LEVELS], largest = 0;
    int from = 0, moved = 0;
    for (int i = 0; i < count; i++)
        costs[i] = multiplier * price[i];
    ecsq_thresholds(levels, costs, count, made->thresholds);
    for (int i = 0; i < count; i++) {
        const int to = i < count - 1 ? cells_below(made->thresholds[i]) : CELLS;
        const double held = made->numbers[to] - made->numbers[from];
        const double mean = held > 0 ? (made->sums[to] - made->sums[from]) / held : levels[i];
        const double cost = -log2_of((held > 0.5 ? held : 0.5) / all);
        double place;
        if (i > 0 && i < count - 1)
            made->offsets[i] = (int8_t)clipped(rounded((mean * (count - 1) - i) * PARTS), -128, 127);
        place = level_position(i, made->offsets[i], count);
        largest = place > largest ? place : largest;
        moved |= largest != levels[i] || cost != price[i];
        levels[i] = largest;
        price[i] = cost;
        from = to;
    }
    return moved;
}

/* `y` holds n numbers. A bit may cost `tradeoff` squares of the levels' even spacing. */
static void design_levels(ecsq_design *made, const double *y, ptrdiff_t n, int count, double tradeoff)
{
    const double multiplier = tradeoff / ((count - 1.0) * (count - 1.0));
    double levels[MOST_LEVELS], price[MOST_LEVELS], places[MOST_LEVELS];
    made->count = count;
    memset(made->offsets, 0, sizeof made->offsets);
    count_cells(made, y, n);
    for (int i = 0; i < count; i++) {
        levels[i] = i == count - 1 ? 1 : i * (1 / (count - 1.0));
        price[i] = log2_of(count);
    }
    for (int round = 0; round < ROUNDS && design_round(made, multiplier, levels, price); round++)
        ;
    for (int i = 0; i < count; i++) {
        places[i] = level_position(i, made->offsets[i], count);
        price[i] *= multiplier;
    }
    ecsq_thresholds(places, price, count, made->thresholds);
}

#endif
