"""What the documents say of `ftc` over time is enough: a decoder made of it gives the same bits."""

import numpy as np
import pytest
from mutants import Base, changed
from second_decoder import DamageError, Residuals
from streams import features, payload_of, place_of
from test_golden import GOLDEN, LEARNT_OVER_TIME, OVER_TIME

import splitwire as sw
from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.inter import inter_of
from splitwire.codecs.ftc.profile import opened

SHAPE = (2, 13, 9)


def sequence_of(stream: bytes, profile: sw.Profile) -> Residuals:
    """Behind a stream that stands alone, decoded by the codec itself."""
    payload = payload_of(stream)
    numbers = opened(profile).decoded(memoryview(payload[1:]), payload[0])
    return Residuals(profile.arrays, numbers.astype(np.int64))


def planes(numbers: np.ndarray, profile: sw.Profile) -> Tensor:
    mean = profile.arrays["mean"].astype(np.float64)[:, None, None]
    return (numbers * 2.0 ** int(profile.arrays["unit"][0]) + mean).astype(np.float32)


def test_golden_streams() -> None:
    profile = sw.Profile.load(LEARNT_OVER_TIME)
    for name in OVER_TIME:
        stream = (GOLDEN / f"{name}.sw").read_bytes()
        if not place_of(stream).follows:
            other = sequence_of(stream, profile)
            continue
        y = planes(other.decode(payload_of(stream)), profile)
        np.testing.assert_array_equal(y, np.load(GOLDEN / f"{name}.npy"), err_msg=name)


def test_a_long_sequence_with_large_residuals() -> None:
    """Of six blocks, until the map of long ago is another; values far above what was expected."""
    codec = sw.codec("ftc:quality=90").calibrate([features(*SHAPE, seed=i) for i in range(4)])
    assert codec.profile is not None
    encoder, decoder = codec.encoder(), codec.decoder()
    x, rng, followed = features(*SHAPE), np.random.default_rng(0), 0
    for i in range(36):
        moved = np.roll(x, (i // 5 % 3, i // 3 % 3), axis=(1, 2))
        noise = rng.normal(0, 0.05, SHAPE) + 30 * (i == 20) * (rng.random(SHAPE) < 0.01)
        stream = encoder.encode((moved + noise).astype(np.float32))
        y = decoder.decode(stream)
        if not place_of(stream).follows:
            other = sequence_of(stream, codec.profile)
            continue
        followed += 1
        numbers = other.decode(payload_of(stream))
        np.testing.assert_array_equal(planes(numbers, codec.profile), y, err_msg=str(i))
    assert followed > 32


def test_damage() -> None:
    """Both decoders refuse the same bytes, and make the same of others."""
    profile = sw.Profile.load(LEARNT_OVER_TIME)
    inter, rng = inter_of(profile), np.random.default_rng(0)
    assert inter is not None
    streams = [(GOLDEN / f"{name}.sw").read_bytes() for name in OVER_TIME[:2]]
    first, right = sequence_of(streams[0], profile), payload_of(streams[1])
    past = inter.start(first.last.astype(np.float64))
    base = Base(sw.codec("ftc", profile=profile), (6, 9, 7), streams, [], None, 1.0)
    refused = 0
    for _ in range(40):
        payload = right[:1] + changed(right[1:], base, rng)
        try:
            expected = inter.decode(memoryview(payload[1:]), payload[0], past).last
        except ValueError:
            with pytest.raises(DamageError):
                sequence_of(streams[0], profile).decode(payload)
            refused += 1
        else:
            np.testing.assert_array_equal(
                sequence_of(streams[0], profile).decode(payload), expected
            )
    assert 0 < refused < 40
