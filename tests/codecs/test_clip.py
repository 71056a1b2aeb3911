"""The clip range: its rules, odd numbers, and profiles."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from streams import features, payload_of

import splitwire as sw
from splitwire.codecs import clip
from splitwire.codecs.base import Tensor
from splitwire.codecs.bitstream import Header, read

QUANTISING = ("raw", "png", "jpeg", "h264", "hevc", "av1")
X = features(6, 9, 7) * np.float32([1, 2, 3, 10, 0.1, 1]).reshape(6, 1, 1)


def coded(spec: str, x: Tensor) -> Tensor:
    return sw.decode(sw.codec(spec).encode(x))


def sent_range(spec: str, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """lo and hi as they stand in the stream."""
    bounds, _ = clip.ClipRange.from_bytes(
        memoryview(payload_of(sw.codec(spec).encode(x))), len(x) if "channel" in spec else 1
    )
    return bounds.lo, bounds.hi


def deviations(x: Tensor, k: float) -> tuple[float, float]:
    mean, deviation = x.mean(dtype=np.float64), x.std(dtype=np.float64)
    return max(x.min(), mean - k * deviation), min(x.max(), mean + k * deviation)


@pytest.mark.parametrize(("rule", "k"), [("3sd", 3), ("2.5sd", 2.5), ("0.5sd", 0.5), ("9sd", 9)])
def test_deviations_about_the_mean_within_the_extremes(rule: str, k: float) -> None:
    np.testing.assert_allclose(
        np.ravel(sent_range(f"raw:clip={rule}", X)), deviations(X, k), rtol=1e-6
    )
    lo, hi = sent_range(f"raw:clip={rule},per=channel", X)
    np.testing.assert_allclose(list(zip(lo, hi, strict=True)), [deviations(x, k) for x in X], 1e-5)


def test_three_deviations_are_the_default() -> None:
    assert sw.codec("raw:clip=3sd") == sw.codec("raw")


def test_extremes() -> None:
    assert sent_range("raw:clip=minmax", X) == (X.min(), X.max())
    lo, hi = sent_range("raw:clip=minmax,per=channel", X)
    np.testing.assert_array_equal(lo, X.min(axis=(1, 2)))
    np.testing.assert_array_equal(hi, X.max(axis=(1, 2)))


@pytest.mark.parametrize(
    "rule",
    ["", "sd", "0sd", "-3sd", "3", "3 sd", "3.sd", "nansd", "infsd", "1e3sd", "MAX", "３sd"],
)
def test_words_that_are_no_rule(rule: str) -> None:
    with pytest.raises(sw.CodecError, match="clip must be"):
        sw.codec("raw", clip=rule)


@pytest.mark.parametrize("name", QUANTISING)
def test_a_range_a_channel_serves_channels_of_different_scales(name: str) -> None:
    finest = {"jpeg": "quality=100", "raw": "bits=8", "png": "bits=8"}.get(name, "lossless=true")
    y = coded(f"{name}:per=channel,clip=minmax,{finest}", X)
    steps = np.ptp(X, axis=(1, 2), keepdims=True) / 255
    assert (abs(y - X) <= (0.51 if name != "jpeg" else 2.5) * steps).all()


@pytest.mark.parametrize("shape", [(5, 9), (1, 40), (40,), (2, 3, 4, 5)])
@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_tokens_vectors_and_deeper_tensors(shape: tuple[int, ...], per: str) -> None:
    x = features(*shape)
    y = coded(f"raw:clip=minmax,per={per}", x)
    assert abs(y - x).max() <= np.ptp(x) / 255 * 0.51


def test_channel_of_tokens_is_the_last_axis() -> None:
    x = features(5, 3) * np.float32([1, 100, 10000])
    y = coded("raw:clip=minmax,per=channel", x)
    assert (abs(y - x) <= np.ptp(x, axis=0) / 255 * 0.51).all()


def test_vector_needs_one_range_only() -> None:
    x = features(40)
    assert len(sw.codec("raw:per=channel").encode(x)) == len(
        sw.codec("raw").encode(x) + b":per=channel"
    )


@pytest.mark.parametrize("name", QUANTISING)
@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_constants_are_kept_exactly(name: str, per: str) -> None:
    for value in (0, 1, -2.7, 1e30, 1e-30, 16777217):
        x = np.full((3, 5, 4), value, np.float32)
        np.testing.assert_array_equal(coded(f"{name}:per={per}", x), x)


@given(
    scale=st.sampled_from([1e-30, 1e-10, 1.0, 1e10, 1e30, 1e38]),
    mean=st.sampled_from([0.0, -1.0, 1.0, 1e3, -1e6]),
    bits=st.integers(1, 8),
    seed=st.integers(0, 9),
)
@example(1e30, -1e6, 5, 0)
def test_error_is_half_a_step_at_any_magnitude(
    scale: float, mean: float, bits: int, seed: int
) -> None:
    with np.errstate(over="ignore"):
        x = ((features(4, 5, 6, seed=seed) + mean) * scale).astype(np.float32)
    x = np.clip(x, -8e37, 8e37)
    y = coded(f"raw:clip=minmax,bits={bits}", x)
    step = (float(x.max()) - float(x.min())) / (2**bits - 1)
    assert abs(y.astype(np.float64) - x).max() <= step / 2 * 1.001 + np.spacing(abs(x).max())


@pytest.mark.parametrize("bits", range(1, 9))
def test_largest_numbers_decode_to_finite_ones(bits: int) -> None:
    x = np.float32([-3.4e38, 3.4e38, 0, 1]).reshape(1, 2, 2)
    y = coded(f"raw:clip=minmax,bits={bits}", x)
    assert np.isfinite(y).all()
    assert y.argmin() == 0
    assert y.argmax() == 1


@pytest.fixture
def calibrated() -> sw.Codec:
    return sw.codec("raw:clip=profile").calibrate([X, X / 2, X + 1])


def test_profile_is_three_deviations_of_all_features(calibrated: sw.Codec) -> None:
    assert calibrated.profile is not None
    pooled = np.stack([X, X / 2, X + 1])
    bounds = [calibrated.profile.arrays[key][0] for key in ("lo", "hi")]
    np.testing.assert_allclose(bounds, deviations(pooled, 3), rtol=1e-6)


@pytest.mark.parametrize("name", QUANTISING)
@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_profile_takes_the_range_out_of_the_stream(name: str, per: str) -> None:
    codec = sw.codec(f"{name}:clip=profile,per={per}")
    assert codec.needs_profile
    calibrated = codec.calibrate([X])
    stream = calibrated.encode(X)
    header = read(stream)[0]
    assert calibrated.profile is not None
    assert header == Header(
        name if per == "tensor" else f"{name}:per=channel", X.shape, calibrated.profile.digest
    )
    np.testing.assert_array_equal(
        sw.decode(stream, calibrated.profile), coded(f"{name}:per={per}", X)
    )


def test_profile_is_saved_and_loaded(calibrated: sw.Codec, tmp_path: Path) -> None:
    assert calibrated.profile is not None
    path = tmp_path / "range.safetensors"
    saved = calibrated.profile.save(path)
    loaded = sw.Profile.load(path)
    assert saved == loaded == calibrated.profile
    assert loaded.digest == calibrated.profile.digest
    stream = calibrated.encode(X)
    for again in (
        sw.codec(f"raw:clip=profile,profile={path}"),
        sw.codec(f"raw:profile={path}"),
        sw.codec("raw:clip=profile", profile=path),
        sw.codec("raw", profile=str(path)),
        sw.codec("raw", profile=loaded),
    ):
        assert again == calibrated
        assert again.encode(X) == stream
        np.testing.assert_array_equal(again.decode(stream), calibrated.decode(stream))
    assert sw.codec(sw.codec("raw", profile=path).spec) == calibrated


def test_any_damage_to_a_profile_file_is_noticed(calibrated: sw.Codec, tmp_path: Path) -> None:
    assert calibrated.profile is not None
    path = tmp_path / "range.safetensors"
    calibrated.profile.save(path)
    data = path.read_bytes()
    damaged = [data[:n] for n in range(0, len(data), 7)] + [data + b"\0", b"", b"no profile"]
    damaged += [data[:i] + bytes((data[i] ^ 1,)) + data[i + 1 :] for i in range(len(data))]
    for bad in damaged:
        path.write_bytes(bad)
        with pytest.raises(sw.ProfileError):
            sw.Profile.load(path)


def test_profile_that_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(sw.ProfileError, match="cannot read"):
            sw.codec("raw:clip=profile", profile=path)
    with pytest.raises(sw.StorageError, match="cannot write"):
        sw.Profile("raw", {"lo": np.zeros(1)}).save(tmp_path / "missing" / "file")


def test_digest_depends_on_everything_and_on_no_order() -> None:
    arrays = {"lo": np.zeros(2, np.float32), "hi": np.ones(2, np.float32)}
    digest = sw.Profile("raw", arrays).digest
    assert sw.Profile("raw", dict(reversed(arrays.items()))).digest == digest
    assert sw.Profile("raw", {k: a.astype(">f4") for k, a in arrays.items()}).digest == digest
    others = [
        sw.Profile("png", arrays),
        sw.Profile("raw", {**arrays, "more": np.ones(1)}),
        sw.Profile("raw", {**arrays, "hi": np.ones(2, np.float64)}),
        sw.Profile("raw", {**arrays, "hi": np.ones((2, 1), np.float32)}),
        sw.Profile("raw", {**arrays, "hi": np.float32([1, 2])}),
        sw.Profile("raw", {"lo": arrays["hi"], "hi": arrays["lo"]}),
    ]
    assert len({digest, *(p.digest for p in others)}) == 1 + len(others)


def test_another_profile_or_none_is_refused_by_both_digests(calibrated: sw.Codec) -> None:
    other = sw.codec("raw:clip=profile").calibrate([X * 2])
    assert calibrated.profile is not None
    assert other.profile is not None
    stream = calibrated.encode(X)
    mine, yours = calibrated.profile.digest, other.profile.digest
    with pytest.raises(sw.ProfileError, match=f"{mine}.*{yours}"):
        other.decode(stream)
    with pytest.raises(sw.ProfileError, match=f"{mine}.*{yours}"):
        sw.decode(stream, other.profile)
    with pytest.raises(sw.ProfileError, match=f"{mine}.*none"):
        sw.decode(stream)
    with pytest.raises(sw.ProfileError, match=f"{mine}.*none"):
        sw.codec("raw").decode(stream)


def test_codec_with_a_profile_decodes_streams_without(calibrated: sw.Codec) -> None:
    stream = sw.codec("raw").encode(X)
    np.testing.assert_array_equal(calibrated.decode(stream), sw.decode(stream))


def test_profile_of_another_codec(calibrated: sw.Codec) -> None:
    with pytest.raises(sw.ProfileError, match="belongs to raw, not to png"):
        sw.codec("png:clip=profile", profile=calibrated.profile)


def test_profile_of_other_channels() -> None:
    codec = sw.codec("raw:clip=profile,per=channel").calibrate([X])
    with pytest.raises(sw.ProfileError, match="6 channels"):
        codec.encode(features(5, 9, 7))


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"lo": np.zeros(1)},
        {"lo": np.zeros(1), "hi": np.zeros(2)},
        {"lo": np.ones(1), "hi": np.zeros(1)},
        {"lo": np.zeros(1), "hi": np.full(1, np.nan)},
        {"lo": np.zeros(1), "hi": np.full(1, np.inf)},
        {"lo": np.zeros((1, 1)), "hi": np.ones((1, 1))},
    ],
)
def test_profile_that_holds_no_range(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(sw.ProfileError, match="holds no"):
        sw.codec("raw:clip=profile", profile=sw.Profile("raw", arrays))


def test_profile_beside_another_rule_is_refused(calibrated: sw.Codec) -> None:
    with pytest.raises(sw.CodecError, match="minmax"):
        sw.codec("raw:clip=minmax", profile=calibrated.profile)
    with pytest.raises(sw.CodecError, match="dtype=float32"):
        sw.codec("raw:dtype=float32", profile=calibrated.profile)


def test_calibration_needs_features_of_one_shape() -> None:
    codec = sw.codec("raw:clip=profile")
    for features_ in ([], [X, X[:2]], [np.full_like(X, np.nan)]):
        with pytest.raises(sw.CodecError):
            codec.calibrate(features_)


def test_codec_that_learns_nothing_is_itself() -> None:
    codec = sw.codec("raw")
    assert codec.calibrate([X]) is codec
