/* What codecs need of mathematics, without a library of it: the same bits everywhere.
 *
 * Everything is float64, made of operations that IEEE 754 rounds: no fused multiply-add. */

#ifndef SPLITWIRE_MATHS_H
#define SPLITWIRE_MATHS_H

#include <stdint.h>
#include <string.h>

#define PI 3.14159265358979323846

/* The nearest integer, half to even, of a number below 2^51: there the spacing of floats becomes 1. */
static inline double rounded(double x)
{
    const double bias = 6755399441055744.0; /* 1.5 × 2^52 */
    return (x + bias) - bias;
}

/* The comparisons stand so that a NaN becomes `low`. */
static inline double clipped(double x, double low, double high)
{
    return x > low ? x < high ? x : high : low;
}

/* 2^exponent, -1022 to 1023. */
static inline double power_of_two(int exponent)
{
    const uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* Of a positive number, by Newton's method; good to a unit in the last place. */
static inline double root(double x)
{
    double r = x > 1 ? x : 1;
    for (;;) {
        const double next = 0.5 * (r + x / r);
        if (!(next < r))
            return r;
        r = next;
    }
}

/* The binary logarithm of a positive normal number: its exponent, and for its mantissa m, taken to
 * √½ to √2, the series 2 artanh s of s = (m - 1) / (m + 1). */
static inline double log2_of(double x)
{
    const double log2_e = 1.44269504088896340736;
    uint64_t bits;
    double m, s, square, term, sum = 0;
    int exponent;
    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52) - 1023;
    bits = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    s = (m - 1) / (m + 1);
    square = s * s;
    for (int k = 23; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * square;
    term = 2 * s * (1 + sum);
    return exponent + term * log2_e;
}

/* cos(π a / (2 n)), by the series of cosine or sine at no more than π/4. */
static inline double cosine(uint64_t a, uint64_t n)
{
    double sign = 1, x, square, sum = 0;
    a %= 4 * n;
    if (a > 2 * n)
        a = 4 * n - a;
    if (a > n) {
        a = 2 * n - a;
        sign = -1;
    }
    if (2 * a <= n) {
        x = PI * (double)a / (2 * (double)n);
        square = x * x;
        for (int k = 18; k >= 2; k -= 2)
            sum = (1 - sum) * square / (k * (k - 1));
        return sign * (1 - sum);
    }
    x = PI * (double)(n - a) / (2 * (double)n);
    square = x * x;
    for (int k = 19; k >= 3; k -= 2)
        sum = (1 - sum) * square / (k * (k - 1));
    return sign * x * (1 - sum);
}

#endif
