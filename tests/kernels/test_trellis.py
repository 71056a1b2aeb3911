import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels
from splitwire.kernels import reference

RATES = np.zeros((1, 2, 15), np.float32)


def drawn(shape, seed=0, spread=4.0):
    """Coefficients in half steps, their contexts, and rates that grow with the magnitude."""
    rng = np.random.default_rng(seed)
    z = (rng.standard_cauchy(shape) * spread).astype(np.float32)
    contexts = rng.integers(0, 3, shape).astype(np.uint16)
    rates = rng.uniform(0.01, 2, (3, 2, 15)).cumsum(-1).astype(np.float32)
    return z, contexts, rates


def levels(kernels, q):
    return 2 * q.astype(int) - kernels.trellis_quantizers(q) * np.sign(q)


def zeros(z):
    return np.zeros(z.shape, np.uint16)


def test_beats_a_uniform_quantiser_by_a_decibel(kernels):
    """At its rate: each of the two quantisers has a spacing of two."""
    z = np.random.default_rng(1).uniform(-40, 40, (1, 60, 60)).astype(np.float32)
    q = kernels.trellis_quantize(z, zeros(z), RATES, 0.0)
    error = np.mean((levels(kernels, q) - z.astype(float)) ** 2)
    assert 0.9 < 10 * np.log10(4 / 12 / error) < 1.4


def test_every_integer_sequence_has_its_levels(kernels):
    """With the even quantiser alone, at first, even levels come back as they are."""
    z = np.zeros((1, 1, 5), np.float32)
    z[0, 0, 0] = -8
    q = kernels.trellis_quantize(z, zeros(z), RATES, 0.0)
    np.testing.assert_array_equal(levels(kernels, q), z)


def test_costly_bits_leave_less(kernels):
    z, contexts, rates = drawn((2, 8, 8))
    rates -= rates[..., :1]
    sizes = [
        np.abs(kernels.trellis_quantize(z, contexts, rates, tradeoff)).sum()
        for tradeoff in (0.0, 0.3, 3.0, 1e9)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 1000),
    spread=st.sampled_from([0.1, 1, 30, 1e5]),
    tradeoff=st.sampled_from([0.0, 0.1, 2.0]),
)
def test_twins_agree(shape, seed, spread, tradeoff):
    z, contexts, rates = drawn(shape, seed, spread)
    one = kernels.trellis_quantize(z, contexts, rates, tradeoff)
    other = reference.trellis_quantize(z, contexts, rates, tradeoff)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        kernels.trellis_quantizers(one), reference.trellis_quantizers(other)
    )


def test_what_is_no_number_is_bounded(kernels):
    z = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    q = kernels.trellis_quantize(z, zeros(z), RATES, 0.0)
    np.testing.assert_allclose(levels(kernels, q), [[[0, 65000, -65000]]], atol=1)


def test_refusals(kernels):
    z, contexts, rates = drawn((2, 3, 4))
    for change, error, match in (
        ({"z": z.astype(float)}, TypeError, "float32"),
        ({"z": z[0]}, ValueError, "K, H, W"),
        ({"contexts": contexts[1:]}, ValueError, "contexts"),
        ({"contexts": contexts.astype(int)}, TypeError, "contexts"),
        ({"rates": rates.astype(float)}, TypeError, "float32"),
        ({"rates": rates[:1]}, ValueError, "rates"),
        ({"rates": rates[..., 1:]}, ValueError, "rates"),
    ):
        given = {"z": z, "contexts": contexts, "rates": rates, "tradeoff": 0.1}
        with pytest.raises(error, match=match):
            kernels.trellis_quantize(**(given | change))
    for q in (z, np.zeros(3, np.int16), np.full((1, 1, 1), -32768, np.int16)):
        with pytest.raises((TypeError, ValueError)):
            kernels.trellis_quantizers(q)
