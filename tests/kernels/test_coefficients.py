import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels
from splitwire.kernels import reference

EXPECTED = np.array([0, 3, 40, 300, 4000], np.uint16)
SHAPE = (len(EXPECTED), 36, 2, 14)


def drawn(shape, seed=0, largest=32767):
    """Coefficients from mostly zeros to the largest there are, with classes that half fit."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, len(EXPECTED), shape).astype(np.uint8)
    wide = rng.standard_cauchy(shape) * (EXPECTED[classes] / 64 + 0.05)
    states = rng.integers(1, 65536, SHAPE).astype(np.uint16)
    return np.rint(wide).clip(-largest, largest).astype(np.int16), classes, states


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 9), (2, 7, 1), (4, 5, 6)])
@pytest.mark.parametrize("seen", [0, 20, np.full(SHAPE, 63, np.uint8)])
def test_round_trip(kernels, shape, seen):
    q, classes, states = drawn(shape)
    stream = kernels.coefficients_encode(q, classes, EXPECTED, states, seen)
    back = kernels.coefficients_decode(stream.tobytes(), classes, EXPECTED, states, seen)
    assert back.dtype == np.int16
    np.testing.assert_array_equal(back, q)


@pytest.mark.parametrize("value", [0, 1, -13, 14, -15, 32767, -32767])
def test_every_size(kernels, value):
    q, classes = np.full((2, 3, 3), value, np.int16), np.zeros((2, 3, 3), np.uint8)
    states = np.full(SHAPE, 1 << 15, np.uint16)
    stream = kernels.coefficients_encode(q, classes, EXPECTED, states)
    np.testing.assert_array_equal(kernels.coefficients_decode(stream, classes, EXPECTED, states), q)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 1000),
)
def test_twins_agree(shape, seed):
    q, classes, states = drawn(shape, seed)
    one = kernels.coefficients_encode(q, classes, EXPECTED, states, 5)
    other = reference.coefficients_encode(q, classes, EXPECTED, states, 5)
    assert one.tobytes() == other.tobytes()
    np.testing.assert_array_equal(
        kernels.coefficient_contexts(q, classes, EXPECTED),
        reference.coefficient_contexts(q, classes, EXPECTED),
    )


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=60), seed=st.integers(0, 5))
def test_any_bytes_give_the_same_outcome(data, seed):
    _, classes, states = drawn((2, 3, 4), seed)
    outcomes = []
    for twin in (kernels, reference):
        try:
            outcomes.append(twin.coefficients_decode(data, classes, EXPECTED, states).tobytes())
        except ValueError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_experience_saves(kernels):
    """States that fit cost less than even ones."""
    q, classes, _ = drawn((4, 9, 9), largest=3)
    q[...] = 0
    even = np.full(SHAPE, 1 << 15, np.uint16)
    sure = np.full(SHAPE, 500, np.uint16)
    sizes = [
        kernels.coefficients_encode(q, classes, EXPECTED, states, 63).size
        for states in (even, sure)
    ]
    assert sizes[1] < sizes[0] / 5


def test_refusals(kernels):
    q, classes, states = drawn((2, 3, 4))
    for change, error, match in (
        ({"q": q.astype(int)}, TypeError, "int16"),
        ({"q": q[1:]}, ValueError, "classes has"),
        ({"q": np.full_like(q, -32768)}, ValueError, "-32768"),
        ({"classes": classes[0]}, ValueError, "K, H, W"),
        ({"classes": classes + 5}, ValueError, "there are 5"),
        ({"expected": EXPECTED.astype(int)}, TypeError, "expected"),
        ({"states": states[1:]}, ValueError, "states"),
        ({"states": states * 0}, ValueError, "states"),
        ({"seen": 64}, ValueError, "seen"),
        ({"seen": states[0]}, ValueError, "seen"),
    ):
        given = {"q": q, "classes": classes, "expected": EXPECTED, "states": states, "seen": 0}
        with pytest.raises(error, match=match):
            kernels.coefficients_encode(**(given | change))


def test_golden(kernels):
    """These bytes are for ever: changing them changes the bitstream."""
    q = np.array([[[5, -2, 0], [1, 0, 0]], [[-20, 3, 1], [0, 0, -1]]], np.int16)
    classes = np.array([[[3, 2, 1], [2, 1, 0]], [[4, 3, 2], [2, 1, 0]]], np.uint8)
    states = (np.arange(5040).reshape(SHAPE) * 13 + 9).astype(np.uint16)
    stream = kernels.coefficients_encode(q, classes, EXPECTED, states, 9)
    assert stream.tobytes().hex() == GOLDEN


GOLDEN = "1a1afcf94a"
