"""What is no number is refused, by every codec (check_codec asks each), and nothing else is."""

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs import bitstream


def test_the_error_says_how_many_and_where() -> None:
    x = features(3, 4, 5)
    x[1, 2, 3:] = np.nan
    x[2, 0, 0] = -np.inf
    words = r"raw codes numbers, and 3 of these 60 are NaN or infinite, the first at \(1, 2, 3\)"
    with pytest.raises(sw.CodecError, match=words):
        sw.codec("raw:dtype=float32").encode(x)


@pytest.mark.parametrize("name", ["raw", "rans", "ecsq", "png", "picture"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_is_enough(name: str, bad: float) -> None:
    x = features(3, 20, 20)
    x[2, 19, 19] = bad
    with pytest.raises(sw.CodecError, match="1 of these 1,200"):
        sw.codec(name).encode(x)


def test_a_number_beyond_float32_is_refused_and_the_largest_is_not() -> None:
    with pytest.raises(sw.CodecError, match="2 of these 2 are NaN or infinite"):
        sw.codec("raw").encode(np.array([1e39, -1e39]))
    largest = np.finfo(np.float32).max * np.ones((2, 3, 3), np.float32)
    exact = sw.decode(sw.codec("raw:dtype=float32").encode(largest))
    np.testing.assert_array_equal(exact, largest)  # though their sum is infinite


@pytest.mark.parametrize("name", ["ftc", "learned", "raw:clip=profile", "jpeg:clip=profile"])
def test_calibration_refuses_it_too(name: str) -> None:
    x = [features(3, 8, 8, seed=seed) for seed in range(3)]
    x[1][0, 0, 0] = np.nan
    with pytest.raises(sw.CodecError, match=r"1 of these 192 are NaN or infinite"):
        sw.codec(name).calibrate(x)


def test_a_stream_that_holds_nan_still_decodes_to_it() -> None:
    x = features(2, 3, 3)
    header, payload = bitstream.read(sw.codec("raw:dtype=float32").encode(x))
    x[0, 0, 0] = np.nan
    assert bytes(payload[4:]) == x.tobytes()[4:]
    forged = bitstream.write(header, x.tobytes())
    np.testing.assert_array_equal(sw.decode(forged), x)
