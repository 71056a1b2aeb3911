import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.errors import BitstreamError
from splitwire.runner import packet

streams = st.lists(st.binary(max_size=300), min_size=1, max_size=200)


@given(streams)
def test_streams_that_were_joined_come_apart_again(streams: list[bytes]) -> None:
    assert packet.split(packet.join(streams)) == streams


@given(st.binary())
def test_one_stream_is_the_packet_itself(tail: bytes) -> None:
    assert packet.join([b"SW" + tail]) == b"SW" + tail


def test_a_lone_stream_that_looks_like_a_table_gets_a_table() -> None:
    assert packet.split(packet.join([packet.MAGIC])) == [packet.MAGIC]


def test_the_table_of_short_streams_costs_three_bytes_and_one_a_stream() -> None:
    assert len(packet.join([b"SWab", b"SWcd", b"SWef"])) == 3 * 4 + 3 + 3


@given(st.lists(st.binary(min_size=1), min_size=2), st.data())
def test_a_packet_cut_short_raises(streams: list[bytes], data: st.DataObject) -> None:
    whole = packet.join(streams)
    cut = data.draw(st.integers(len(packet.MAGIC), len(whole) - 1))
    with pytest.raises(BitstreamError):
        packet.split(whole[:cut])


@given(st.lists(st.binary(), min_size=2), st.binary(min_size=1))
def test_bytes_after_the_last_stream_raise(streams: list[bytes], tail: bytes) -> None:
    with pytest.raises(BitstreamError):
        packet.split(packet.join(streams) + tail)


@given(st.binary(max_size=400))
def test_random_bytes_raise_or_are_divided_without_remainder(data: bytes) -> None:
    try:
        parts = packet.split(packet.MAGIC + data)
    except BitstreamError:
        return
    assert (packet.MAGIC + data).endswith(b"".join(parts))


def test_a_table_of_more_streams_than_bytes_is_refused_at_once() -> None:
    with pytest.raises(BitstreamError, match="4294967295 streams in 7 bytes"):
        packet.split(packet.MAGIC + b"\xff\xff\xff\xff\x0f")
