/* The transform of `ftc`: a DCT over the map, and for each octave a KLT over channels. What is what is
 * told in splitwire/codecs/ftc/transform.py.
 *
 * The inverse is exact, made of integers that float64 holds. Spectra are kept with the frequencies of
 * an octave side by side, so that a KLT is one product of matrices. */

#ifndef SPLITWIRE_CORE_TRANSFORM_H
#define SPLITWIRE_CORE_TRANSFORM_H

#include "_maths.h"
#include "planes.h"
#include "product.h"

#define OCTAVES 5
#define COSINE_BITS 14
#define BASIS_BITS 15
#define MOST_BITS 27
#define EXACT_BITS (53 - BASIS_BITS)

typedef struct {
    planes_shape shape;
    int octaves;
    ptrdiff_t begins[OCTAVES + 1]; /* where each octave begins, side by side */
    uint32_t *places;              /* where each frequency stands then */
    double *rows, *columns;        /* cosines in integers: a row a place, and a column a place */
    double *basis;                 /* of each octave, (channels, components) */
} transform;

typedef struct {
    double *rows, *columns; /* orthonormal cosines: a row a frequency, and a column a frequency */
    double *klt;            /* the inverse of each basis */
} forward_transform;

static int octave_of(ptrdiff_t rate)
{
    return rate < 2 ? (int)rate : rate < 4 ? 2 : rate < 8 ? 3 : 4;
}

static int octaves_of(planes_shape shape)
{
    return 1 + octave_of((shape.height > shape.width ? shape.height : shape.width) - 1);
}

static double orthonormal(ptrdiff_t rate, ptrdiff_t place, ptrdiff_t size)
{
    const double n = (double)size;
    if (rate == 0)
        return root(1 / n);
    return cosine((2 * (uint64_t)place + 1) * (uint64_t)rate, (uint64_t)size) * root(2 / n);
}

/* The orthonormal DCT-II of that size, times `scale`, in integers where it is not 1. Entry (i, j) is that
 * of frequency i and place j, or of place i and frequency j where it is `turned`. */
static double *cosines(sw_arena *arena, ptrdiff_t size, double scale, int turned)
{
    double *made = NULL;
    if ((uint64_t)size * (uint64_t)size <= SIZE_MAX / sizeof *made) /* of 32 bits, perhaps */
        made = arena_take(arena, (size_t)(size * size), sizeof *made);
    for (ptrdiff_t i = 0; made && i < size; i++)
        for (ptrdiff_t j = 0; j < size; j++) {
            const double c = orthonormal(turned ? j : i, turned ? i : j, size);
            made[i * size + j] = scale == 1 ? c : rounded(c * scale);
        }
    return made;
}

/* Sorts the frequencies by octave; needs `places`. */
static void order_frequencies(transform *made)
{
    const ptrdiff_t height = made->shape.height, width = made->shape.width;
    uint32_t next = 0;
    for (int octave = 0; octave < made->octaves; octave++) {
        made->begins[octave] = next;
        for (ptrdiff_t u = 0; u < height; u++)
            for (ptrdiff_t v = 0; v < width; v++)
                if (octave_of(u > v ? u : v) == octave)
                    made->places[u * width + v] = next++;
    }
    made->begins[made->octaves] = next;
}

/* The channels of each octave multiplied by its matrix; spectra are (channels, H × W). */
static void mix(const transform *with, const double *matrices, const double *spectra, double *mixed)
{
    const ptrdiff_t c = with->shape.channels, plane = with->shape.height * with->shape.width;
    for (int octave = 0; octave < with->octaves; octave++) {
        const ptrdiff_t at = with->begins[octave];
        product(matrices + octave * c * c, c, c, spectra + at, plane,
                               with->begins[octave + 1] - at, mixed + at, plane);
    }
}

/* Integers of the next stage: `less` bits less, rounded half to even, and of `bits` bits at most. */
static void settle(double *sums, ptrdiff_t n, int less, int bits)
{
    const double scale = power_of_two(-less), most = power_of_two(bits);
    for (ptrdiff_t i = 0; i < n; i++)
        sums[i] = rounded(clipped(sums[i] * scale, -most, most));
}

static int stage_bits(planes_shape shape)
{
    const ptrdiff_t larger = shape.height > shape.width ? shape.height : shape.width;
    const ptrdiff_t terms = larger > shape.channels ? larger : shape.channels;
    int log = 0;
    while ((terms - 1) >> log)
        log++;
    return EXACT_BITS - log < MOST_BITS ? EXACT_BITS - log : MOST_BITS;
}

/* Planes of components' spectra, both in `numbers`; `other` is of the same size. */
static void rebuild(const transform *with, double *numbers, double *other)
{
    const planes_shape s = with->shape;
    const ptrdiff_t plane = s.height * s.width;
    const int bits = stage_bits(s);
    settle(numbers, s.size, 0, bits);
    mix(with, with->basis, numbers, other);
    settle(other, s.size, BASIS_BITS, bits);
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            numbers[c * plane + i] = other[c * plane + with->places[i]];
    for (ptrdiff_t c = 0; c < s.channels; c++)
        product(with->rows, s.height, s.height, numbers + c * plane, s.width, s.width,
                        other + c * plane, s.width);
    settle(other, s.size, COSINE_BITS, bits);
    product(other, s.channels * s.height, s.width, with->columns, s.width, s.width, numbers,
                    s.width);
    settle(numbers, s.size, COSINE_BITS, bits);
}

/* Components' spectra of planes, both in `numbers`. */
static void analyse(const transform *with, const forward_transform *forward, double *numbers,
                    double *other)
{
    const planes_shape s = with->shape;
    const ptrdiff_t plane = s.height * s.width;
    for (ptrdiff_t c = 0; c < s.channels; c++)
        product(forward->rows, s.height, s.height, numbers + c * plane, s.width, s.width,
                        other + c * plane, s.width);
    product(other, s.channels * s.height, s.width, forward->columns, s.width, s.width, numbers,
                    s.width);
    for (ptrdiff_t c = 0; c < s.channels; c++)
        for (ptrdiff_t i = 0; i < plane; i++)
            other[c * plane + with->places[i]] = numbers[c * plane + i];
    mix(with, forward->klt, other, numbers);
}

static void swap_rows(double *m, ptrdiff_t n, ptrdiff_t i, ptrdiff_t j)
{
    for (ptrdiff_t k = 0; k < n; k++) {
        const double was = m[i * n + k];
        m[i * n + k] = m[j * n + k];
        m[j * n + k] = was;
    }
}

static void take_row(double *m, ptrdiff_t n, ptrdiff_t i, ptrdiff_t from, double times)
{
    for (ptrdiff_t k = 0; k < n; k++)
        m[i * n + k] -= times * m[from * n + k];
}

/* The inverse of a matrix (n, n), which becomes that of one, by Gauss and Jordan with partial pivoting.
 * Returns 0 where there is none. */
static int invert(double *m, ptrdiff_t n, double *inverse)
{
    for (ptrdiff_t i = 0; i < n * n; i++)
        inverse[i] = i % (n + 1) == 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        ptrdiff_t pivot = i;
        for (ptrdiff_t j = i + 1; j < n; j++)
            if (m[j * n + i] * m[j * n + i] > m[pivot * n + i] * m[pivot * n + i])
                pivot = j;
        if (m[pivot * n + i] == 0)
            return 0;
        swap_rows(m, n, i, pivot);
        swap_rows(inverse, n, i, pivot);
        for (ptrdiff_t j = 0; j < n; j++) {
            const double times = m[j * n + i] / m[i * n + i];
            if (j == i || times == 0)
                continue;
            take_row(m, n, j, i, times);
            take_row(inverse, n, j, i, times);
        }
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0; k < n; k++)
            inverse[i * n + k] /= m[i * n + i];
    return 1;
}

#endif
