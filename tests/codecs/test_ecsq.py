"""`ecsq`: the clip range of the model, the quantiser between its pinned ends, and what it saves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import UNIT_RANGE, features, payload_of, stream_of

import splitwire as sw
from splitwire import kernels
from splitwire.errors import BitstreamError
from splitwire.kernels.reference_ecsq import positions, thresholds
from splitwire.kernels.reference_laplace import fit

LEVELS = [2, 3, 8, 16, 64]


def laplacian(below, above, size=40_000, mode=0.5, seed=0):
    """Numbers of an asymmetric Laplace density with those scales."""
    rng = np.random.default_rng(seed)
    left = rng.random(size) < below / (below + above)
    x = np.where(left, -rng.exponential(below, size), rng.exponential(above, size)) + mode
    return x.astype(np.float32)


def error(x, spec):
    return float(np.mean((sw.decode(sw.codec(spec).encode(x)) - x) ** 2))


@pytest.mark.parametrize("below, above", [(1, 1), (0.2, 2), (3, 0.5)])
def test_the_fit_finds_the_model(below, above):
    mode, a, b = fit(np.sort(laplacian(below, above)))
    assert mode == pytest.approx(0.5, abs=0.1 * (below + above))
    assert a == pytest.approx(below, rel=0.15)
    assert b == pytest.approx(above, rel=0.15)


def test_the_fit_is_in_the_unit_of_the_numbers():
    numbers = np.sort(laplacian(1, 2, size=500))
    unit = np.float32(2.0**-20)
    assert fit(numbers * unit) == tuple(float(unit) * part for part in fit(numbers))


@pytest.mark.parametrize("below, above", [(1, 1), (0.5, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_ends_are_where_the_derivatives_vanish(below, above, seed):
    """Of few numbers the range is most of their extent."""
    x, levels = laplacian(below, above, size=300, seed=seed), 8
    lo, hi = kernels.laplace_range(x, levels)
    assert x.min() < lo < hi < x.max() and hi - lo > 0.5 * np.ptp(x)
    mode, a, b = fit(np.sort(x))
    ease = 12 * (levels - 1) ** 2 / ((hi - lo) * (a + b))
    assert (mode - lo) / a == pytest.approx(np.log(ease * a * a), rel=1e-9)
    assert (hi - mode) / b == pytest.approx(np.log(ease * b * b), rel=1e-9)


@pytest.mark.parametrize("levels", [3, 4, 8, 32])
@pytest.mark.parametrize("below, above", [(1, 1), (0.2, 2), (1e-6, 1)])
def test_the_range_is_near_the_best(levels, below, above):
    """No range nearby, with evenly spaced levels, has much less error."""
    x = laplacian(below, above)
    lo, hi = kernels.laplace_range(x, levels)

    def cost(lo, hi):
        step = (hi - lo) / (levels - 1)
        y = lo + np.rint((x.clip(lo, hi) - lo) / step) * step
        return np.mean((x - y) ** 2)

    spans = np.linspace(0.5, 1.5, 11)
    best = min(cost(0.5 + (lo - 0.5) * s, 0.5 + (hi - 0.5) * t) for s in spans for t in spans)
    assert cost(lo, hi) < 1.15 * best


def test_the_range_of_a_rectified_tensor_begins_at_zero():
    x = np.maximum(laplacian(1, 1, mode=-0.5), 0)
    lo, hi = kernels.laplace_range(x, 8)
    assert lo == 0
    assert 2 < hi < x.max()


def test_more_levels_reach_further():
    ranges = [kernels.laplace_range(laplacian(1, 1), levels) for levels in (2, 4, 16, 64)]
    for narrow, wide in pairwise(ranges):
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), min_size=2, max_size=12),
    st.integers(0, 99),
)
def test_thresholds_choose_the_cheapest_level(pairs, seed):
    levels = np.sort(np.array([place / 40 for place, _ in pairs]))
    price = np.array([cost / 200 for _, cost in pairs])
    starts = thresholds(levels, price)
    assert (starts[1:] >= starts[:-1]).all()
    y = np.random.default_rng(seed).random(200)
    chosen = np.searchsorted(starts, y, "right")
    costs = (y[:, None] - levels) ** 2 + price
    np.testing.assert_allclose(costs[np.arange(200), chosen], costs.min(1), atol=1e-12)


def test_as_many_numbers_as_levels_have_one_each():
    y = np.array([0, 0.3, 0.55, 1])
    offsets, indices = kernels.ecsq_quantize(y, 4, 0)
    assert indices.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(positions(offsets), y, atol=1 / (2 * 64 * 3) + 1 / (2 * 2047))


@pytest.mark.parametrize("levels", LEVELS)
def test_values_are_levels_between_pinned_ends(levels):
    x = laplacian(0.5, 1)
    stream = sw.codec("ecsq", levels=levels, tradeoff=0).encode(x)
    lo, hi = np.frombuffer(payload_of(stream)[:8], "<f4")
    values = np.unique(sw.decode(stream))
    assert len(values) <= levels
    assert values[0] == lo
    assert values[-1] == hi


def test_error_falls_with_levels_and_size_with_the_price_of_bits():
    x = features(40, 14, 14)
    errors = [error(x, f"ecsq:levels={n},tradeoff=0") for n in LEVELS]
    assert errors == sorted(errors, reverse=True)
    sizes = [len(sw.codec(f"ecsq:tradeoff={t}").encode(x)) for t in (0, 0.05, 0.15, 0.5)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("levels", [8, 16])
def test_it_beats_even_levels_at_equal_error(levels):
    """Against `rans` at every number of bits: a smaller stream has the larger error."""
    x = features(80, 14, 14)
    size, loss = len(sw.codec("ecsq", levels=levels).encode(x)), error(x, f"ecsq:levels={levels}")
    for bits in range(2, 7):
        smaller = len(sw.codec("rans", bits=bits).encode(x)) <= size
        assert not (smaller and error(x, f"rans:bits={bits}") <= loss)


@pytest.mark.parametrize("offsets", [b"\x80" * 6, b"\x7f" * 6, bytes(6)])
def test_any_offsets_decode(offsets):
    payload = payload_of(sw.codec("ecsq").encode(features(2, 3, 4)))
    y = sw.decode(stream_of("ecsq", (2, 3, 4), UNIT_RANGE + offsets + payload[14:]))
    assert np.isfinite(y).all()


@pytest.mark.parametrize("rest", [b"", bytes(5), bytes(6) + b"\0", bytes(6) + b"\1" * 40])
def test_damaged_payloads_are_refused(rest):
    with pytest.raises(BitstreamError):
        sw.decode(stream_of("ecsq", (2, 3, 4), UNIT_RANGE + rest))
