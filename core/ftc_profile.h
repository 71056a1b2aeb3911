/* The profile of `ftc`, checked and made ready: see docs/bitstream.md, "ftc". */

#ifndef SPLITWIRE_CORE_FTC_PROFILE_H
#define SPLITWIRE_CORE_FTC_PROFILE_H

#include "_coefficients.h"
#include "arrays.h"
#include "transform.h"

#define CLASSES 24
#define STATES (CLASSES * COEFFICIENT_CONTEXTS * 2 * COEFFICIENT_PLACES)
#define PRICES (CLASSES * COEFFICIENT_CONTEXTS * 2 * (COEFFICIENT_PLACES + 1))

typedef struct {
    transform inverse;
    forward_transform forward; /* where the profile is to encode */
    ptrdiff_t bands;
    uint16_t *band;  /* of each frequency */
    float *mean;     /* (channels) */
    float *gain;     /* (channels, bands) */
    int16_t *scales; /* (channels, bands) */
    int32_t unit, level;
    uint16_t *expected; /* (CLASSES) */
    int8_t *lift;       /* (CLASSES) */
    uint16_t *states;   /* (STATES) */
    uint8_t *seen;      /* (STATES) */
    float *prices;      /* (PRICES), where it is to encode */
} ftc_profile;

/* What to take of a file, as a copy. */
typedef struct {
    sw_arena *arena;
    const array_file *file;
    int error;
} array_taker;

/* The array of that name, dtype and shape (a, b, c), of which 0 ends the axes. */
static void *take_array(array_taker *taker, const char *name, const char *dtype, ptrdiff_t a, ptrdiff_t b,
                        ptrdiff_t c)
{
    const array *found = array_named(taker->file, name, dtype);
    const ptrdiff_t axes[] = {a, b, c, 0};
    int rank = 0;
    void *copy;
    while (found && axes[rank] && rank < found->rank && found->shape[rank] == (uint64_t)axes[rank])
        rank++;
    if (!found || rank != found->rank || axes[rank]) {
        taker->error = taker->error ? taker->error : SW_DAMAGED_PROFILE;
        return NULL;
    }
    copy = arena_take(taker->arena, found->length, 1);
    if (!copy)
        taker->error = taker->error ? taker->error : SW_NO_ROOM;
    else
        memcpy(copy, found->bytes, found->length);
    return copy;
}

/* The half octave of a rate: 0, 1, 2, 3, 4-5, 6-7, 8-11, ... */
static ptrdiff_t half_octave(ptrdiff_t rate)
{
    int log = 0;
    if (rate < 2)
        return rate;
    while (rate >> (log + 1))
        log++;
    return 2 * log + (2 * rate >= (ptrdiff_t)3 << log);
}

/* The shape that the planes have; NULL-safe for any file. Returns 0 where it holds none. */
static int profile_shape(const array_file *file, planes_shape *shape)
{
    const array *found = array_named(file, "shape", "<i4");
    int32_t sizes[3];
    uint64_t size = 1;
    uint32_t positive[3];
    if (!found || found->rank != 1 || found->shape[0] != 3)
        return 0;
    memcpy(sizes, found->bytes, sizeof sizes);
    for (int i = 0; i < 3; i++) {
        if (sizes[i] < 1 || size > ((uint64_t)1 << 30))
            return 0;
        size *= (uint64_t)sizes[i];
        positive[i] = (uint32_t)sizes[i];
    }
    *shape = planes_of(3, positive);
    return size <= ((uint64_t)1 << 30);
}

static int all_finite(const float *x, ptrdiff_t n, int positive)
{
    for (ptrdiff_t i = 0; i < n; i++)
        if (!(x[i] - x[i] == 0) || (positive && !(x[i] > 0)))
            return 0;
    return 1;
}

static void take_tables(ftc_profile *made, array_taker *taker)
{
    const ptrdiff_t c = made->inverse.shape.channels;
    const array *states = array_named(taker->file, "states", "<u2");
    const array *seen = array_named(taker->file, "seen", "|u1");
    const int32_t *unit = take_array(taker, "unit", "<i4", 1, 0, 0);
    const int32_t *level = take_array(taker, "level", "<i4", 1, 0, 0);
    made->unit = unit ? *unit : 0;
    made->level = level ? *level : 0;
    made->mean = take_array(taker, "mean", "<f4", c, 0, 0);
    made->gain = take_array(taker, "gain", "<f4", c, made->bands, 0);
    made->scales = take_array(taker, "scales", "<i2", c, made->bands, 0);
    made->expected = take_array(taker, "expected", "<u2", CLASSES, 0, 0);
    made->lift = take_array(taker, "lift", "|i1", CLASSES, 0, 0);
    for (int i = 0; i < 2; i++) {
        static const uint64_t shape[] = {CLASSES, COEFFICIENT_CONTEXTS, 2, COEFFICIENT_PLACES};
        const array *of = i ? seen : states;
        if (!of || of->rank != 4 || memcmp(of->shape, shape, sizeof shape))
            taker->error = SW_DAMAGED_PROFILE;
    }
    if (taker->error)
        return;
    made->states = arena_take(taker->arena, STATES, 2);
    made->seen = arena_take(taker->arena, STATES, 1);
    if (!made->states || !made->seen) {
        taker->error = SW_NO_ROOM;
        return;
    }
    memcpy(made->states, states->bytes, states->length);
    memcpy(made->seen, seen->bytes, seen->length);
}

static int tables_sound(const ftc_profile *made)
{
    const ptrdiff_t c = made->inverse.shape.channels;
    int sound = all_finite(made->mean, c, 0) && all_finite(made->gain, c * made->bands, 1);
    sound = sound && made->unit > -200 && made->unit < 200;
    sound = sound && made->level > -2000 && made->level < 2000;
    for (int i = 0; sound && i < STATES; i++)
        sound = made->states[i] > 0 && made->seen[i] <= RANGE_SEEN;
    return sound;
}

static int number_bands(ftc_profile *made, sw_arena *arena)
{
    const planes_shape s = made->inverse.shape;
    const ptrdiff_t across = half_octave(s.width - 1) + 1;
    made->bands = half_octave(s.height - 1) * across + half_octave(s.width - 1) + 1;
    made->band = arena_take(arena, (size_t)(s.height * s.width), sizeof *made->band);
    if (!made->band)
        return SW_NO_ROOM;
    for (ptrdiff_t u = 0; u < s.height; u++)
        for (ptrdiff_t v = 0; v < s.width; v++)
            made->band[u * s.width + v] = (uint16_t)(half_octave(u) * across + half_octave(v));
    return SW_OK;
}

static int open_inverse(transform *made, array_taker *taker)
{
    const planes_shape s = made->shape;
    const ptrdiff_t c = s.channels;
    const array *basis = array_named(taker->file, "basis", "<i2");
    ptrdiff_t count;
    if (!basis || basis->rank != 3 || basis->shape[0] != (uint64_t)made->octaves ||
        basis->shape[1] != (uint64_t)c || basis->shape[2] != (uint64_t)c)
        return SW_DAMAGED_PROFILE;
    count = made->octaves * c * c;
    made->places = arena_take(taker->arena, (size_t)(s.height * s.width), sizeof *made->places);
    made->rows = cosines(taker->arena, s.height, 1 << COSINE_BITS, 1);
    made->columns = cosines(taker->arena, s.width, 1 << COSINE_BITS, 0);
    made->basis = arena_take(taker->arena, (size_t)count, sizeof *made->basis);
    if (!made->places || !made->rows || !made->columns || !made->basis)
        return SW_NO_ROOM;
    order_frequencies(made);
    for (ptrdiff_t i = 0; i < count; i++) {
        int16_t entry;
        memcpy(&entry, basis->bytes + 2 * i, 2);
        made->basis[i] = entry;
    }
    return SW_OK;
}

static int open_forward(forward_transform *made, const transform *inverse, sw_arena *arena)
{
    const planes_shape s = inverse->shape;
    const ptrdiff_t matrix = s.channels * s.channels, count = inverse->octaves * matrix;
    double *work;
    size_t mark;
    made->rows = cosines(arena, s.height, 1, 0);
    made->columns = cosines(arena, s.width, 1, 1);
    made->klt = arena_take(arena, (size_t)count, sizeof *made->klt);
    mark = arena->used;
    work = arena_take(arena, (size_t)matrix, sizeof *work);
    if (!made->rows || !made->columns || !made->klt || !work)
        return SW_NO_ROOM;
    for (int octave = 0; octave < inverse->octaves; octave++) {
        for (ptrdiff_t i = 0; i < matrix; i++)
            work[i] = inverse->basis[octave * matrix + i] * power_of_two(-BASIS_BITS);
        if (!invert(work, s.channels, made->klt + octave * matrix))
            return SW_DAMAGED_PROFILE;
    }
    arena->used = mark;
    return SW_OK;
}

/* The bits of each magnitude, sign included, by context and quantiser. */
static int open_prices(ftc_profile *made, sw_arena *arena)
{
    float *price = made->prices = arena_take(arena, PRICES, sizeof *price);
    if (!price)
        return SW_NO_ROOM;
    for (int i = 0; i < STATES; i += COEFFICIENT_PLACES) {
        double reached = 0; /* bits of the ones so far */
        for (int place = 0; place <= COEFFICIENT_PLACES; place++) {
            const double sign = place ? 1 : 0;
            const double p = place < COEFFICIENT_PLACES ? made->states[i + place] / 65536.0 : 0;
            *price++ = (float)(sign - reached - log2_of(1 - p));
            reached += place < COEFFICIENT_PLACES ? log2_of(p) : 0;
        }
    }
    return SW_OK;
}

static int open_ftc(ftc_profile *made, const array_file *file, sw_arena *arena, int use)
{
    array_taker taker = {arena, file, SW_OK};
    int error;
    if (!profile_shape(file, &made->inverse.shape))
        return SW_DAMAGED_PROFILE;
    made->inverse.octaves = octaves_of(made->inverse.shape);
    error = number_bands(made, arena);
    if (error)
        return error;
    take_tables(made, &taker);
    if (taker.error)
        return taker.error;
    if (!tables_sound(made))
        return SW_DAMAGED_PROFILE;
    error = open_inverse(&made->inverse, &taker);
    if (!error && use == SW_ENCODE)
        error = open_forward(&made->forward, &made->inverse, arena);
    if (!error && use == SW_ENCODE)
        error = open_prices(made, arena);
    return error;
}

#endif
