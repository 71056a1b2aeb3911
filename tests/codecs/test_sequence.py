"""Sequences: tensors predicted from those before them, and what happens when one is lost."""

from collections.abc import Iterator

import numpy as np
import pytest
from streams import NAMES, features, payload_of, place_of

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Tensor
from splitwire.codecs.bitstream import Header, Sequence

VIDEO = ("h264", "hevc", "av1")
every_video = pytest.mark.parametrize("name", VIDEO)
SHAPE = (6, 20, 20)


def slowly(count: int, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Iterator[Tensor]:
    """Features of a scene that moves: one pattern, shifted a little, under a little noise."""
    random = np.random.default_rng(seed)
    x = features(*shape, seed=seed)
    x.flat[:2] = -9, 9  # so that the range stays
    for i in range(count):
        moved = np.roll(x, i // 3, axis=-1) + random.normal(0, 0.01, shape)
        yield moved.astype(np.float32)


def follows(stream: bytes) -> int:
    """How many positions back the stream is that this one builds on; 0 is an intra picture."""
    return place_of(stream).follows


def forged(place: Sequence, payload: bytes) -> bytes:
    """A stream that follows, of any payload, under a right CRC-32."""
    return bitstream.write(Header("", (), None, place), payload)


@every_video
def test_prediction_saves_bytes(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    encoder = codec.encoder()
    xs = list(slowly(12))
    predicted = [len(encoder.encode(x)) for x in xs]
    alone = [len(codec.encode(x)) for x in xs]
    assert sum(predicted) < 0.6 * sum(alone)


@every_video
@pytest.mark.parametrize("spec", ["qp=1", "qp=30", "lossless=true", "per=channel"])
def test_every_tensor_comes_back_in_its_turn(name: str, spec: str) -> None:
    codec = sw.codec(f"{name}:{spec},clip=minmax")
    encoder, decoder = codec.encoder(), sw.codec(name).decoder()
    for x in slowly(6):
        y = decoder.decode(encoder.encode(x))
        assert y.shape == x.shape
        assert np.corrcoef(x.ravel(), y.ravel())[0, 1] > 0.9


@every_video
def test_lossless_sequences_are_the_quantiser_to_the_bit(name: str) -> None:
    codec = sw.codec(f"{name}:lossless=true,clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    lo = hi = None
    for x in slowly(8):
        stream = encoder.encode(x)
        if follows(stream) == 0:
            lo, hi = x.min(), x.max()
        assert lo is not None
        clipped = x.clip(lo, hi)
        clipped.flat[:2] = lo, hi
        y = decoder.decode(stream)
        expected = sw.decode(sw.codec("raw:clip=minmax").encode(clipped))
        np.testing.assert_array_equal(y.flat[2:], expected.flat[2:])


@every_video
def test_a_long_sequence_costs_a_byte_more_from_position_128_on(name: str) -> None:
    preset = {"av1": "12"}.get(name, "ultrafast")
    codec = sw.codec(f"{name}:lossless=true,preset={preset}")
    encoder, decoder = codec.encoder(), codec.decoder()
    x = features(1, 4, 4)
    expected = sw.decode(sw.codec("raw").encode(x))
    for i in range(140):
        stream = encoder.encode(x)
        assert place_of(stream).position == i
        assert follows(stream) == min(i, 1)
        if i:
            assert len(stream) - len(payload_of(stream)) == 15 + (i > 127)
        np.testing.assert_array_equal(decoder.decode(stream), expected)


@every_video
def test_intra_pictures_of_a_sequence_stand_alone(name: str) -> None:
    stream = sw.codec(name).encoder().encode(features(*SHAPE))
    np.testing.assert_array_equal(sw.decode(stream), sw.codec(name).decoder().decode(stream))


@every_video
def test_predicted_frame_alone_is_refused(name: str) -> None:
    codec = sw.codec(name)
    encoder = codec.encoder()
    _, second = (encoder.encode(x) for x in slowly(2))
    for decode in (sw.decode, codec.decode):
        with pytest.raises(sw.BitstreamError, match=r"stream 1 .*codec\.decoder\(\)"):
            decode(second)
    with pytest.raises(sw.BitstreamError, match="stream 0, which was not decoded"):
        codec.decoder().decode(second)


@every_video
@pytest.mark.parametrize(
    "order",
    [
        "0 2! 3! 4!",
        "0 1 3! 4!",
        "0 1 1! 2 3",
        "0 2! 1 2 3",
        "0 1 2 1! 3",
        "0 1 2 0 3! 1 2",
        "1! 0 1",
    ],
)
def test_frames_decode_exactly_where_the_one_that_they_build_on_did(name: str, order: str) -> None:
    """In the order of their arrival; "!" marks those that are refused."""
    codec = sw.codec(f"{name}:clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    streams = [encoder.encode(x) for x in slowly(5)]
    expected = [decoder.decode(stream) for stream in streams]
    assert [follows(stream) for stream in streams] == [0, 1, 1, 1, 1]
    decoder = codec.decoder()
    for arrival in order.split():
        i = int(arrival[0])
        if arrival.endswith("!"):
            with pytest.raises(sw.BitstreamError, match=f"stream {i} .* was not decoded here"):
                decoder.decode(streams[i])
        else:
            np.testing.assert_array_equal(decoder.decode(streams[i]), expected[i])


@every_video
def test_a_refresh_stands_alone_and_ends_a_loss(name: str) -> None:
    encoder, decoder = sw.codec(name).encoder(), sw.codec(name).decoder()
    x = features(*SHAPE)
    streams = []
    for i in range(5):
        if i == 3:
            encoder.refresh()
        streams.append(encoder.encode(x))
    assert [follows(stream) for stream in streams] == [0, 1, 1, 0, 1]
    assert {place_of(stream).identity for stream in streams} == {place_of(streams[0]).identity}
    with pytest.raises(sw.BitstreamError):
        decoder.decode(streams[2])
    np.testing.assert_array_equal(decoder.decode(streams[3]), sw.decode(streams[3]))
    assert decoder.decode(streams[4]).shape == SHAPE


@every_video
def test_frame_damaged_under_a_right_checksum_ends_the_sequence(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    first, second, third = (encoder.encode(x) for x in slowly(3))
    decoder.decode(first)
    with pytest.raises(sw.BitstreamError):
        decoder.decode(forged(place_of(second), payload_of(second)[:4]))
    for stream in (second, third):
        with pytest.raises(sw.BitstreamError, match=r"damaged|not decoded"):
            decoder.decode(stream)
    assert decoder.decode(first).shape == SHAPE


@every_video
def test_damage_that_the_checksum_tells_leaves_the_sequence_whole(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    first, second = (encoder.encode(x) for x in slowly(2))
    decoder.decode(first)
    for bad in (second[:-1], b"", sw.codec("raw").encode(features(*SHAPE))):
        with pytest.raises(sw.BitstreamError):
            decoder.decode(bad)
    assert decoder.decode(second).shape == SHAPE


@every_video
def test_range_that_departs_starts_again(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax,lossless=true")
    encoder, decoder = codec.encoder(), codec.decoder()
    x = features(*SHAPE)
    distances = []
    for scale in (1, 1.01, 3, 3.03, 1):
        stream = encoder.encode(x * np.float32(scale))
        distances.append(follows(stream))
        y = decoder.decode(stream)
        assert abs(y - x * scale).max() <= 0.02 * np.ptp(x) * scale
    assert distances == [0, 1, 0, 1, 0]


@every_video
def test_shape_may_change(name: str) -> None:
    codec = sw.codec(name)
    encoder, decoder = codec.encoder(), codec.decoder()
    distances = []
    for shape in ((4, 8, 8), (4, 8, 8), (40,), (7, 5), (2, 30, 50), (2, 30, 50), (4, 8, 8)):
        stream = encoder.encode(features(*shape))
        distances.append(follows(stream))
        assert decoder.decode(stream).shape == shape
    assert distances == [0, 1, 0, 0, 0, 1, 0]


@every_video
def test_a_frame_of_another_sequence_is_refused_and_does_no_harm(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    decoder, (ours, theirs) = codec.decoder(), (codec.encoder(), codec.encoder())
    first, second = (ours.encode(x) for x in slowly(2))
    for x in slowly(2, seed=1):
        other = theirs.encode(x)
    decoder.decode(first)
    with pytest.raises(sw.BitstreamError, match="not decoded here"):
        decoder.decode(other)
    assert decoder.decode(second).shape == SHAPE


@every_video
def test_single_tensors_between_the_frames_do_no_harm(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    for x in slowly(3):
        stream = encoder.encode(x)
        np.testing.assert_array_equal(decoder.decode(codec.encode(x)), sw.decode(codec.encode(x)))
        assert decoder.decode(stream).shape == SHAPE


@every_video
def test_tensor_that_is_refused_does_not_break_the_sequence(name: str) -> None:
    codec = sw.codec(f"{name}:clip=minmax")
    encoder, decoder = codec.encoder(), codec.decoder()
    first, second, third = slowly(3)
    decoder.decode(encoder.encode(first))
    for bad in (np.full(SHAPE, np.nan), np.zeros((0, 3)), np.zeros((3, 3), int)):
        with pytest.raises(sw.CodecError):
            encoder.encode(bad)
    for x in (second, third):
        assert abs(decoder.decode(encoder.encode(x)) - x).max() < 3


@every_video
def test_large_still_sequence_is_coded_in_a_few_bytes(name: str) -> None:
    preset = {"av1": "12"}.get(name, "ultrafast")
    codec = sw.codec(f"{name}:preset={preset}")
    encoder, decoder = codec.encoder(), codec.decoder()
    x = np.zeros((64, 160, 160), np.float32)
    sizes = []
    for _ in range(2):
        stream = encoder.encode(x)
        sizes.append(len(stream))
        np.testing.assert_array_equal(decoder.decode(stream), x)
    assert sizes[1] < 500


@every_video
def test_calibrated_range_serves_a_sequence(name: str) -> None:
    codec = sw.codec(f"{name}:clip=profile").calibrate(slowly(2))
    encoder, decoder = codec.encoder(), codec.decoder()
    for x in slowly(3):
        assert abs(decoder.decode(encoder.encode(x)) - x).max() < 9
    encoder.refresh()
    with pytest.raises(sw.ProfileError):
        sw.codec(name).decoder().decode(encoder.encode(x))


def test_two_sequences_do_not_disturb_each_other() -> None:
    codec = sw.codec("h264:lossless=true,clip=minmax")
    pairs = [(codec.encoder(), codec.decoder(), list(slowly(4, seed=seed))) for seed in (0, 1)]
    alone = [[d.decode(e.encode(x)) for x in xs] for e, d, xs in pairs]
    pairs = [(codec.encoder(), codec.decoder(), xs) for _, _, xs in pairs]
    for i in range(4):
        for (encoder, decoder, xs), expected in zip(pairs, alone, strict=True):
            np.testing.assert_array_equal(decoder.decode(encoder.encode(xs[i])), expected[i])


def test_codecs_of_single_tensors_are_their_own_pair() -> None:
    for name in set(NAMES) - {*VIDEO, "film", "ftc"}:
        codec = sw.codec(name)
        assert codec.encoder() is codec
        assert codec.decoder() is codec
