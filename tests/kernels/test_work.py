"""Entropy decoders stop where the stream ends, not where the tensor would: work per byte."""

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from test_residuals import untaught

from splitwire import kernels
from splitwire.kernels.coefficient_arguments import CONTEXTS, PLACES
from splitwire.kernels.residual_arguments import NEAR

CUT = 50  # a stream is cut to so small a share of it, and may cost a tenth of the whole
Decode = Callable[[bytes], object]


def seconds(decode: Decode, stream: bytes) -> float:
    """CPU time of decoding, or of refusing: the least of a few tries."""
    took = []
    for _ in range(5):
        since = time.process_time_ns()
        with suppress(ValueError):
            decode(stream)
        took.append((time.process_time_ns() - since) / 1e9)
    return min(took)


def unary() -> tuple[bytes, Decode]:
    """All at the top of 64 levels: 63 of the cheapest bins each."""
    states = np.full(63, 1 << 15, np.uint16)
    symbols = np.full(1 << 16, 63, np.uint8)
    stream = kernels.unary_encode(symbols, states).tobytes()
    return stream, lambda data: kernels.unary_decode(data, symbols.size, states)


def bins() -> tuple[bytes, Decode]:
    contexts, states = np.zeros(1 << 21, np.uint16), np.full(1, 1 << 15, np.uint16)
    stream = kernels.range_encode(np.ones(contexts.size, np.uint8), contexts, states).tobytes()
    return stream, lambda data: kernels.range_decode(data, contexts, states)


def coefficients() -> tuple[bytes, Decode]:
    classes, expected = np.zeros((1, 256, 256), np.uint8), np.full(1, 1000, np.uint16)
    states = np.full((1, CONTEXTS, 2, PLACES), 1 << 15, np.uint16)
    q = np.full(classes.shape, 13, np.int16)
    stream = kernels.coefficients_encode(q, classes, expected, states).tobytes()
    return stream, lambda data: kernels.coefficients_decode(data, classes, expected, states)


def residuals() -> tuple[bytes, Decode]:
    components, count = 32, 2048
    places = np.full((count, NEAR), count, np.int32)  # nothing lies near anything
    places[:, 0] = 0
    kinds, model = np.zeros((components, count), np.uint8), untaught(components, count)
    z = np.full(kinds.shape, 13, np.float32)
    still = np.zeros((1, 2), np.int16), np.zeros(1, np.uint8), (1, 1)
    stream = kernels.residuals_encode(z, *still, kinds, places, model, 0.0)[0].tobytes()
    return stream, lambda data: kernels.residuals_decode(data, (1, 1), kinds, places, model)


def rans() -> tuple[bytes, Decode]:
    table = kernels.rans_frequencies(np.array([4000, 96], np.int64))
    symbols = (np.random.default_rng(0).random(1 << 22) < 0.02).astype(np.uint8)
    stream = kernels.rans_encode(symbols, table).tobytes()
    return stream, lambda data: kernels.rans_decode(data, table, symbols.shape)


def rans8() -> tuple[bytes, Decode]:
    """All of one level, which has 255/256."""
    counts = np.zeros(256, np.int64)
    counts[7], counts[8] = 1 << 30, 1
    symbols = np.full(1 << 22, 7, np.uint8)
    stream = kernels.rans8_encode(symbols, counts).tobytes()
    return stream, lambda data: kernels.rans8_decode(data, symbols.shape)


@pytest.mark.parametrize("made", [unary, bins, coefficients, residuals, rans, rans8])
def test_a_stream_cut_short_costs_what_is_left_of_it(
    made: Callable[[], tuple[bytes, Decode]],
) -> None:
    stream, decode = made()
    assert seconds(decode, stream[: len(stream) // CUT]) < seconds(decode, stream) / 10
