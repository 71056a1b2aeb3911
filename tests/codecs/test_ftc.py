"""The feature transform codec: what calibration gives it, and what its quality means."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs.ftc import transform
from splitwire.codecs.ftc.transform import frequency_bands

SHAPE = (6, 9, 7)


def planes(count: int, shape: tuple[int, ...] = SHAPE) -> list[np.ndarray]:
    return [features(*shape, seed=seed) for seed in range(count)]


@pytest.fixture(scope="module")
def codec() -> sw.Codec:
    return sw.codec("ftc").calibrate(planes(6))


def error(codec: sw.Codec, x: np.ndarray) -> float:
    return float(np.mean((sw.decode(codec.encode(x), codec.profile) - x) ** 2))


def test_quality_trades_bytes_for_error(codec: sw.Codec) -> None:
    x = features(*SHAPE, seed=99)
    at = [replace(codec, quality=quality) for quality in range(0, 101, 10)]
    sizes = [len(one.encode(x)) for one in at]
    errors = [error(one, x) for one in at]
    assert sizes == sorted(sizes)
    assert errors[-1] < 1e-3 * errors[0]


def test_profile_serves_every_quality(codec: sw.Codec) -> None:
    assert replace(codec, quality=80).calibrate(planes(6)).profile == codec.profile


def test_channels_that_matter_are_kept_better() -> None:
    slopes = [x * np.array([9, 9, 9, 0.1, 0.1, 0.1], np.float32)[:, None, None] for x in planes(6)]
    codec = sw.codec("ftc").calibrate(planes(6), slopes)
    x = features(*SHAPE, seed=99)
    wrong = (sw.decode(codec.encode(x), codec.profile) - x) ** 2
    assert wrong[:3].mean() < wrong[3:].mean() / 20


def test_what_is_far_from_calibration_still_decodes(codec: sw.Codec) -> None:
    for x in (1e30 * planes(1)[0], np.full(SHAPE, 3e38, np.float32), np.zeros(SHAPE, np.float32)):
        assert np.isfinite(sw.decode(codec.encode(x), codec.profile)).all()


@pytest.mark.parametrize("shape", [(5,), (4, 3), (1, 1, 1), (2, 3, 4, 5), (3, 1, 40)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    codec = sw.codec("ftc:quality=100").calibrate(planes(3, shape))
    y = sw.decode(codec.encode(planes(1, shape)[0]), codec.profile)
    np.testing.assert_allclose(y, planes(1, shape)[0], atol=0.2)


def test_constant_features_and_gradients() -> None:
    same = [np.ones(SHAPE, np.float32)] * 3
    codec = sw.codec("ftc").calibrate(same, [np.zeros(SHAPE, np.float32)])
    np.testing.assert_array_equal(sw.decode(codec.encode(same[0]), codec.profile), same[0])


def test_refusals(codec: sw.Codec) -> None:
    for tensors, slopes, match in (
        ([], None, "one or more"),
        ([features(2, 3, 3), features(2, 3, 4)], None, "of one shape"),
        ([np.full(SHAPE, np.inf, np.float32)], None, "378 of these 378 are NaN or infinite"),
        (planes(2), [features(2, 3, 3)], "gradients"),
    ):
        with pytest.raises(sw.CodecError, match=match):
            sw.codec("ftc").calibrate(tensors, slopes)
    with pytest.raises(sw.ProfileError, match="these have"):
        codec.encode(features(6, 7, 9))


@pytest.mark.parametrize("name", ["basis", "states", "gain", "lift"])
def test_profiles_that_do_not_fit_together(codec: sw.Codec, name: str) -> None:
    assert codec.profile is not None
    arrays = dict(codec.profile.arrays)
    for wrong in (arrays[name][1:], arrays[name].astype(float)):
        with pytest.raises(sw.ProfileError):
            replace(codec, profile=sw.Profile("ftc", arrays | {name: wrong}))


def test_a_profile_that_weighs_a_band_with_nothing_is_refused(codec: sw.Codec) -> None:
    assert codec.profile is not None
    gain = codec.profile.arrays["gain"].copy()
    gain[0, 0] = 0
    with pytest.raises(sw.ProfileError, match="do not fit together"):
        replace(codec, profile=sw.Profile("ftc", {**codec.profile.arrays, "gain": gain}))


@pytest.mark.parametrize("count", [3, 700, 2049, 5000])
def test_inverse_is_of_exact_integers(count: int) -> None:
    """The largest numbers there are, in sums of the most terms: exact, so in any order the same."""
    bits = min(27, 38 - (count - 1).bit_length())
    assert count * 32767 * 2**bits < 2**53
    basis = np.full((1, 1, count), 32767, np.int16)
    basis[..., count // 2 :] *= -1
    numbers = 2.0**bits - np.arange(count).reshape(-1, 1, 1)
    exact = sum(int(n) * int(b) for n, b in zip(numbers.flat, basis.flat, strict=True))
    order = np.random.default_rng(0).permutation(count)
    for places in (np.arange(count), order):
        made = transform.rebuild(numbers[places], basis[..., places])
        assert made.item() == min(max(round(Fraction(exact, 2**15)), -(2**bits)), 2**bits)
    assert transform.rebuild(np.full_like(numbers, 2.0**40), abs(basis)).item() == 2**bits


def test_what_is_kept_between_calls_cannot_be_written() -> None:
    kept = transform.cosines(5), transform._integer_cosines(5), transform.octaves(5, 4)
    assert not any(array.flags.writeable for array in kept)


def test_bands_are_half_octaves() -> None:
    assert frequency_bands(1, 20)[0].tolist() == [
        0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8,
    ]  # fmt: skip
