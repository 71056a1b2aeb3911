import numpy as np
import pytest

LARGEST = np.finfo(np.float32).max
TINIEST = np.finfo(np.float32).smallest_subnormal


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(0.5, 2.0, shape).astype(np.float32)


def test_codes_are_rounded_not_floored(kernels):
    x = np.array([0.0, 0.4, 0.6, 1.0, 2.51, 3.0], np.float32)
    assert kernels.quantize(x, 0.0, 3.0, bits=2).tolist() == [0, 0, 1, 1, 3, 3]


def test_half_rounds_to_even(kernels):
    x = np.arange(0, 255, dtype=np.float32) + np.float32(0.5)
    expected = np.rint(x).astype(np.uint8)
    assert np.array_equal(kernels.quantize(x, 0, 255), expected)


@pytest.mark.parametrize("bits", range(1, 9))
def test_values_on_the_grid_come_back(kernels, bits):
    codes = np.arange(2**bits, dtype=np.uint8)
    x = kernels.dequantize(codes, -1.5, 2.25, bits)
    assert x.dtype == np.float32
    assert x[0] == np.float32(-1.5)
    assert x[-1] == pytest.approx(2.25, rel=1e-6)
    assert np.array_equal(kernels.quantize(x, -1.5, 2.25, bits), codes)


@pytest.mark.parametrize("bits", range(1, 9))
def test_error_is_at_most_half_a_step(kernels, bits):
    x = features(7, 5, 3)
    lo, hi = float(x.min()), float(x.max())
    y = kernels.dequantize(kernels.quantize(x, lo, hi, bits), lo, hi, bits)
    assert np.abs(y - x).max() <= 0.5001 * (hi - lo) / (2**bits - 1)


def test_special_values(kernels):
    x = np.array([np.nan, -np.nan, -np.inf, np.inf, -0.0, LARGEST, -LARGEST], np.float32)
    assert kernels.quantize(x, -1.0, 1.0, bits=3).tolist() == [0, 0, 0, 7, 4, 7, 0]


def test_a_range_without_width(kernels):
    x = np.array([np.nan, -np.inf, 1.0, 2.5, 9.0, np.inf], np.float32)
    q = kernels.quantize(x, 2.5, 2.5)
    assert q.tolist() == [0] * 6
    assert kernels.dequantize(q, 2.5, 2.5).tolist() == [2.5] * 6


def test_the_widest_and_the_narrowest_range(kernels):
    half = float(LARGEST) / 2
    x = np.array([-LARGEST, -half, 0, half, LARGEST], np.float32)
    assert kernels.quantize(x, -half, half).tolist() == [0, 0, 128, 255, 255]
    x = np.array([-TINIEST, 0, TINIEST, 2 * TINIEST], np.float32)
    assert kernels.quantize(x, 0.0, float(TINIEST)).tolist() == [0, 0, 255, 255]


def test_limits_are_rounded_to_float32(kernels):
    x = features(50)
    assert np.array_equal(
        kernels.quantize(x, 0.1, 0.7), kernels.quantize(x, np.float32(0.1), np.float32(0.7))
    )
    codes = kernels.quantize(x, 0.1, 0.7)
    assert np.array_equal(codes, kernels.quantize(x, np.array(0.1), np.array(0.7)))


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 7, 5), (4, 2, 3, 5)])
def test_a_range_for_each_channel(kernels, shape):
    x = features(*shape)
    lo, hi = np.array([-1.0, -2.0, 0.0, 1.0]), np.array([1.0, 0.5, 3.0, 1.0], np.float32)
    q = kernels.quantize(x, lo, hi, 5)
    y = kernels.dequantize(q, lo, hi, 5)
    for c in range(4):
        expected = kernels.quantize(x[c : c + 1], float(lo[c]), float(hi[c]), 5)
        assert np.array_equal(q[c : c + 1], expected)
        expected = kernels.dequantize(q[c : c + 1], float(lo[c]), float(hi[c]), 5)
        assert np.array_equal(y[c : c + 1], expected)
    assert np.array_equal(kernels.quantize(x, -1, hi), kernels.quantize(x, [-1.0] * 4, hi))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint16, np.int64, ">f4"])
def test_other_real_dtypes_are_taken_as_float32(kernels, dtype):
    x = np.arange(24).reshape(2, 3, 4).astype(dtype)
    expected = kernels.quantize(x.astype(np.float32), 2.0, 20.0)
    assert np.array_equal(kernels.quantize(x, 2.0, 20.0), expected)


def test_float64_beyond_float32_goes_to_the_ends(kernels):
    assert kernels.quantize(np.array([-1e300, 0.0, 1e300]), -1, 1).tolist() == [0, 128, 255]


VIEWS = {
    "transposed": lambda x: x.transpose(2, 0, 1),
    "strided": lambda x: x[::2, 1::2, ::3],
    "reversed": lambda x: x[::-1, :, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
    "fortran": np.asfortranarray,
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype)[:70],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_any_layout_is_accepted(kernels, view):
    x = view(features(6, 5, 7))
    plain = np.array(x, order="C")
    assert np.array_equal(kernels.quantize(x, -2, 2), kernels.quantize(plain, -2, 2))
    q = view(np.arange(210, dtype=np.uint8).reshape(6, 5, 7))
    plain = np.array(q, order="C")
    assert np.array_equal(kernels.dequantize(q, -2, 2), kernels.dequantize(plain, -2, 2))


def test_out_is_written_and_returned(kernels):
    x = features(3, 4)
    out = np.empty((3, 4), np.uint8)
    assert kernels.quantize(x, -1, 1, out=out) is out
    assert np.array_equal(out, kernels.quantize(x, -1, 1))
    values = np.empty((3, 4), np.float32)
    assert kernels.dequantize(out, -1, 1, 8, values) is values
    assert np.array_equal(values, kernels.dequantize(out, -1, 1))


def test_input_is_left_alone(kernels):
    x = features(3, 4)
    x.flags.writeable = False
    before = x.copy()
    kernels.quantize(x, -1, 1)
    assert np.array_equal(x, before)


def test_nothing_warns(kernels):
    x = np.array([np.nan, np.inf, 1e-45, 3e38], np.float32)
    with np.errstate(all="raise"):
        kernels.dequantize(kernels.quantize(x, 0, 1e-44), -1e38, 1e38)
        kernels.quantize(x, [-3e38] * 4, [0.0, 1.0, -3e38, 1e-45])


BAD_RANGES = {
    "nan": (np.nan, 1.0),
    "infinite": (0.0, np.inf),
    "minus infinite": (-np.inf, 0.0),
    "infinite in float32": (0.0, 1e39),
    "upside down": (1.0, 0.5),
    "too wide": (-3e38, 3e38),
    "wrong length": (np.zeros(2), np.ones(2)),
    "length one": (np.zeros(1), np.ones(1)),
    "wrong rank": (np.zeros((3, 1)), np.ones((3, 1))),
    "one channel upside down": ([0.0, 1.0, 0.0], [1.0, 0.0, 1.0]),
    "one channel nan": ([0.0, np.nan, 0.0], [1.0, 1.0, 1.0]),
    "one channel infinite": ([0.0, 0.0, np.inf], [1.0, 1.0, np.inf]),
    "one channel too wide": ([0.0, 0.0, -3e38], [1.0, 1.0, 3e38]),
}


@pytest.mark.parametrize("lo, hi", BAD_RANGES.values(), ids=BAD_RANGES)
def test_bad_ranges_are_refused(kernels, lo, hi):
    with pytest.raises(ValueError, match=r"range|shape"):
        kernels.quantize(features(3, 4), lo, hi)
    with pytest.raises(ValueError, match=r"range|shape"):
        kernels.dequantize(np.zeros((3, 4), np.uint8), lo, hi)


@pytest.mark.parametrize("bits, error", [(0, ValueError), (9, ValueError), (2.0, TypeError)])
def test_bad_bits_are_refused(kernels, bits, error):
    with pytest.raises(error, match="bits"):
        kernels.quantize(features(3), 0, 1, bits)
    with pytest.raises(error, match="bits"):
        kernels.dequantize(np.zeros(3, np.uint8), 0, 1, bits)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_empty_tensors_are_refused(kernels, shape):
    with pytest.raises(ValueError, match="shape"):
        kernels.quantize(np.zeros(shape, np.float32), 0, 1)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)])
def test_empty_codes_are_refused(kernels, shape):
    with pytest.raises(ValueError, match="shape"):
        kernels.dequantize(np.zeros(shape, np.uint8), 0, 1)


@pytest.mark.parametrize("x", [np.zeros(3, complex), np.array(["a"]), np.array([None])])
def test_wrong_dtypes_are_refused(kernels, x):
    with pytest.raises(TypeError, match="dtype"):
        kernels.quantize(x, 0, 1)
    with pytest.raises(TypeError, match="dtype"):
        kernels.dequantize(x, 0, 1)
    with pytest.raises(TypeError, match="dtype"):
        kernels.quantize(features(3), "0", 1.0)


def read_only(array):
    array.flags.writeable = False
    return array


BAD_OUTPUTS = {
    "shape": np.empty((4, 3), np.uint8),
    "rank": np.empty(12, np.uint8),
    "dtype": np.empty((3, 4), np.int8),
    "strided": np.empty((3, 8), np.uint8)[:, ::2],
    "fortran": np.empty((4, 3), np.uint8).T,
    "read-only": read_only(np.empty((3, 4), np.uint8)),
}


@pytest.mark.parametrize("out", BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_an_output_that_does_not_fit_is_refused(kernels, out):
    with pytest.raises(ValueError, match="out"):
        kernels.quantize(features(3, 4), 0, 1, out=out)


def test_an_output_that_is_no_array_is_refused(kernels):
    with pytest.raises(TypeError, match="out"):
        kernels.quantize(features(3), 0, 1, out=[0, 0, 0])


def test_an_output_over_the_input_is_refused(kernels):
    x = features(4)
    with pytest.raises(ValueError, match="memory"):
        kernels.quantize(x, 0, 1, out=x.view(np.uint8)[:4])
