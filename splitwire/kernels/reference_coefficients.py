"""The plain Python twin of the coder of coefficients: the same streams, in exact integers.

What each function takes, gives and raises is told by the docstring of its compiled twin; what a
context is, by `_coefficients.h`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import coefficient_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.coefficient_arguments import (
    CONTEXTS,
    FADE,
    FINE,
    LIVELY,
    ONE,
    PLACES,
    THRESHOLDS,
    TRELLIS,
)
from splitwire.kernels.entropy_arguments import States, Words
from splitwire.kernels.reference_range import Context, Decoder, Encoder, start_contexts

# The neighbours coded before, as (row, column) from a coefficient, and their weights.
_NEAR = {(0, -1): 2, (-1, 0): 2, (0, -2): 1, (-2, 0): 1, (-1, -1): 1, (-1, 1): 1}

Place = tuple[int, int, int]


def coefficients_encode(
    q: npt.ArrayLike,
    classes: npt.ArrayLike,
    expected: States,
    states: States,
    seen: npt.ArrayLike = 0,
) -> Codes:
    """Code quantised coefficients."""
    values, kinds, due, first, rests = arguments.coefficients(q, classes, expected, states, seen)
    model, coder = start_contexts(first, rests), Encoder()
    state = 0
    for place, context in _contexts(values, kinds, due):
        _encode(coder, model[PLACES * (2 * context + state % 2) :], int(values[place]))
        state = TRELLIS[state][int(values[place]) % 2]
    return coder.finish()


def coefficients_decode(
    buffer: Any, classes: npt.ArrayLike, expected: States, states: States, seen: npt.ArrayLike = 0
) -> npt.NDArray[np.int16]:
    """Decode what `coefficients_encode` made with these classes, expectations and states."""
    data, kinds, due, first, rests = arguments.coded(buffer, classes, expected, states, seen)
    model, coder = start_contexts(first, rests), Decoder(data.tobytes())
    values = np.zeros(kinds.shape, np.int16)
    state = 0
    for place, context in _contexts(values, kinds, due):
        values[place] = _decode(coder, model[PLACES * (2 * context + state % 2) :])
        if coder.ran_out():
            arguments.refuse()
        state = TRELLIS[state][int(values[place]) % 2]
    if not coder.ends_well():
        arguments.refuse()
    return values


def coefficient_contexts(
    q: npt.ArrayLike, classes: npt.ArrayLike, expected: States
) -> npt.NDArray[np.uint16]:
    """The context of each coefficient: class * 36 + liveliness, as `coefficients_encode` has it."""
    values, kinds, due = arguments.classified(q, classes, expected)
    found = np.empty(values.shape, np.uint16)
    for place, context in _contexts(values, kinds, due):
        found[place] = context
    return found


def _contexts(
    values: npt.NDArray[np.int16], kinds: Codes, due: Words
) -> Iterator[tuple[Place, int]]:
    """Each place in its turn with its context; `values` may be filled in on the way."""
    before = np.zeros(values.shape[1:], np.int64)
    before_due = before.copy()
    for k, u, v in np.ndindex(*values.shape):
        kind, met, expected = int(kinds[k, u, v]), 1, ONE
        for (down, right), weight in _NEAR.items():
            at = (k, u + down, v + right)
            if at[1] >= 0 and 0 <= at[2] < values.shape[2]:
                met += weight * abs(int(values[at]))
                expected += weight * int(due[kinds[at]])
        one = ONE * FINE >> FADE
        near = _lively(ONE * met, expected)
        earlier = _lively(one + int(before[u, v]), one + int(before_due[u, v]))
        yield (k, u, v), CONTEXTS * kind + LIVELY * near + earlier
        before[u, v] += (abs(int(values[k, u, v])) * ONE * FINE - before[u, v]) >> FADE
        before_due[u, v] += (int(due[kind]) * FINE - before_due[u, v]) >> FADE


def _lively(met: int, expected: int) -> int:
    return sum(16 * met >= limit * expected for limit in THRESHOLDS)


def _encode(coder: Encoder, contexts: list[Context], value: int) -> None:
    size = abs(value)
    for place in range(min(size + 1, PLACES)):
        coder.code(contexts[place], int(size > place))
    if size:
        coder.code_bits(int(value < 0), 1)
    if size >= PLACES:
        coder.code_number(size - PLACES + 1)


def _decode(coder: Decoder, contexts: list[Context]) -> int:
    size = 0
    while size < PLACES and coder.code(contexts[size]):
        size += 1
    if not size:
        return 0
    negative = coder.code_bits(1)
    if size == PLACES:
        size += coder.code_number() - 1
        if size > 32767:
            arguments.refuse()
    return -size if negative else size
