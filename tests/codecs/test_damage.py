"""Bytes that are not what an encoder wrote are refused, with little time and memory spent."""

import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streams import NAMES, UNIT_RANGE, features, payload_of, ready, stream_of

import splitwire as sw

SHAPE = (3, 9, 7)
every_codec = pytest.mark.parametrize("name", NAMES)
few = settings(max_examples=30, deadline=None)


@cache
def codec(name: str) -> sw.Codec:
    return ready(name, *SHAPE)


@cache
def sound(name: str) -> bytes:
    return codec(name).encode(features(*SHAPE))


def forged(name: str, shape: tuple[int, ...], payload: bytes) -> bytes:
    """A payload under a right header and checksum."""
    profile = codec(name).profile
    return stream_of(name, shape, payload, profile.digest if profile else None)


def refused(data: bytes, profile: sw.Profile | None = None) -> None:
    with pytest.raises(sw.BitstreamError):
        sw.decode(data, profile)


def refused_or_of_its_shape(name: str, payload: bytes, shape: tuple[int, ...] = SHAPE) -> None:
    """What an attacker may reach: a tensor of the shape that the stream states, no more."""
    try:
        y = sw.decode(forged(name, shape, payload), codec(name).profile)
    except sw.BitstreamError:
        return
    assert (y.shape, y.dtype) == (shape, np.float32)


@every_codec
@few
@given(data=st.data())
def test_truncated(name: str, data: st.DataObject) -> None:
    stream = sound(name)
    refused(stream[: data.draw(st.integers(0, len(stream) - 1))], codec(name).profile)


@every_codec
@few
@given(data=st.data())
def test_bits_flipped(name: str, data: st.DataObject) -> None:
    stream = bytearray(sound(name))
    for bit in data.draw(st.sets(st.integers(0, 8 * len(stream) - 1), min_size=1, max_size=3)):
        stream[bit // 8] ^= 1 << bit % 8
    refused(bytes(stream), codec(name).profile)


@every_codec
@few
@given(data=st.data(), new=st.binary(min_size=1, max_size=9))
def test_bytes_inserted_or_taken_away(name: str, data: st.DataObject, new: bytes) -> None:
    stream = sound(name)
    at = data.draw(st.integers(0, len(stream) - len(new)))
    refused(stream[:at] + new + stream[at:], codec(name).profile)
    refused(stream[:at] + stream[at + len(new) :], codec(name).profile)


@given(st.binary(max_size=200))
def test_garbage(data: bytes) -> None:
    refused(data)
    refused(b"SW\1" + data)
    refused(bytes(4) + data)


@every_codec
@few
@given(payload=st.binary(max_size=200))
@example(b"")
def test_garbage_behind_a_sound_header(name: str, payload: bytes) -> None:
    for head in (b"", UNIT_RANGE, UNIT_RANGE + b"\0"):
        refused_or_of_its_shape(name, head + payload)


@every_codec
@few
@given(data=st.data())
def test_payload_changed_under_a_right_checksum(name: str, data: st.DataObject) -> None:
    payload = bytearray(payload_of(sound(name)))
    places = st.integers(0, len(payload) - 1)
    for at, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        payload[at] = byte
    length = data.draw(places | st.just(len(payload)))
    refused_or_of_its_shape(name, bytes(payload[:length]))


@every_codec
@few
@given(shape=st.lists(st.integers(1, 300), min_size=1, max_size=8).map(tuple))
@example((1,))
@example((1 << 24,))
@example((4096, 4096))
def test_another_shape_under_a_right_checksum(name: str, shape: tuple[int, ...]) -> None:
    refused_or_of_its_shape(name, payload_of(sound(name)), shape)


@every_codec
def test_payload_of_another_codec(name: str) -> None:
    for other in NAMES:
        refused_or_of_its_shape(name, payload_of(sound(other)))


@every_codec
def test_header_changed_under_a_right_checksum(name: str) -> None:
    payload = payload_of(sound(name))
    end = len(sound(name)) - len(payload) - 4
    for bit in range(8 * end):
        stream = bytearray(sound(name)[:-4])
        stream[bit // 8] ^= 1 << bit % 8
        body = bytes(stream)
        try:
            y = sw.decode(body + zlib.crc32(body).to_bytes(4, "little"), codec(name).profile)
        except (sw.BitstreamError, sw.ProfileError):  # the flag of a profile may be set
            continue
        assert y.dtype == np.float32


@every_codec
def test_codec_refuses_what_another_wrote(name: str) -> None:
    for other in set(NAMES) - {name}:
        with pytest.raises(sw.BitstreamError, match=f"coded by {other}, not {name}"):
            codec(name).decode(sound(other))


@pytest.mark.parametrize("bounds", ["0000803f00000000", "0000c07f0000803f", "000080ff0000807f"])
def test_clip_range_that_is_none(bounds: str) -> None:
    payload = bytes.fromhex(bounds)
    for name in ("raw", "png", "jpeg", "h264", "hevc", "av1"):
        with pytest.raises(sw.BitstreamError, match="clip range"):
            sw.decode(stream_of(name, SHAPE, payload + payload_of(sound(name))[8:]))


def test_bits_behind_the_last_code_have_to_be_zero() -> None:
    stream = sw.codec("raw:bits=3").encode(features(3))
    payload = bytearray(payload_of(stream))
    payload[-1] |= 1
    refused(stream_of("raw:bits=3", (3,), bytes(payload)))
