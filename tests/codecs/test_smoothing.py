"""What stands still is coded as a mean over time, as strongly as its own noise asks for."""

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs.ftc import smoothing
from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.ftc.smoothing import Smoothing, smoothed

K, P = 20, 32
BLOCK = np.arange(P) // 16
STILL = np.ones(2, bool)


def followed(maps: np.ndarray, still: np.ndarray = STILL, step: float = 1.0) -> Smoothing:
    """After maps (frames, K, P), in steps, of which nothing is ever coded."""
    past = None
    for z in maps.astype(np.float32):
        past = smoothed(z, still, BLOCK, step, past)
    assert past is not None
    return past


def noise(frames: int = 60) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, (frames, K, P))


def test_noise_is_smoothed_and_change_is_not() -> None:
    maps = noise()
    maps[..., 16:] = 0.2 * np.arange(60)[:, None, None]  # the second block changes steadily
    past = followed(maps)
    assert past.strength[0] > 0.25
    assert past.strength[1] == 0
    np.testing.assert_array_equal(past.left[:, 16:], maps[-1, :, 16:].astype(np.float32))
    assert np.abs(past.left[:, :16]).mean() < 0.8 * np.abs(maps[-1, :, :16]).mean()


def test_a_walk_without_noise_is_left_alone() -> None:
    assert followed(0.2 * np.cumsum(noise(), 0)).strength.max() < 0.15


def test_what_moves_and_what_jumps_stay_as_they_are() -> None:
    maps = noise(30)
    moving = followed(maps, ~STILL)
    np.testing.assert_array_equal(moving.left, maps[-1].astype(np.float32))
    maps[-1] += 9
    np.testing.assert_allclose(followed(maps).left, maps[-1], atol=0.01)


def test_the_mean_is_the_same_at_another_step() -> None:
    past = followed(noise(20))
    z = noise(1)[0].astype(np.float32)
    one = smoothed(z, STILL, BLOCK, 1.0, past)
    halved = Smoothing(2 * past.left, past.surprise, past.strength, 0.5)
    np.testing.assert_array_equal(one.left, smoothed(z, STILL, BLOCK, 1.0, halved).left)


def test_what_is_coded_is_taken_off() -> None:
    past, q = followed(noise(2)), np.ones((K, P), np.int16)
    np.testing.assert_array_equal(past.after(q).left, past.left - 1)


def test_a_noisy_still_scene_takes_fewer_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (6, 13, 9)
    codec = sw.codec("ftc", quality=60)
    assert isinstance(codec, Ftc)
    codec = codec.calibrate([features(*shape, seed=i) for i in range(4)])
    random, scene = np.random.default_rng(1), features(*shape, seed=9)
    frames = [(scene + 0.2 * random.normal(size=shape)).astype(np.float32) for _ in range(40)]

    def measured() -> tuple[int, float]:
        """Bytes, and the squared error of the scene behind the noise."""
        encoder, decoder = codec.encoder(), codec.decoder()
        streams = [encoder.encode(x) for x in frames]
        wrong = [float(np.mean((decoder.decode(stream) - scene) ** 2)) for stream in streams]
        return sum(map(len, streams)), float(np.mean(wrong))

    size, wrong = measured()
    monkeypatch.setattr(smoothing, "_FIRST", 0.0)
    monkeypatch.setattr(smoothing, "_STRONGEST", 0.0)
    plain_size, plain_wrong = measured()
    assert size < 0.6 * plain_size
    assert wrong < plain_wrong
