import math

import numpy as np
import pytest

TENSORS = {
    "normal": (0.3, 2.0, (80, 14, 14)),
    "one": (1.0, 1.0, (1,)),
    "three": (1.0, 1.0, (3,)),
    "a lane short": (0.0, 1.0, (4095,)),
    "a block and one": (0.0, 1.0, (4097,)),
    "large mean": (1e6, 1.0, (20_000,)),
    "tiny deviation": (-1.0, 1e-6, (20_000,)),
    "tiny values": (0.0, 1e-42, (5_000,)),
    "huge values": (0.0, 1e37, (5_000,)),
    "many": (-5.0, 3.0, (300_001,)),
}


@pytest.mark.parametrize("mean, deviation, shape", TENSORS.values(), ids=TENSORS)
def test_moments_agree_with_float64(kernels, mean, deviation, shape):
    x = np.random.default_rng(1).normal(mean, deviation, shape).astype(np.float32)
    exact = x.astype(np.float64)
    low, high, average, spread = kernels.moments(x)
    assert (low, high) == (x.min(), x.max())
    assert average == pytest.approx(math.fsum(exact.flat) / x.size, rel=1e-12, abs=1e-12 * spread)
    about_mean = exact - math.fsum(exact.flat) / x.size
    assert spread == pytest.approx(math.sqrt(math.fsum((about_mean**2).flat) / x.size), rel=1e-10)


def test_an_outlier_first_costs_no_digits(kernels):
    x = np.random.default_rng(2).normal(0, 1e-3, 10_000).astype(np.float32)
    x[0] = 1e4
    assert kernels.moments(x)[3] == pytest.approx(x.astype(np.float64).std(), rel=1e-12)
    assert kernels.moments(x[1:])[3] == pytest.approx(x[1:].astype(np.float64).std(), rel=1e-12)


def test_blocks_about_different_means(kernels):
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(m, 1e-2, 4096) for m in (1e3, -1e3, 0, 1)]).astype(np.float32)
    average, spread = kernels.moments(x)[2:]
    assert average == pytest.approx(x.astype(np.float64).mean(), rel=1e-10)
    assert spread == pytest.approx(x.astype(np.float64).std(), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3e20, 1e-45])
@pytest.mark.parametrize("size", [1, 17, 4096, 10_001])
def test_a_constant_has_no_deviation(kernels, value, size):
    x = np.full(size, value, np.float32)
    assert kernels.moments(x) == (x[0], x[0], float(x[0]), 0.0)


def test_moments_are_python_floats(kernels):
    result = kernels.moments(np.ones((2, 3), np.float32))
    assert isinstance(result, tuple)
    assert [type(value) for value in result] == [float] * 4


@pytest.mark.parametrize("size", [40, 10_000])
def test_values_that_are_not_finite_are_left_out(kernels, size):
    rng = np.random.default_rng(4)
    x = rng.normal(1, 2, size).astype(np.float32)
    finite = x.copy()
    places = rng.choice(size, 12, replace=False)
    x[places] = np.tile(np.array([np.nan, np.inf, -np.inf], np.float32), 4)
    kept = np.delete(finite, places).astype(np.float64)
    expected = (kept.min(), kept.max(), kept.mean(), kept.std())
    assert kernels.moments(x) == pytest.approx(expected, rel=1e-12)


def test_a_whole_block_that_is_not_finite(kernels):
    x = np.ones(3 * 4096, np.float32)
    x[4096:8192] = np.nan
    x[-1] = 3.0
    expected = np.delete(x, slice(4096, 8192)).astype(np.float64)
    assert kernels.moments(x)[2:] == pytest.approx((expected.mean(), expected.std()), rel=1e-12)
    assert kernels.moments(x)[:2] == (1.0, 3.0)


def test_zeros_have_one_sign(kernels):
    for x in ([-0.0], [0.0, -0.0], [-0.0] * 100):
        assert str(kernels.moments(np.array(x, np.float32))) == "(0.0, 0.0, 0.0, 0.0)"


def test_moments_refusals(kernels):
    with pytest.raises(ValueError, match="finite"):
        kernels.moments(np.array([np.nan, np.inf], np.float32))
    with pytest.raises(ValueError, match="shape"):
        kernels.moments(np.zeros((2, 0), np.float32))
    with pytest.raises(TypeError, match="dtype"):
        kernels.moments(np.zeros(2, complex))


@pytest.mark.parametrize("view", [lambda x: x.T, lambda x: x[::-2, 1::3]])
def test_moments_of_any_layout(kernels, view):
    x = view(np.random.default_rng(5).normal(size=(50, 60)).astype(np.float32))
    assert kernels.moments(x) == kernels.moments(x.copy(order="C"))


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5, 11), (4, 1000)])
def test_histogram(kernels, bits, shape):
    q = np.random.default_rng(6).integers(0, 2**bits, shape, np.uint8)
    counts = kernels.histogram(q, bits)
    assert counts.dtype == np.int64
    assert counts.shape == (2**bits,)
    assert counts.tolist() == [int((q == code).sum()) for code in range(2**bits)]


def test_histogram_of_any_layout(kernels):
    q = np.random.default_rng(7).integers(0, 256, (20, 30), np.uint8)
    assert np.array_equal(kernels.histogram(q[::-2, ::3]), kernels.histogram(q[::-2, ::3].copy()))
    assert np.array_equal(kernels.histogram(q.T), kernels.histogram(q))


@pytest.mark.parametrize("bits", range(1, 8))
def test_histogram_refuses_codes_above_the_top(kernels, bits):
    q = np.zeros(100, np.uint8)
    q[57] = 2**bits
    with pytest.raises(ValueError, match=str(2**bits)):
        kernels.histogram(q, bits)


def test_histogram_refusals(kernels):
    with pytest.raises(ValueError, match="shape"):
        kernels.histogram(np.zeros(0, np.uint8))
    with pytest.raises(ValueError, match="bits"):
        kernels.histogram(np.zeros(1, np.uint8), 9)
    with pytest.raises(TypeError, match="uint8"):
        kernels.histogram(np.zeros(1, np.int64))
