"""Promises of bytes are kept, at the quality next to the one that breaks them."""

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.errors import CodecError


@pytest.fixture(scope="module")
def profile() -> sw.Profile:
    made = sw.codec("ftc").calibrate([features(8, 14, 14, seed=i) for i in range(20)])
    assert made.profile is not None
    return made.profile


def quality(stream: bytes) -> int:
    return bitstream.read(stream)[1][0]


@pytest.mark.parametrize("target", [60, 100, 300, 800, 1500])
def test_a_stream_has_no_more_bytes_than_asked_for_and_nearly_as_many(
    profile: sw.Profile, target: int
) -> None:
    x = features(8, 14, 14, seed=99)
    stream = sw.codec(f"ftc:target_bytes={target}", profile=profile).encode(x)
    assert len(stream) <= target
    above = sw.codec("ftc", quality=quality(stream) + 1, profile=profile).encode(x)
    assert len(above) > target
    same = sw.codec("ftc", quality=quality(stream), profile=profile)
    assert stream == same.encode(x), "the target leaves no trace in the stream"
    np.testing.assert_array_equal(sw.decode(stream, profile), same.decode(stream))


def test_a_roomy_target_takes_the_highest_quality(profile: sw.Profile) -> None:
    stream = sw.codec("ftc:target_bytes=1000000", profile=profile).encode(features(8, 14, 14))
    assert quality(stream) == 100


def test_a_target_that_no_quality_meets_is_refused(profile: sw.Profile) -> None:
    with pytest.raises(CodecError, match="bytes at the lowest quality, more than target_bytes=20"):
        sw.codec("ftc:target_bytes=20", profile=profile).encode(features(8, 14, 14))


def test_two_promises_at_once_are_refused() -> None:
    with pytest.raises(CodecError, match="one of quality and target_bytes"):
        sw.codec("ftc:quality=40,target_bytes=9")
