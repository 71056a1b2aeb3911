"""Sequences over channels that lose, reorder and repeat streams, and tell of it late or never."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from residual import Far, Residual, registered
from streams import features, payload_of, place_of

import splitwire as sw
from splitwire.codecs.base import Tensor
from splitwire.codecs.predictive import SequenceDecoder, SequenceEncoder

SHAPE = (2, 3, 3)


@pytest.fixture(autouse=True, scope="module")
def registered_for_these_tests_only() -> Iterator[None]:
    with registered(Residual, Far):
        yield


def scene(i: int) -> Tensor:
    return features(*SHAPE) + np.float32(i) * features(*SHAPE, seed=1)


@dataclass
class Channel:
    """A pair, what is on its way between them, and what each stream has to be."""

    codec: Residual
    encoder: SequenceEncoder = field(init=False)
    decoder: SequenceDecoder = field(init=False)
    sent: list[bytes] = field(default_factory=list)
    expected: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        encoder, decoder = self.codec.encoder(acknowledged=True), self.codec.decoder()
        assert isinstance(encoder, SequenceEncoder)
        assert isinstance(decoder, SequenceDecoder)
        self.encoder, self.decoder = encoder, decoder

    def send(self) -> bytes:
        """One more stream, with the tensor that it is by itself worked out beside the pair."""
        number = len(self.sent)
        stream = self.encoder.encode(scene(number))
        payload, place = payload_of(stream), place_of(stream)
        assert place.position == number
        past = self.expected[number - place.follows] if place.follows else None
        self.expected[number] = self.codec.decode_next(payload, SHAPE, past)[0]
        assert len(self.encoder._kept) <= self.codec.kept
        self.sent.append(stream)
        return stream

    def arrive(self, stream: bytes) -> bool:
        """Whether the decoder takes it; it never takes it for another tensor."""
        try:
            y = self.decoder.decode(stream)
        except sw.UnknownBaseError:
            return False
        finally:
            assert len(self.decoder._kept) <= self.codec.kept
        np.testing.assert_array_equal(y, self.expected[place_of(stream).position])
        return True


Fates = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40)
"""Of each stream: whether it arrives, and after how many others the encoder is told; 9: never."""


@given(Fates)
def test_what_builds_on_acknowledged_streams_is_never_refused(
    fates: list[tuple[bool, int]],
) -> None:
    channel, told = Channel(Far()), list[tuple[int, bytes, bool]]()
    for number, (arrives, late) in enumerate(fates):
        stream = channel.send()
        assert not arrives or channel.arrive(stream)
        if late < 9:
            told.append((number + late, stream, arrives))
        for due, about, arrived in told:
            if due == number:
                (channel.encoder.acknowledge if arrived else channel.encoder.lose)(about)


def test_an_acknowledged_stream_is_built_on_as_far_back_as_it_is_kept() -> None:
    channel = Channel(Far())
    channel.arrive(channel.send())
    assert place_of(channel.send()).follows == 0  # nothing is known of the first yet
    channel.encoder.acknowledge(channel.sent[0])
    follows = [place_of(channel.send()).follows for _ in range(5)]
    assert follows == [2, 3, 4, 0, 0]
    channel.encoder.acknowledge(channel.sent[4])
    channel.encoder.acknowledge(channel.sent[3])  # later, and older
    assert place_of(channel.send()).follows == 3


def test_a_refresh_forgets_what_was_acknowledged() -> None:
    channel = Channel(Far())
    channel.arrive(channel.send())
    channel.encoder.acknowledge(channel.sent[0])
    channel.encoder.refresh()
    assert [place_of(channel.send()).follows for _ in range(2)] == [0, 0]
    channel.encoder.acknowledge(channel.sent[0])
    assert place_of(channel.send()).follows == 0
    channel.encoder.acknowledge(channel.sent[2])
    assert place_of(channel.send()).follows == 2


def test_what_became_of_another_sequence_changes_nothing() -> None:
    channel, other = Channel(Far()), Channel(Far())
    for one in (channel, other):
        one.arrive(one.send())
    channel.encoder.acknowledge(other.sent[0])
    channel.encoder.lose(other.sent[0])
    channel.encoder.acknowledge(Far().encode(scene(0)))
    assert place_of(channel.send()).follows == 0
    channel.encoder.acknowledge(channel.sent[0])
    assert place_of(channel.send()).follows == 2


@pytest.mark.parametrize("kind", [Residual, Far])
@given(data=st.data())
def test_over_any_channel_no_tensor_is_wrong_and_what_is_lost_is_over_after_a_refresh(
    kind: type[Residual], data: st.DataObject
) -> None:
    channel = Channel(kind())
    for action, which in data.draw(
        st.lists(st.tuples(st.sampled_from("sssaalr"), st.integers(0, 6)))
    ):
        if action == "s":
            channel.send()
        elif action == "r":
            channel.encoder.refresh()
        elif (
            channel.sent
        ):  # one of the latest arrives, perhaps again; or the encoder is told it is lost
            stream = channel.sent[-1 - which % len(channel.sent)]
            if action == "l":
                channel.encoder.lose(stream)
            elif channel.arrive(stream):
                channel.encoder.acknowledge(stream)
    if not channel.arrive(channel.send()):
        channel.encoder.refresh()
        assert channel.arrive(channel.send())
    channel.encoder.acknowledge(channel.sent[-1])
    follows = channel.send()
    assert place_of(follows).follows == 1
    assert channel.arrive(follows)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_codec_that_keeps_one_stream_stands_alone_once_after_each_loss(
    arrivals: list[bool],
) -> None:
    channel = Channel(Residual())
    alone = [True, *(not arrived for arrived in arrivals)]
    for arrives, stands in zip(arrivals, alone, strict=False):
        stream = channel.send()
        assert (place_of(stream).follows == 0) == stands
        if arrives:
            assert channel.arrive(stream)
        else:
            channel.encoder.lose(stream)


def test_losses_from_before_a_refresh_cause_no_other() -> None:
    channel = Channel(Residual())
    for _ in range(3):
        channel.send()
    for stream in channel.sent[:3]:  # the first is lost, and so the others are refused, one by one
        channel.encoder.lose(stream)
        channel.send()
    assert [place_of(stream).follows for stream in channel.sent] == [0, 1, 1, 0, 1, 1]
