import numpy as np
import pytest

from splitwire.kernels.reference_range import Context

HALF = np.array([1 << 15], np.uint16)


def drawn(n, p, contexts=8, seed=0):
    rng = np.random.default_rng(seed)
    bins = (rng.random(n) < p).astype(np.uint8)
    return bins, rng.integers(0, contexts, n).astype(np.uint16), np.full(contexts, 1 << 15, "u2")


@pytest.mark.parametrize("p", [0, 0.001, 0.1, 0.5, 0.97, 1])
@pytest.mark.parametrize("n", [1, 2, 9, 1000])
def test_round_trip(kernels, p, n):
    bins, contexts, states = drawn(n, p)
    before = states.copy()
    stream = kernels.range_encode(bins, contexts, states)
    assert stream.dtype == np.uint8
    assert np.array_equal(kernels.range_decode(stream, contexts, states), bins)
    assert np.array_equal(kernels.range_decode(stream.tobytes(), contexts, states), bins)
    assert np.array_equal(states, before)


def test_cost_is_near_the_entropy(kernels):
    bins, contexts, states = drawn(20_000, 0.1)
    entropy = -sum(p * np.log2(p) for p in (0.1, 0.9)) * bins.size / 8
    assert kernels.range_encode(bins, contexts, states).size < 1.05 * entropy


def test_a_sure_start_saves(kernels):
    bins, contexts, states = drawn(400, 0.02, contexts=40)
    fresh = kernels.range_encode(bins, contexts, states).size
    sure = kernels.range_encode(bins, contexts, np.full(40, 1311, np.uint16), 40).size
    assert sure < 0.75 * fresh


@pytest.mark.parametrize("state", [1, 2, 65534, 65535])
@pytest.mark.parametrize("seen", [0, 63])
@pytest.mark.parametrize("value", [0, 1])
def test_extreme_states(kernels, state, seen, value):
    bins = np.full(3000, value, np.uint8)
    bins[::97] ^= 1
    contexts, states = np.zeros(3000, np.uint16), np.array([state], np.uint16)
    stream = kernels.range_encode(bins, contexts, states, seen)
    assert np.array_equal(kernels.range_decode(stream, contexts, states, seen), bins)


def test_a_carry_runs_through(kernels):
    """Bins that keep just below a boundary for long, and then cross it."""
    for zeros in range(30, 70):
        bins = np.array([0, *[1] * zeros, 0, 0, 0], np.uint8)
        contexts = np.arange(bins.size, dtype=np.uint16)  # each bin at p = 1/2, or very sure
        states = np.full(bins.size, 1 << 15, np.uint16)
        states[1:-3] = 1
        stream = kernels.range_encode(bins, contexts, states)
        assert np.array_equal(kernels.range_decode(stream, contexts, states), bins)


def test_estimates_stay_inside(kernels):
    for value in (0, 1):
        context = Context(1 << 15, 1 << 15, 0)
        for _ in range(5000):
            context.learn(value)
        assert 1 <= (context.fast + context.slow) >> 1 <= 65535


def test_a_stream_of_nothing(kernels):
    """Sure bins may take no byte at all."""
    bins, contexts = np.ones(5, np.uint8), np.zeros(5, np.uint16)
    stream = kernels.range_encode(bins, contexts, HALF * 1 + 32000, 63)
    assert stream.size <= 1
    assert np.array_equal(kernels.range_decode(stream, contexts, HALF * 1 + 32000, 63), bins)


@pytest.mark.parametrize("levels", [1, 2, 7, 255])
def test_unary(kernels, levels):
    symbols = np.random.default_rng(0).integers(0, levels + 1, (4, 5, 6), np.uint8)
    states = np.full(levels, 1 << 15, np.uint16)
    stream = kernels.unary_encode(symbols, states)
    assert np.array_equal(kernels.unary_decode(stream, 120, states), symbols.reshape(-1))


def test_unary_is_bins_in_their_places(kernels):
    symbols = np.array([2, 0, 3, 1], np.uint8)
    bins = np.array([1, 1, 0, 0, 1, 1, 1, 1, 0], np.uint8)
    places = np.array([0, 1, 2, 0, 0, 1, 2, 0, 1], np.uint16)
    states = np.array([9000, 40000, 20000], np.uint16)
    expected = kernels.range_encode(bins, places, states, 5)
    assert kernels.unary_encode(symbols, states, 5).tobytes() == expected.tobytes()


def test_streams_that_end_elsewhere_are_refused(kernels):
    bins, contexts, states = drawn(500, 0.3)
    stream = kernels.range_encode(bins, contexts, states).tobytes()
    for bad in (stream + b"\0", stream + b"\1" * 8, b"\0", b"", stream[:-7], stream[:9]):
        with pytest.raises(ValueError, match="ends elsewhere"):
            kernels.range_decode(bad, contexts, states)


def test_refusals(kernels):
    bins, contexts, states = drawn(10, 0.5)
    for call, error, match in (
        (lambda: kernels.range_encode(bins + 2, contexts, states), ValueError, "bins"),
        (lambda: kernels.range_encode(bins.astype(int), contexts, states), TypeError, "uint8"),
        (lambda: kernels.range_encode(bins, contexts[1:], states), ValueError, "contexts"),
        (lambda: kernels.range_encode(bins, contexts + 8, states), ValueError, "contexts"),
        (lambda: kernels.range_encode(bins, contexts.astype(int), states), TypeError, "uint16"),
        (lambda: kernels.range_encode(bins, contexts, states * 0), ValueError, "states"),
        (lambda: kernels.range_encode(bins, contexts, states[:0]), ValueError, "states"),
        (lambda: kernels.range_encode(bins, contexts, states, 64), ValueError, "seen"),
        (lambda: kernels.range_encode(bins, contexts, states, -1), ValueError, "seen"),
        (lambda: kernels.range_encode(bins, contexts, states, [1, 2]), ValueError, "seen"),
        (lambda: kernels.range_encode(bins, contexts, states, 0.5), TypeError, "seen"),
        (lambda: kernels.range_decode(b"", contexts[:0], states), ValueError, "contexts"),
        (lambda: kernels.unary_encode(bins + 8, states), ValueError, "symbols"),
        (lambda: kernels.unary_encode(bins, np.ones(256, np.uint16)), ValueError, "states"),
        (lambda: kernels.unary_decode(b"", 0, states), ValueError, "size"),
        (lambda: kernels.unary_decode(b"", 2.0, states), TypeError, "size"),
        (lambda: kernels.unary_decode("text", 2, states), TypeError, "buffer"),
    ):
        with pytest.raises(error, match=match):
            call()


def test_golden(kernels):
    """These bytes are for ever: changing them changes the bitstream."""
    bins = np.array([0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1] * 4, np.uint8)
    contexts = np.tile(np.arange(4, dtype=np.uint16), 16)
    states = np.array([100, 20000, 40000, 65500], np.uint16)
    stream = kernels.range_encode(bins, contexts, states, np.array([0, 3, 20, 63], np.uint8))
    assert stream.tobytes().hex() == GOLDEN


GOLDEN = "babccd3dcb3cdc8ded423f3d79"
