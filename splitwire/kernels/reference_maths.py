"""The plain Python twin of `_maths.h`."""

from math import frexp, sqrt


def log2(x: float) -> float:
    """The binary logarithm of `_maths.h`, operation by operation."""
    if x == float("inf"):
        return 1024.0
    m, exponent = frexp(x)
    m, exponent = 2 * m, exponent - 1
    if m > sqrt(2):
        m, exponent = m / 2, exponent + 1
    s, total = (m - 1) / (m + 1), 0.0
    square = s * s
    for k in range(23, 2, -2):
        total = (total + 1.0 / k) * square
    return exponent + 2 * s * (1 + total) * 1.44269504088896340736
