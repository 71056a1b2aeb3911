"""Sequences of `ftc`: what a decoder makes of them is what their encoder saw, to the bit."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mutants import LEARNT, Base, changed
from streams import features, place_of
from test_processes import MACHINES, run

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.ftc.inter import inter_of
from splitwire.codecs.layout import from_planes
from splitwire.codecs.predictive import SequenceEncoder
from splitwire.kernels._isa import supported

SHAPE = (6, 13, 9)
OLD = Path(__file__).parent.parent / "golden" / "ftc.safetensors"


def calibrated(shape: tuple[int, ...], quality: int = 60) -> Ftc:
    made = sw.codec("ftc", quality=quality).calibrate([features(*shape, seed=i) for i in range(4)])
    assert isinstance(made, Ftc)
    return made


@pytest.fixture(scope="module")
def codec() -> Ftc:
    return calibrated(SHAPE)


def scenes(count: int, shape: tuple[int, ...] = SHAPE, cut: int = 15) -> Iterator[Tensor]:
    """Still, shifted and noisy by turns; another scene every so often."""
    random = np.random.default_rng(0)
    for i in range(count):
        x = features(*shape, seed=100 + i // cut)
        moved = np.roll(x, i % cut // 3, axis=-1)
        if i % 4 > 1:
            moved = moved + 0.05 * random.normal(size=shape)
        yield moved.astype(np.float32)


def coded(codec: Ftc, tensors: Iterator[Tensor]) -> list[tuple[bytes, Tensor]]:
    """Streams of a sequence, and what their encoder itself makes of each."""
    encoder = SequenceEncoder(codec, b"test")
    made = []
    for x in tensors:
        stream = encoder.encode(x)
        place = place_of(stream)
        past = encoder._kept[place.position].past
        assert codec.profile is not None
        table = codec._open(codec.profile)
        planes = table.planes(past.last.astype(np.float64))
        made.append((stream, from_planes(planes, x.shape)))
    return made


def follows(stream: bytes) -> int:
    return place_of(stream).follows


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_decoder_and_encoder_agree_to_the_bit(codec: Ftc, quality: int) -> None:
    made, decoder = coded(replace(codec, quality=quality), scenes(40)), codec.decoder()
    for stream, expected in made:
        np.testing.assert_array_equal(decoder.decode(stream), expected)
    alone = [follows(stream) == 0 for stream, _ in made]
    assert alone[0]
    assert sum(alone) < 10


def test_prediction_saves_bytes_at_no_larger_error(codec: Ftc) -> None:
    """A residual has a larger error at a step than a map that stands alone: so a smaller step."""
    xs = list(scenes(12))
    made, alone = coded(replace(codec, quality=65), iter(xs)), [codec.encode(x) for x in xs]
    wrong = [np.mean((y - x) ** 2) for (_, y), x in zip(made, xs, strict=True)]
    wrong_alone = [
        np.mean((codec.decode(stream) - x) ** 2) for stream, x in zip(alone, xs, strict=True)
    ]
    assert sum(len(stream) for stream, _ in made) < 0.8 * sum(map(len, alone))
    assert np.mean(wrong) <= np.mean(wrong_alone)


def test_what_follows_never_decodes_alone(codec: Ftc) -> None:
    (first, _), (second, _) = coded(codec, scenes(2))
    assert (follows(first), follows(second)) == (0, 1)
    np.testing.assert_array_equal(codec.decode(first), codec.decoder().decode(first))
    with pytest.raises(sw.BitstreamError, match=r"codec\.decoder\(\)"):
        codec.decode(second)
    with pytest.raises(sw.UnknownBaseError):
        codec.decoder().decode(second)


def test_a_refresh_needs_nothing_before_it(codec: Ftc) -> None:
    encoder, late, whole = codec.encoder(), codec.decoder(), codec.decoder()
    for i, x in enumerate(scenes(6)):
        if i == 3:
            encoder.refresh()
        stream = encoder.encode(x)
        y = whole.decode(stream)
        if i == 3:
            assert follows(stream) == 0
        if i >= 3:
            np.testing.assert_array_equal(late.decode(stream), y)


@pytest.mark.parametrize(("quality", "alone"), [(49, [0, 121, 242]), (50, [0])])
def test_where_steps_are_coarse_errors_do_not_stay_for_ever(
    codec: Ftc, quality: int, alone: list[int]
) -> None:
    encoder = SequenceEncoder(replace(codec, quality=quality))
    x = features(*SHAPE)
    assert [at for at in range(250) if follows(encoder.encode(x)) == 0] == alone


@pytest.mark.parametrize(("side", "worth"), [(8, 1.0), (16, 1.0), (20, 0.25), (28, 0.25)])
def test_bits_are_worth_less_in_a_map_of_many_blocks(side: int, worth: float) -> None:
    profile = calibrated((4, side, side)).profile
    assert profile is not None
    inter = inter_of(profile)
    assert inter is not None and inter.worth == worth


def test_any_stream_that_is_kept_can_be_built_on(codec: Ftc) -> None:
    """Pasts never change, so streams that build on one decode alike in any order, and again."""
    xs, decoder = list(scenes(codec.kept)), codec.decoder()
    pasts, past = [], None
    encoder = SequenceEncoder(codec, b"test")
    for x in xs:
        decoder.decode(encoder.encode(x))
        past = encoder._kept[max(encoder._kept)].past
        pasts.append(past)
    again = []
    for _ in range(2):
        for number, before in enumerate(pasts[1:], 1):
            coded_on = codec._encode_next(xs[-1], before)
            assert coded_on is not None
            payload, after = coded_on
            place = bitstream.Sequence(b"test", len(xs), len(xs) - number)
            y = decoder._base(bitstream.Header("", (), None, place), place)
            back, _ = codec.decode_next(memoryview(payload), SHAPE, y.past)
            assert after is not None
            np.testing.assert_array_equal(back.ravel(), planes_of(codec, after.last).ravel())
            again.append(payload)
    assert again[: len(again) // 2] == again[len(again) // 2 :]


def planes_of(codec: Ftc, last: np.ndarray) -> Tensor:
    assert codec.profile is not None
    return codec._open(codec.profile).planes(last.astype(np.float64))


def test_a_profile_of_before_codes_every_tensor_alone() -> None:
    codec = sw.codec("ftc", profile=sw.Profile.load(OLD))
    encoder, decoder = codec.encoder(), codec.decoder()
    for x in scenes(3, LEARNT):
        stream = encoder.encode(x)
        assert follows(stream) == 0
        np.testing.assert_array_equal(decoder.decode(stream), codec.decode(stream))


@pytest.mark.parametrize("shape", [(5,), (3, 1, 1), (7, 12), (2, 3, 4, 5), (2, 1, 17), (1, 14, 14)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    codec = calibrated(shape)
    decoder = codec.decoder()
    for stream, expected in coded(codec, scenes(4, shape)):
        np.testing.assert_array_equal(decoder.decode(stream), expected)


def test_a_long_map_that_moved_further_than_vectors_go() -> None:
    shape = (8, 1, 600)
    codec, x = calibrated(shape, 95), features(*shape)
    decoder = codec.decoder()
    for stream, expected in coded(codec, (np.roll(x, 75 * i, axis=-1) for i in range(3))):
        np.testing.assert_array_equal(decoder.decode(stream), expected)


@pytest.mark.filterwarnings("error")
def test_what_is_far_from_calibration(codec: Ftc) -> None:
    x, decoder = next(scenes(1)), codec.decoder()
    tensors = x, 1e30 * x, np.full(SHAPE, 3e38, np.float32), 0 * x, x
    for stream, expected in coded(codec, iter(tensors)):
        np.testing.assert_array_equal(decoder.decode(stream), expected)


def test_damage_leaves_a_decoder_able_to_go_on(codec: Ftc) -> None:
    """Of payloads changed under a right CRC-32 none does more than decode, or be refused."""
    made = coded(codec, scenes(3))
    streams = [stream for stream, _ in made]
    random, base = np.random.default_rng(0), Base(codec, SHAPE, streams[:1], streams, None, 1.0)
    refused = 0
    for _ in range(150):
        decoder = codec.decoder()
        decoder.decode(streams[0])
        header, payload = bitstream.read(streams[1])
        try:
            y = decoder.decode(bitstream.write(header, changed(bytes(payload), base, random)))
            assert y.shape == SHAPE
        except sw.BitstreamError:
            refused += 1
        for stream, expected in made[1:]:
            np.testing.assert_array_equal(decoder.decode(stream), expected)
    assert 0 < refused < 150


def drift(codec: Ftc, count: int) -> tuple[float, float]:
    """The mean squared error of the first 50 and of the last of a scene that changes slowly."""
    one, other = features(*SHAPE, seed=7), features(*SHAPE, seed=8)
    encoder, decoder, wrong = codec.encoder(), codec.decoder(), []
    for i in range(count):
        x = np.cos(i / 60) * one + np.sin(i / 60) * other
        wrong.append(float(np.mean((decoder.decode(encoder.encode(x)) - x) ** 2)))
    return float(np.mean(wrong[:50])), float(np.mean(wrong[-50:]))


@pytest.mark.parametrize("count", [300, pytest.param(1000, marks=pytest.mark.full)])
def test_error_does_not_grow(codec: Ftc, count: int) -> None:
    first, last = drift(codec, count)
    assert last < 1.25 * first


DECODE = """
import sys
import numpy, splitwire, splitwire.kernels
assert splitwire.kernels.isa == sys.argv[1]
profile = splitwire.Profile.load(sys.argv[2])
decoder = splitwire.codec("ftc", profile=profile).decoder()
for name in sys.argv[3:]:
    with open(name, "rb") as file:
        numpy.save(name + ".npy", decoder.decode(file.read()))
"""


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("isa", [isa for isa, *_ in MACHINES if isa in supported()])
def test_any_machine_decodes_the_same_bits(
    tmp_path: Path, codec: Ftc, isa: str, threads: int
) -> None:
    made, files = coded(codec, scenes(20)), [tmp_path / str(i) for i in range(20)]
    for file, (stream, _) in zip(files, made, strict=True):
        file.write_bytes(stream)
    assert codec.profile is not None
    codec.profile.save(tmp_path / "profile")
    settings = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS")}
    done = run(DECODE, isa, tmp_path / "profile", *files, SPLITWIRE_ISA=isa, **settings)
    assert done.returncode == 0, done.stderr
    for file, (_, expected) in zip(files, made, strict=True):
        np.testing.assert_array_equal(np.load(f"{file}.npy"), expected)
