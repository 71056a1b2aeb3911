"""A sequence of `ftc` with a target never takes more bytes than its bucket has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import features, place_of

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.pacing import DEPTH
from splitwire.errors import CodecError

SHAPE = (6, 14, 14)


@pytest.fixture(scope="module")
def profile() -> sw.Profile:
    made = sw.codec("ftc").calibrate([features(*SHAPE, seed=i) for i in range(8)])
    assert made.profile is not None
    return made.profile


def film(count: int, noise: float, cut: int) -> list[np.ndarray]:
    """A still scene with noise, and another one every so often."""
    random = np.random.default_rng(count)
    scenes = [features(*SHAPE, seed=100 + i // cut) for i in range(count)]
    return [(x + noise * random.normal(size=SHAPE)).astype(np.float32) for x in scenes]


@settings(max_examples=12, deadline=None)
@given(st.integers(90, 600), st.floats(0, 0.5), st.integers(5, 30), st.booleans())
def test_no_stretch_of_a_sequence_takes_more_than_the_bucket_has(
    profile: sw.Profile, target: int, noise: float, cut: int, acknowledged: bool
) -> None:
    codec = sw.codec(f"ftc:target_bytes={target}", profile=profile)
    encoder, decoder = codec.encoder(acknowledged), codec.decoder()
    above = highest = 0
    for x in film(30, noise, cut):
        stream = encoder.encode(x)
        encoder.acknowledge(stream)
        assert decoder.decode(stream).shape == SHAPE
        above = max(0, above + len(stream) - target)
        highest = max(highest, above)
    assert highest <= DEPTH * target


def test_a_target_is_met_and_a_sequence_gets_better_where_it_is_calm(profile: sw.Profile) -> None:
    target = 300
    encoder = sw.codec(f"ftc:target_bytes={target}", profile=profile).encoder()
    streams = [encoder.encode(x) for x in film(80, 0.1, 80)]
    sizes = np.array(list(map(len, streams)))
    assert 0.8 * target < sizes[30:].mean() < 1.1 * target
    qualities = [bitstream.read(stream)[1][0] for stream in streams]
    assert np.mean(qualities[-10:]) > qualities[0]
    assert max(np.abs(np.diff(qualities[1:]))) <= 2, "no frame looks much worse than the one before"


def test_a_refresh_takes_what_is_there(profile: sw.Profile) -> None:
    encoder = sw.codec("ftc:target_bytes=200", profile=profile).encoder()
    for x in film(12, 0.1, 12):
        encoder.encode(x)
    encoder.refresh()
    stream = encoder.encode(features(*SHAPE, seed=1))
    place = place_of(stream)
    assert not place.follows
    assert len(stream) <= DEPTH * 200


def test_a_target_that_no_quality_meets_is_refused_and_takes_no_place(profile: sw.Profile) -> None:
    encoder = sw.codec("ftc:target_bytes=4", profile=profile).encoder()
    with pytest.raises(CodecError, match="at the lowest quality, and target_bytes=4 leaves 40"):
        encoder.encode(features(*SHAPE))


def test_each_sequence_has_a_bucket_of_its_own(profile: sw.Profile) -> None:
    codec = sw.codec("ftc:target_bytes=300", profile=profile)
    x = features(*SHAPE)
    first, second = codec.encoder(), codec.encoder()
    assert len(first.encode(x)) == len(second.encode(x))
