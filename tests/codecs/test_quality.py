"""What the codecs of pictures lose, and what that costs: the quantiser's error is the floor."""

from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import features as features_of_pillow
from streams import features, payload_of

import splitwire as sw
from splitwire.codecs.base import Tensor
from splitwire.codecs.units import nal_units

VIDEO = ("h264", "hevc", "av1")
every_video = pytest.mark.parametrize("name", VIDEO)
X = features(16, 28, 28)

SHAPES = [(1, 1, 1), (1, 1, 2), (7,), (300,), (5, 9), (2, 2, 3, 4), (3, 17, 33), (1, 65, 130)]

# From the finest to the coarsest.
QUALITIES = {
    "jpeg:quality=": (100, 95, 80, 50, 20, 5),
    "h264:qp=": (1, 20, 30, 40, 51),
    "hevc:qp=": (1, 10, 20, 30, 40, 51),
    "av1:qp=": (1, 10, 20, 40, 63),
}


def coded(spec: str, x: Tensor = X) -> Tensor:
    return sw.decode(sw.codec(spec).encode(x))


def extremes(shape: tuple[int, ...], seed: int) -> Tensor:
    """Noise over the whole range, a third of it at either end of it: the hardest to keep."""
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, shape).clip(-1, 1)
    return x.astype(np.float32)


@every_video
@pytest.mark.parametrize("rule", ["clip=minmax", "clip=minmax,per=channel", "clip=2sd"])
@pytest.mark.parametrize("shape", SHAPES)
def test_lossless_video_is_the_quantiser_to_the_bit(
    name: str, rule: str, shape: tuple[int, ...]
) -> None:
    x = extremes(shape, len(shape))
    np.testing.assert_array_equal(coded(f"{name}:lossless=true,{rule}", x), coded(f"raw:{rule}", x))


@every_video
@settings(max_examples=10, deadline=None)
@given(shape=st.lists(st.integers(1, 20), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_lossless_video_of_any_shape(name: str, shape: list[int], seed: int) -> None:
    x = extremes(tuple(shape), seed)
    np.testing.assert_array_equal(
        coded(f"{name}:lossless=true,clip=minmax", x), coded("raw:clip=minmax", x)
    )


@every_video
@pytest.mark.parametrize("level", [0, 1, 15, 16, 235, 240, 254, 255])
def test_no_level_of_full_range_is_clipped(name: str, level: int) -> None:
    x = np.full((1, 32, 32), level, np.float32)
    x[0, 0, :2] = 0, 255  # so that codes are the levels themselves
    y = coded(f"{name}:lossless=true,clip=minmax", x)
    np.testing.assert_array_equal(y, x)


@every_video
def test_filters_can_be_left_out(name: str) -> None:
    """The decoder follows what the stream says, and codes are filtered after they are paid for."""
    coarse = {"h264": "qp=44", "hevc": "qp=44", "av1": "qp=60"}[name]
    codecs = [sw.codec(f"{name}:{coarse},filters={word}") for word in ("true", "false")]
    assert codecs[1].travelling_spec == name
    on, off = (codec.encode(X) for codec in codecs)
    assert on != off and abs(len(on) - len(off)) < 30
    filtered, plain = sw.decode(on), sw.decode(off)
    assert not np.array_equal(filtered, plain)
    assert 0.9 < np.square(plain - X).mean() / np.square(filtered - X).mean() < 1.1


def test_png_is_the_quantiser_to_the_bit() -> None:
    for rule in ("bits=8", "bits=3,clip=minmax", "bits=1,per=channel"):
        np.testing.assert_array_equal(coded(f"png:{rule}"), coded(f"raw:{rule}"))


def test_float_numbers_are_kept() -> None:
    np.testing.assert_array_equal(coded("raw:dtype=float32"), X)
    np.testing.assert_array_equal(coded("raw:dtype=float16"), X.astype(np.float16))
    beyond = np.array([1e9, -1e9, 1e-9], np.float32)
    np.testing.assert_array_equal(
        coded("raw:dtype=float16", beyond), np.float32([65504, -65504, 0])
    )


@pytest.mark.parametrize("bits", range(1, 9))
def test_error_of_the_quantiser_is_half_a_step(bits: int) -> None:
    y = coded(f"raw:clip=minmax,bits={bits}")
    step = float(np.ptp(X)) / (2**bits - 1)
    assert abs(y - X).max() <= step / 2 * 1.0001
    assert len(np.unique(y)) <= 2**bits


@pytest.mark.parametrize("spec", QUALITIES)
def test_error_falls_to_the_quantisers_as_quality_rises(spec: str) -> None:
    exact = coded("raw")
    step = float(np.ptp(exact)) / 255
    errors = [np.square(coded(f"{spec}{q}") - exact).mean() for q in QUALITIES[spec]]
    assert errors == sorted(errors)
    assert errors[0] <= 1.5 * step**2 / 12  # the finest adds no more than rounding once again


@pytest.mark.parametrize("spec", QUALITIES)
def test_coarser_costs_less(spec: str) -> None:
    sizes = [len(sw.codec(f"{spec}{q}").encode(X)) for q in QUALITIES[spec]]
    assert all(finer > 1.2 * coarser for finer, coarser in pairwise(sizes)), sizes


def test_smooth_features_cost_less_than_their_codes() -> None:
    raw = len(sw.codec("raw").encode(X))
    for spec in ("png", "jpeg:quality=80", "h264", "hevc", "av1"):
        assert len(sw.codec(spec).encode(X)) < raw, spec


def test_fewer_bits_cost_less() -> None:
    for name in ("raw", "png"):
        sizes = [len(sw.codec(f"{name}:bits={bits}").encode(X)) for bits in range(1, 9)]
        assert sizes == sorted(sizes)


def test_h264_and_hevc_carry_no_messages() -> None:
    h264 = nal_units(payload_of(sw.codec("h264").encode(X))[9:])
    assert [unit[0] & 31 for unit in h264] == [7, 8, 5]
    hevc = nal_units(payload_of(sw.codec("hevc").encode(X))[9:])
    assert [unit[0] >> 1 for unit in hevc] == [32, 33, 34, 20]


@every_video
@pytest.mark.parametrize("lossless", ["true", "false"])
def test_video_says_that_it_is_of_full_range(name: str, lossless: str) -> None:
    payload = payload_of(sw.codec(f"{name}:lossless={lossless}").encode(X))
    context = av.CodecContext.create("libdav1d" if name == "av1" else name, "r")
    frames = [*context.decode(av.Packet(payload[9:])), *context.decode(None)]
    assert [frame.color_range for frame in frames] == [ColorRange.JPEG]


@pytest.mark.parametrize("name", ["jpeg", *VIDEO])
def test_small_frames_are_padded_and_cut_again(name: str) -> None:
    for shape in ((1, 1, 1), (2, 1, 1), (3, 2, 5), (1, 3, 70)):
        x = features(*shape)
        assert abs(coded(name, x) - x).max() <= float(np.ptp(x)) + 1e-6


@pytest.mark.parametrize("name", ["jpeg", *VIDEO])
def test_tensors_too_large_for_the_format_are_refused_before_coding(name: str) -> None:
    x = np.zeros((1, 1, 70_000), np.float32)
    with pytest.raises(sw.CodecError, match="cannot code a tensor of shape"):
        sw.codec(name).encode(x)


@pytest.mark.parametrize("name", ["png", "jpeg", *VIDEO])
def test_large_constant_tensors_make_streams_that_decode(name: str) -> None:
    x = np.full((64, 160, 160), 2.5, np.float32)
    np.testing.assert_array_equal(coded(name, x), x)


def test_noise_that_optimised_jpeg_has_no_room_for_is_coded() -> None:
    x = np.random.default_rng(0).choice([0.0, 255.0], (3, 512, 512))
    assert coded("picture:format=jpeg,quality=94", x).shape == x.shape


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif"])
def test_a_finer_picture_costs_more_and_is_nearer(form: str) -> None:
    codecs = [sw.codec(f"picture:format={form},quality={q}") for q in (20, 50, 90)]
    if codecs[0].missing:
        pytest.skip(f"no {codecs[0].missing}")
    x = np.repeat(20 * features(1, 40, 60) + 100, 3, axis=0)  # chroma has half the size
    streams = [codec.encode(x) for codec in codecs]
    assert sorted(map(len, streams)) == [len(stream) for stream in streams]
    errors = [np.square(sw.decode(stream) - x).mean() for stream in streams]
    assert sorted(errors, reverse=True) == errors and errors[-1] < 60


def test_a_format_that_pillow_lacks_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_of_pillow, "check", lambda name: name != "avif")
    avif = sw.codec("picture:format=avif")
    assert avif.missing == "AVIF in Pillow" and not sw.codec("picture:format=webp").missing
    with pytest.raises(sw.CodecError, match="this Pillow has no AVIF"):
        avif.encode(features(3, 9, 7))


def test_picture_keeps_its_pixels() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 11, 5)).astype(np.float32)
    np.testing.assert_array_equal(coded("picture", x), x)
    np.testing.assert_array_equal(coded("picture", x + np.float32(0.4)), x)
    odd = np.float32([-9, 300, 1e30, 255, -1e30, 254.6]).reshape(1, 2, 3).repeat(3, axis=0)
    expected = np.float32([0, 255, 255, 255, 0, 255]).reshape(1, 2, 3).repeat(3, axis=0)
    np.testing.assert_array_equal(coded("picture", odd), expected)
