"""The header, and a second decoder written from docs/bitstream.md alone."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import NAMES, features, stream_of

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.bitstream import ELEMENTS_A_BYTE, FREE_ELEMENTS, Header, Sequence

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255)
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=8).map(tuple)
digests = st.none() | st.binary(min_size=8, max_size=8).map(bytes.hex)
identities = st.binary(min_size=4, max_size=4)
positions = st.integers(0, 2**35 - 1)
alone = st.none() | st.builds(Sequence, identities, positions, st.just(0))
following = positions.filter(bool).flatmap(
    lambda n: st.builds(Sequence, identities, st.just(n), st.integers(1, n))
)
headers = st.builds(Header, names, shapes, digests, alone)
headers |= following.map(lambda place: Header("", (), None, place))


@dataclass
class Parts:
    """A stream taken apart by the words of docs/bitstream.md."""

    spec: str
    shape: list[int]
    digest: bytes
    place: Sequence | None
    payload: bytes


def take_apart(stream: bytes) -> Parts:
    assert stream[:3] == b"\x53\x57\x01"
    assert struct.unpack("<I", stream[-4:]) == (zlib.crc32(stream[:-4]),)
    rest = io.BytesIO(stream[3:-4])
    spec = rest.read(rest.read(1)[0]).decode()
    flags = rest.read(1)[0]
    assert not flags & 0b0011_0000
    shape = [varint(rest) for _ in range(flags & 15)]
    digest = rest.read(8) if flags & 128 else b""
    place = Sequence(rest.read(4), varint(rest), varint(rest)) if flags & 64 else None
    return Parts(spec, shape, digest, place, rest.read())


def varint(rest: io.BytesIO) -> int:
    value, shift, byte = 0, 0, 128
    while byte & 128:
        byte = rest.read(1)[0]
        value, shift = value + ((byte & 127) << shift), shift + 7
    return value


def decode_raw(stream: bytes) -> np.ndarray:
    parts = take_apart(stream)
    assert parts.spec == "raw"
    lo, hi = struct.unpack("<ff", parts.payload[:8])
    step = np.float32((hi - lo) / 255)
    codes = np.frombuffer(parts.payload[8:], np.uint8)
    values = np.float32(lo) + codes.astype(np.float32) * step
    shape = parts.shape
    if len(shape) == 2:  # tokens: planes are the transpose
        return values.reshape(shape[1], shape[0]).T
    return values.reshape(shape)


@given(headers, st.binary(max_size=99))
def test_what_is_written_is_read(header: Header, payload: bytes) -> None:
    stream = bitstream.write(header, payload)
    read, rest = bitstream.read(stream)
    assert read == header
    assert bytes(rest) == payload
    parts = take_apart(stream)
    assert (parts.spec, tuple(parts.shape), parts.payload) == (header.spec, header.shape, payload)
    assert parts.digest.hex() == (header.digest or "")
    assert parts.place == header.sequence


def test_the_header_of_a_stream_that_follows_is_small() -> None:
    for position, size in ((1, 11), (127, 11), (128, 12), (16_383, 12), (16_384, 13)):
        place = Sequence(b"1234", position, 1)
        assert len(bitstream.write(Header("", (), None, place), b"")) == size + 4


@pytest.mark.parametrize("shape", [(8, 14, 14), (3, 1, 200), (33,), (17, 12), (2, 3, 5, 7)])
def test_a_second_decoder_agrees_to_the_bit(shape: tuple[int, ...]) -> None:
    stream = sw.codec("raw").encode(features(*shape))
    np.testing.assert_array_equal(decode_raw(stream), sw.decode(stream))


@pytest.mark.parametrize("name", NAMES)
def test_header_of_a_map_takes_at_most_24_bytes(name: str) -> None:
    largest = stream_of(name, (1 << 14, 1 << 13, 1 << 13), b"")
    assert len(largest) <= 24
    assert len(stream_of(name, (80, 14, 14), b"")) <= 24


def test_raw_bytes_are_the_codes_the_range_and_the_header() -> None:
    stream = sw.codec("raw").encode(features(80, 14, 14))
    assert len(stream) == 15680 + 8 + len(stream_of("raw", (80, 14, 14), b""))


@given(st.integers(0, 2**35 - 1))
def test_varints_are_read_back_and_as_short_as_can_be(value: int) -> None:
    written = bitstream.write_varint(value)
    assert bitstream.read_varint(memoryview(written), 0) == (value, len(written))
    assert len(written) == max(-(-value.bit_length() // 7), 1)


@pytest.mark.parametrize("data", ["8000", "ff808000", "808080808000", "ffffffffff01"])
def test_numbers_not_in_shortest_form_are_refused(data: str) -> None:
    with pytest.raises(sw.BitstreamError, match="shortest"):
        bitstream.read_varint(memoryview(bytes.fromhex(data)), 0)


def rebuilt(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"SW\2\3raw\1\1", "version 2"),
        (b"SX\1\3raw\1\1", "does not begin"),
        (b"SW\1", "cut short"),
        (b"SW\1\3ra", "cut short"),
        (b"SW\1\3raw\3\1\1", "cut short"),
        (b"SW\1\3raw\0", "rank 0"),
        (b"SW\1\3raw\x09" + b"\1" * 9, "rank 9"),
        (b"SW\1\3raw\x11\1", "rank 17"),
        (b"SW\1\3raw\2\1\0", "empty tensor"),
        (b"SW\1\3raw\x81\1\0\0\0", "digest is cut short"),
        (b"SW\1\3r\xe4w\1\1", "not ASCII"),
        (b"SW\1\0\1\1", "unknown codec ''"),
        (b"SW\1\3RAW\1\1", "unknown codec 'RAW'"),
        (b"SW\1\x0araw:bits=9\1\1", "bits must be"),
        (b"SW\1\x0craw:bits=4,b\1\1", "no key=value"),
        (b"SW\1\x11raw:bits=4,bits=4\1\1", "twice"),
        (b"SW\1\x0araw:byte=1\1\1", "no parameter 'byte'"),
        (b"SW\1\3raw\x21\1", "rank 33"),
        (b"SW\1\3raw\x41\1\1\2\3", "identity is cut short"),
        (b"SW\1\3raw\x41\1\1\2\3\4", "cut short"),
        (b"SW\1\3raw\x41\1\1\2\3\4\0", "cut short"),
        (b"SW\1\3raw\x40\1\2\3\4\0\0", "rank 0"),
        (b"SW\1\0\x40\1\2\3\4\0\0", "rank 0"),
        (b"SW\1\0\x40\1\2\3\4\5\6", "before the first"),
        (b"SW\1\3raw\x40\1\2\3\4\5\1", "says what that one says"),
        (b"SW\1\0\x41\1\1\2\3\4\5\1", "says what that one says"),
        (b"SW\1\0\xc0" + bytes(8) + b"\1\2\3\4\5\1", "says what that one says"),
    ],
)
def test_headers_that_say_something_else_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(sw.BitstreamError, match=words):
        sw.decode(rebuilt(body))


def test_spec_of_a_stream_names_no_file_to_open() -> None:
    with pytest.raises(sw.BitstreamError, match="no parameter 'profile'"):
        sw.decode(stream_of("raw:profile=/dev/zero", (1,), bytes(9)))


@given(st.lists(st.integers(1, 2**35 - 1), min_size=1, max_size=8), st.binary(max_size=64))
def test_shape_has_to_be_justified_by_payload(shape: list[int], payload: bytes) -> None:
    stream = stream_of("raw", tuple(shape), payload)
    elements = int(np.prod([float(n) for n in shape]))
    if elements <= FREE_ELEMENTS + ELEMENTS_A_BYTE * len(payload):
        assert bitstream.read(stream)[0].shape == tuple(shape)
    else:
        with pytest.raises(sw.BitstreamError, match="cannot claim"):
            bitstream.read(stream)


def test_spec_that_is_too_long_cannot_be_written() -> None:
    with pytest.raises(sw.CodecError, match="255"):
        stream_of("x" * 256, (1,), b"")


def test_streams_are_read_from_any_buffer() -> None:
    x = features(3, 4, 5)
    stream = sw.codec("raw:dtype=float32").encode(x)
    for buffer in (bytearray(stream), memoryview(stream), np.frombuffer(stream, np.uint8)):
        np.testing.assert_array_equal(sw.decode(buffer), x)
