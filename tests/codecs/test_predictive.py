"""A codec that predicts, in twenty lines; and codecs that do it wrong, all of them found."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike
from residual import Residual, registered
from streams import features, place_of

import splitwire as sw
from splitwire import testing
from splitwire.codecs import bitstream
from splitwire.codecs.base import Decoder, Encoder, Tensor
from splitwire.codecs.bitstream import Header, Sequence
from splitwire.codecs.predictive import SequenceDecoder, SequenceEncoder

SHAPE = (6, 20, 20)


@pytest.fixture(autouse=True)
def registered_for_the_test_only() -> Iterator[None]:
    with registered(Residual):
        yield


def slowly(count: int, shape: tuple[int, ...] = SHAPE) -> list[Tensor]:
    x, change = features(*shape), features(*shape, seed=1)
    return [x + np.float32(i / 40) * change for i in range(count)]


@pytest.mark.parametrize("spec", ["residual", "residual:step=0.01"])
def test_a_codec_that_predicts_passes_the_shared_checks(spec: str) -> None:
    testing.check_codec(sw.codec(spec))


def test_prediction_saves_bytes_and_does_not_drift() -> None:
    encoder, decoder = sw.codec("residual").encoder(), sw.codec("residual").decoder()
    sizes = []
    for x in slowly(10):
        stream = encoder.encode(x)
        sizes.append(len(stream))
        assert abs(decoder.decode(stream) - x).max() <= 0.126
    assert max(sizes[1:]) < sizes[0] / 2


def test_a_stream_that_follows_says_nothing_twice() -> None:
    encoder = sw.codec("residual:step=0.5").encoder()
    first, second = (encoder.encode(x) for x in slowly(2))
    assert b"residual:step=0.5" in first
    header, payload = bitstream.read(second)
    assert header == Header("", (), None, Sequence(place_of(first).identity, 1, 1))
    assert len(second) - len(payload) == 11 + 4
    decoder = sw.codec("residual").decoder()  # its step comes from the stream, too
    decoder.decode(first)
    assert abs(decoder.decode(second) - slowly(2)[1]).max() <= 0.26


def test_sequences_have_identities_of_their_own() -> None:
    places = [place_of(sw.codec("residual").encoder().encode([1.0])) for _ in range(9)]
    assert len({place.identity for place in places}) == 9


def test_a_tensor_that_is_refused_takes_no_place() -> None:
    encoder, decoder = sw.codec("residual").encoder(), sw.codec("residual").decoder()
    for x in slowly(3):
        decoder.decode(encoder.encode(x))
        with pytest.raises(sw.CodecError):
            encoder.encode(np.zeros(3, int))


def test_a_decoder_that_keeps_more_streams_takes_a_longer_step_back() -> None:
    class Reaching(Residual):
        name: ClassVar[str] = "reaching"
        kept: ClassVar[int] = 3

    codec = sw.register_codec(Reaching)()
    xs, streams, pasts, ys = slowly(5), [], [], []
    for i, (x, follows) in enumerate(zip(xs, (0, 1, 2, 3, 4), strict=True)):
        payload, past = codec._encode_next(x, pasts[i - follows] if follows else None) or (b"", 0)
        streams.append(codec.wrap(payload, SHAPE, Sequence(b"1234", i, follows)))
        pasts.append(past)
    decoder = codec.decoder()
    ys = [decoder.decode(stream) for stream in streams[:4]]
    np.testing.assert_array_equal(ys, pasts[:4])
    with pytest.raises(sw.BitstreamError, match="builds on stream 0, which was not decoded here"):
        decoder.decode(streams[4])  # it was, but that is too long ago
    assert isinstance(decoder, SequenceDecoder)
    assert len(decoder._kept) == 3


def test_a_stream_that_follows_claims_no_more_than_its_bytes_justify() -> None:
    codec = Residual()
    decoder = codec.decoder()
    shape = (bitstream.FREE_ELEMENTS + 1000,)
    payload = zlib.compress(bytes(2 * shape[0]))
    decoder.decode(codec.wrap(payload, shape, Sequence(b"1234", 0, 0)))
    with pytest.raises(sw.BitstreamError, match="cannot claim"):
        decoder.decode(bitstream.write(Header("", (), None, Sequence(b"1234", 1, 1)), b""))


class NeverRefreshed(Residual):
    """Goes on predicting after a refresh."""

    name: ClassVar[str] = "never-refreshed"

    def encoder(self, acknowledged: bool = False) -> Encoder:
        class Stubborn(SequenceEncoder):
            def refresh(self) -> None:
                pass

        return Stubborn(self)


class RefreshedInName(Residual):
    """Goes on predicting after a refresh, and says that the stream stands alone."""

    name: ClassVar[str] = "refreshed-in-name"

    def encoder(self, acknowledged: bool = False) -> Encoder:
        class Liar(SequenceEncoder):
            def encode(self, x: ArrayLike) -> bytes:
                stream = super().encode(x)
                header, payload = bitstream.read(stream)
                assert header.sequence is not None
                place = Sequence(self.identity, header.sequence.position, 0)
                return self.codec.wrap(bytes(payload), np.shape(x), place)

        return Liar(self)


class DecodesAlone(Residual):
    """Takes a stream that follows for one that stands alone, where it has nothing else."""

    name: ClassVar[str] = "decodes-alone"

    def decoder(self) -> Decoder:
        class Eager(SequenceDecoder):
            shape: tuple[int, ...] = ()

            def decode(self, stream: bytes) -> Tensor:
                header, payload = bitstream.read(stream)
                self.shape = header.shape or self.shape
                try:
                    return super().decode(stream)
                except sw.BitstreamError:
                    return self.codec.decode_next(payload, self.shape, None)[0]

        return Eager(self)


class DecodesAfterAny(Residual):
    """Builds on whatever it decoded last."""

    name: ClassVar[str] = "decodes-after-any"

    def decoder(self) -> Decoder:
        class Careless(SequenceDecoder):
            def decode(self, stream: bytes) -> Tensor:
                header, payload = bitstream.read(stream)
                place = header.sequence
                if place is None or not place.follows or not self._kept:
                    return super().decode(stream)
                (last,) = self._kept.values()
                y, past = last.codec.decode_next(payload, last.shape, last.past)
                self._kept[next(iter(self._kept))] = type(last)(last.codec, last.shape, past)
                return y.copy()

        return Careless(self)


class WritesOverThePast(Residual):
    """Changes the past before it sees that the payload is damaged."""

    name: ClassVar[str] = "writes-over"

    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Tensor | None
    ) -> tuple[Tensor, Any]:
        if past is not None:
            past += 1
            y = super()._decode_next(payload, shape, past - 1)[0]
            return y, y
        return super()._decode_next(payload, shape, None)


class SaysNothing(Residual):
    """Predicts with a pair of its own, and no place in any header."""

    name: ClassVar[str] = "says-nothing"

    def encoder(self, acknowledged: bool = False) -> Encoder:
        return OwnPair(self)

    def decoder(self) -> Decoder:
        return OwnPair(self)


@dataclass
class OwnPair:
    codec: Residual
    past: Any = None

    def encode(self, x: ArrayLike) -> bytes:
        tensor = self.codec.checked(x)
        payload, self.past, _ = self.codec.encode_next(tensor, self._fitting(tensor.shape))
        return self.codec.wrap(payload, tensor.shape)

    def refresh(self) -> None:
        self.past = None

    def acknowledge(self, stream: bytes) -> None:
        pass

    def lose(self, stream: bytes) -> None:
        self.refresh()

    def decode(self, stream: bytes) -> Tensor:
        codec, header, payload = self.codec.unwrap(stream)
        y, self.past = codec.decode_next(payload, header.shape, self._fitting(header.shape))
        return y.copy()

    def _fitting(self, shape: tuple[int, ...]) -> Any:
        return self.past if np.shape(self.past) == shape else None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (NeverRefreshed, r"one after refresh\(\), follows"),
        (RefreshedInName, "loses tensors"),
        (DecodesAlone, "without the one that it builds on"),
        (DecodesAfterAny, "without the one that it builds on"),
        (WritesOverThePast, "is another tensor"),
        (SaysNothing, "names no other is another tensor by itself"),
    ],
)
def test_what_predicts_wrong_is_found(wrong: type[Residual], words: str) -> None:
    codec = sw.register_codec(wrong)()
    with pytest.raises(AssertionError, match=words):
        testing.check_sequence(codec, slowly(3))
    with pytest.raises(AssertionError):
        testing.check_codec(codec)
