"""Tokens on a grid in `ftc`: what is coded apart, exactly, and what is refused."""

from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streams import features, payload_of, place_of, stream_of

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.ftc.tokens import TokenProfile, first_of, joined, opened, parted
from splitwire.codecs.layout import to_planes
from splitwire.codecs.predictive import SequenceEncoder

SHAPE = (27, 6)  # two tokens before 5×5
few = settings(max_examples=40, deadline=None)


def tokens(seed: int, shape: tuple[int, int] = SHAPE, apart: float = 0.0) -> Tensor:
    """A smooth map as a network's tokens are, and first tokens that are far from it, if asked."""
    first = first_of(shape)
    assert first is not None
    side = round((shape[0] - first) ** 0.5)
    grid = features(shape[1], side, side, seed=seed)
    for axis in (1, 2, 1, 2):
        grid = (grid + np.roll(grid, 1, axis)) / 2
    grid = grid.reshape(shape[1], -1).T
    before = np.random.default_rng(seed).normal(size=(first, shape[1]))
    return np.concatenate([before + apart, grid]).astype(np.float32)


@cache
def calibrated(shape: tuple[int, int] = SHAPE, quality: int = 60) -> Ftc:
    made = sw.codec("ftc", quality=quality).calibrate([tokens(i, shape) for i in range(5)])
    assert isinstance(made, Ftc)
    return made


def table_of(codec: Ftc) -> TokenProfile:
    assert codec.profile is not None
    table = opened(codec.profile)
    assert isinstance(table, TokenProfile)
    return table


@pytest.mark.parametrize(
    ("shape", "first"),
    [((197, 9), 1), ((198, 9), 2), ((201, 9), 5), ((257, 9), 1), ((50, 9), 1), ((49, 9), 0)],
)
def test_grids_of_vision_transformers(shape: tuple[int, int], first: int) -> None:
    assert first_of(shape) == first


@pytest.mark.parametrize("shape", [(3, 9), (205, 9), (197,), (1, 197), (197, 9, 1), (9, 1, 197)])
def test_no_grid(shape: tuple[int, ...]) -> None:
    assert first_of(shape) is None


@given(st.integers(4, 400), st.integers(1, 5))
def test_parts_hold_every_token_once(count: int, channels: int) -> None:
    first = first_of((count, channels))
    if first is None:
        return
    planes = np.arange(count * channels).reshape(channels, 1, count)
    *before, grid = parted(planes, first)
    assert all(part.shape == (channels, 1, 1) for part in before)
    assert grid[0].tolist() == planes[0, 0, first:].reshape(grid.shape[1:]).tolist()
    np.testing.assert_array_equal(joined([*before, grid]), planes)


@pytest.mark.parametrize("first", [0, 1, 8])
def test_any_number_of_first_tokens(first: int) -> None:
    shape = (first + 16, 3)
    codec, x = calibrated(shape, 100), tokens(9, shape)
    assert [table.shape for table in table_of(codec).tables] == [(3, 1, 1)] * first + [(3, 4, 4)]
    np.testing.assert_allclose(sw.decode(codec.encode(x), codec.profile), x, atol=0.2)


def test_each_part_is_decoded_as_by_itself() -> None:
    """The payload of bitstream.md: a quality, each first token behind its length, the grid."""
    codec, x = calibrated(), tokens(9)
    payload = payload_of(codec.encode(x))
    quality, at, parts = payload[0], 1, []
    *first, grid = table_of(codec).tables
    for table in first:
        size = payload[at]
        parts.append(table.decode(memoryview(payload[at + 1 : at + 1 + size]), quality))
        at += 1 + size
    parts.append(grid.decode(memoryview(payload[at:]), quality))
    whole = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1).T
    np.testing.assert_array_equal(sw.decode(codec.encode(x), codec.profile), whole)


def test_a_profile_of_planes_still_codes_tokens() -> None:
    """As they were before there were grids: D planes of 1×T."""
    before = sw.codec("ftc:quality=90").calibrate([to_planes(tokens(i)) for i in range(5)])
    assert "first" not in before.profile.arrays
    x = tokens(9)
    y = sw.decode(before.encode(x), before.profile)
    assert y.shape == SHAPE
    np.testing.assert_allclose(y, x, atol=0.3)


def test_the_grid_saves_bytes() -> None:
    shape = (65, 6)
    xs, x = [tokens(i, shape, apart=20.0) for i in range(12)], tokens(99, shape, apart=20.0)
    slopes = drawn(shape)  # so that what an error costs depends on no variance
    grid = sw.codec("ftc:quality=46").calibrate(xs, slopes)
    row = sw.codec("ftc:quality=46").calibrate(map(to_planes, xs), map(to_planes, slopes))
    streams = grid.encode(x), row.encode(x)
    wrong = [np.mean((c.decode(s) - x) ** 2) for c, s in zip((grid, row), streams, strict=True)]
    assert len(streams[0]) < 0.8 * len(streams[1])
    assert wrong[0] < 1.1 * wrong[1]


def drawn(shape: tuple[int, int]) -> list[Tensor]:
    """Gradients that listen to everything alike."""
    return list(np.random.default_rng(0).normal(size=(20, *shape)).astype(np.float32))


def test_one_step_in_the_metric_of_the_output() -> None:
    """A first token that the output listens to is kept better than the grid, by one level."""
    slopes = [slope * np.array([10, *[0.1] * 26])[:, None] for slope in drawn(SHAPE)]
    codec = sw.codec("ftc:quality=60").calibrate([tokens(i) for i in range(6)], slopes)
    assert isinstance(codec, Ftc)
    levels = {table.level(50) for table in table_of(codec).tables}
    wrong = (sw.decode(codec.encode(tokens(9)), codec.profile) - tokens(9)) ** 2
    assert len(levels) == 1
    assert wrong[0].mean() < wrong[2:].mean() / 20


def test_a_grid_that_the_output_does_not_hear_takes_no_bytes() -> None:
    """Behind its last block a transformer reads nothing but the class token."""
    slope = np.zeros((26, 6), np.float32)
    slope[0] = np.random.default_rng(0).normal(size=6)
    xs = [tokens(i, (26, 6)) for i in range(6)]
    codec = sw.codec("ftc").calibrate(xs, [slope, 2 * slope])
    stream = codec.encode(xs[0])
    first = payload_of(stream)[1]
    assert len(payload_of(stream)) - 2 - first < 4
    assert np.mean((sw.decode(stream, codec.profile)[0] - xs[0][0]) ** 2) < 0.1


def test_refusals() -> None:
    one, other = tokens(0), tokens(0, (26, 6))
    with pytest.raises(sw.CodecError, match="of one shape"):
        sw.codec("ftc").calibrate([one, other])
    with pytest.raises(sw.CodecError, match="gradients"):
        sw.codec("ftc").calibrate([one], [other])
    with pytest.raises(sw.ProfileError, match="these have"):
        calibrated().encode(other)


def test_profiles_that_do_not_fit_together() -> None:
    codec = calibrated()
    assert codec.profile is not None
    arrays = dict(codec.profile.arrays)
    less = {name: array for name, array in arrays.items() if not name.startswith("first1_")}
    alone = {name: a for name, a in arrays.items() if not name.startswith("first1_block")}
    wide = calibrated((27, 5)).profile
    assert wide is not None
    wider = {name: a for name, a in wide.arrays.items() if name.startswith("first1_")}
    flat = sw.codec("ftc").calibrate([features(6, 5, 4, seed=i) for i in range(3)]).profile
    for wrong in (
        arrays | {"first": np.array([3], np.int32)},
        arrays | {"first": np.array([1], np.int32)},
        arrays | {"first": np.array([-1], np.int32)},
        arrays | {"first": np.array([9], np.int32)},
        arrays | {"first": np.array([2.0])},
        arrays | {"first": np.array([], np.int32)},
        arrays | {"first0_more": arrays["mean"]},
        arrays | {"first9_mean": arrays["mean"]},
        arrays | {"first1_gain": 0 * arrays["first1_gain"]},
        arrays | wider,
        arrays | dict(flat.arrays),
        alone,
        less,
    ):
        with pytest.raises(sw.ProfileError):
            replace(codec, profile=sw.Profile("ftc", wrong))


@few
@given(payload=st.binary(max_size=120))
@example(b"")
@example(b"\x32")
@example(b"\x32\xff\xff\xff\xff\x0f")
@example(b"\x32\x00\x00")
def test_garbage_is_refused_or_of_its_shape(payload: bytes) -> None:
    decoded_or_refused(payload)


@few
@given(data=st.data())
def test_changed_payloads_are_refused_or_of_their_shape(data: st.DataObject) -> None:
    payload = bytearray(payload_of(calibrated().encode(tokens(9))))
    for at in data.draw(st.sets(st.integers(0, len(payload) - 1), max_size=3)):
        payload[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    decoded_or_refused(bytes(payload[:cut]))
    decoded_or_refused(bytes(payload + payload[cut:]))


def decoded_or_refused(payload: bytes) -> None:
    profile = calibrated().profile
    assert profile is not None
    try:
        y = sw.decode(stream_of("ftc", SHAPE, payload, profile.digest), profile)
    except sw.BitstreamError:
        return
    assert (y.shape, y.dtype) == (SHAPE, np.float32)


def test_a_token_that_ends_beyond_the_payload_is_refused() -> None:
    profile = calibrated().profile
    assert profile is not None
    with pytest.raises(sw.BitstreamError, match="within a token"):
        sw.decode(stream_of("ftc", SHAPE, b"\x32\x04abc", profile.digest), profile)


def film(count: int) -> list[Tensor]:
    """Slow change; now and then first tokens of another scene, or all of it."""
    made = []
    for i in range(count):
        x = tokens(100 + i // 8) + 0.03 * i
        if i % 4 == 3:
            x[:2] = tokens(i)[:2] * 3
        made.append(x.astype(np.float32))
    return made


@pytest.mark.parametrize("quality", [30, 70])
def test_prediction_agrees_to_the_bit(quality: int) -> None:
    """Of streams that follow, some hold first tokens that stand alone."""
    codec = replace(calibrated(), quality=quality)
    encoder, decoder, heads = SequenceEncoder(codec, b"test"), codec.decoder(), set()
    for x in film(16):
        stream = encoder.encode(x)
        place = place_of(stream)
        past = encoder._kept[place.position].past
        expected = table_of(codec).planes(past.last)[:, 0].T
        np.testing.assert_array_equal(decoder.decode(stream), expected)
        if place.follows:
            heads.add(payload_of(stream)[1] % 2)
    assert heads == {0, 1}


def test_prediction_saves_bytes() -> None:
    codec, xs = calibrated(), film(8)
    encoder = codec.encoder()
    assert sum(len(encoder.encode(x)) for x in xs[1:]) < 0.8 * sum(
        len(codec.encode(x)) for x in xs[1:]
    )


@few
@given(data=st.data())
def test_damage_leaves_a_decoder_able_to_go_on(data: st.DataObject) -> None:
    streams = sequence()
    decoder = calibrated().decoder()
    first, *following = [(stream, decoder.decode(stream)) for stream in streams]
    decoder = calibrated().decoder()
    decoder.decode(first[0])
    header, payload = bitstream.read(streams[1])
    changed = bytearray(payload)
    for at in data.draw(st.sets(st.integers(0, len(changed) - 1), max_size=3)):
        changed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    with suppress(sw.BitstreamError):
        assert decoder.decode(bitstream.write(header, bytes(changed[:cut]))).shape == SHAPE
    for stream, expected in following:
        np.testing.assert_array_equal(decoder.decode(stream), expected)


@cache
def sequence() -> tuple[bytes, ...]:
    encoder = calibrated().encoder()
    return tuple(encoder.encode(x) for x in film(3))


def test_a_profile_without_blocks_codes_every_tensor_alone() -> None:
    profile = calibrated().profile
    assert profile is not None
    arrays = {name: a for name, a in profile.arrays.items() if "block" not in name}
    codec = sw.codec("ftc", profile=sw.Profile("ftc", arrays))
    encoder, decoder = codec.encoder(), codec.decoder()
    for x in film(2):
        stream = encoder.encode(x)
        assert place_of(stream).follows == 0
        np.testing.assert_array_equal(decoder.decode(stream), codec.decode(stream))


def test_bytes_are_kept_to() -> None:
    codec = sw.codec("ftc:target_bytes=90", profile=calibrated().profile)
    stream = codec.encode(tokens(9))
    assert 70 < len(stream) <= 90
    encoder, decoder = codec.encoder(), codec.decoder()
    streams = [encoder.encode(x) for x in film(20)]
    assert sum(map(len, streams)) <= 30 * 90
    assert all(decoder.decode(stream).shape == SHAPE for stream in streams)
    with pytest.raises(sw.CodecError, match="target_bytes=22"):
        sw.codec("ftc:target_bytes=22", profile=calibrated().profile).encode(tokens(9))


def test_learned_begins_from_rows() -> None:
    """Its networks are convolutions over planes, of which tokens are D of 1×T."""
    codec = sw.codec("learned:quality=90").calibrate([tokens(i) for i in range(4)])
    assert codec.profile is not None
    assert codec.profile.arrays["shape"].tolist() == [6, 1, 27]
    np.testing.assert_allclose(
        sw.decode(codec.encode(tokens(9)), codec.profile), tokens(9), atol=0.5
    )
