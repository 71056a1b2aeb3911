/* How well a block is foretold by another, moved by quarters of a position.
 *
 * What a residual costs grows with the logarithm of its size in steps, so that is what is added up:
 * the product of 1 + |residual| over components, and its logarithm once in a few positions. */

#ifndef SPLITWIRE_MOTION_H
#define SPLITWIRE_MOTION_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define MOTION_LANES 8 /* components come in so many at once */
#define MOTION_CLIP 255.0f

typedef struct {
    ptrdiff_t height, width, lanes; /* a map is (height, width, lanes), lanes a multiple of 8 */
} motion_shape;

typedef struct {
    ptrdiff_t top, bottom, left, right;
} motion_block;

static inline ptrdiff_t motion_within(ptrdiff_t at, ptrdiff_t size)
{
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* Bits, roughly, of a block's residual. A `map` of NULL foretells zero. */
static inline double motion_cost(const float *now, const float *map, motion_shape shape,
                                 motion_block block, int down, int across)
{
    const ptrdiff_t row = shape.width * shape.lanes;
    const float below = (float)(down & 3) / 4, right = (float)(across & 3) / 4;
    const float w00 = (1 - below) * (1 - right), w01 = (1 - below) * right;
    const float w10 = below * (1 - right), w11 = below * right;
    double product = 1, bits = 0;
    int factors = 0;
    for (ptrdiff_t i = block.top; i < block.bottom; i++) {
        const ptrdiff_t y = i + (down >> 2);
        const ptrdiff_t y0 = motion_within(y, shape.height) * row;
        const ptrdiff_t y1 = motion_within(y + 1, shape.height) * row;
        for (ptrdiff_t j = block.left; j < block.right; j++) {
            const ptrdiff_t x = j + (across >> 2);
            const ptrdiff_t x0 = motion_within(x, shape.width) * shape.lanes;
            const ptrdiff_t x1 = motion_within(x + 1, shape.width) * shape.lanes;
            const float *here = now + i * row + j * shape.lanes;
            for (ptrdiff_t c = 0; c < shape.lanes; c += MOTION_LANES) {
                float parts[MOTION_LANES];
                for (int l = 0; l < MOTION_LANES; l++) {
                    float off = here[c + l];
                    if (map)
                        off -= w00 * map[y0 + x0 + c + l] + w01 * map[y0 + x1 + c + l] +
                               w10 * map[y1 + x0 + c + l] + w11 * map[y1 + x1 + c + l];
                    off = fabsf(off);
                    parts[l] = 1 + (off < MOTION_CLIP ? off : MOTION_CLIP);
                }
                product *= (double)(parts[0] * parts[1] * parts[2] * parts[3]) *
                           (double)(parts[4] * parts[5] * parts[6] * parts[7]);
                if (++factors == 15) { /* of 2^64 each */
                    bits += log2(product);
                    product = 1;
                    factors = 0;
                }
            }
        }
    }
    return bits + log2(product);
}

/* A block of integers moved by quarters, rounded: exact on every machine. */
static inline void motion_move(const int32_t *map, int32_t *out, ptrdiff_t height, ptrdiff_t width,
                               motion_block block, int down, int across)
{
    const int64_t below = down & 3, right = across & 3;
    for (ptrdiff_t i = block.top; i < block.bottom; i++) {
        const int32_t *y0 = map + motion_within(i + (down >> 2), height) * width;
        const int32_t *y1 = map + motion_within(i + (down >> 2) + 1, height) * width;
        for (ptrdiff_t j = block.left; j < block.right; j++) {
            const ptrdiff_t x0 = motion_within(j + (across >> 2), width);
            const ptrdiff_t x1 = motion_within(j + (across >> 2) + 1, width);
            const int64_t sum = (4 - below) * ((4 - right) * y0[x0] + right * y0[x1]) +
                                below * ((4 - right) * y1[x0] + right * y1[x1]);
            out[i * width + j] = (int32_t)((sum + 8) >> 4);
        }
    }
}

#endif
