import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.errors import RemoteError
from splitwire.live.handshake import Hello, Welcome, refused
from splitwire.live.protocol import Answer, Code, Frame, Piece, Probe, Refusal, read_reply
from splitwire.live.shown import shown

IDS = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), IDS, st.integers(1, 60_000), st.binary(max_size=50))
def test_a_frame_comes_back(agreement: int, number: int, wait: int, packet: bytes) -> None:
    frame = Frame(agreement, number, wait / 1000, packet)
    assert Frame.read(frame.message()) == frame


@pytest.mark.parametrize(("patience", "sent"), [(0.0002, 0.001), (0.0, 0.001), (0.0016, 0.002)])
def test_patience_is_sent_in_milliseconds_and_never_none(patience: float, sent: float) -> None:
    assert Frame.read(Frame(0, 1, patience, b"").message()).patience == sent


def test_a_frame_that_names_no_patience_has_the_usual_one() -> None:
    message = bytearray(Frame(0, 1, 1.0, b"x").message())
    message[6:10] = bytes(4)
    assert Frame.read(bytes(message)).patience == 10


def test_an_answer_comes_back() -> None:
    answer = Answer(7, 0.02, 0.001, 0.0105, b'{"classes":[3,999]}')
    assert read_reply(answer.message()) == answer


@given(IDS, st.binary(max_size=50))
def test_a_datagram_comes_back_and_is_no_frame(number: int, packet: bytes) -> None:
    piece = Piece(3, number, 0.5, packet)
    assert Piece.read(piece.message()) == piece
    with pytest.raises(RemoteError, match="no frame"):
        Frame.read(piece.message())


def test_an_answer_says_of_how_many_packets_it_was_made() -> None:
    answer = Answer(7, 0.02, 0.001, 0.0105, b"{}", (5, 6))
    assert read_reply(answer.message()) == answer


@given(IDS, st.sampled_from(Code), st.text(max_size=30))
def test_a_refusal_comes_back(number: int, code: Code, reason: str) -> None:
    refusal = Refusal(number, code, shown(reason))
    assert read_reply(refusal.message()) == refusal


@given(st.text(max_size=600), st.integers(1, 300))
def test_what_a_peer_says_is_shown_on_one_line_and_cut(text: str, longest: int) -> None:
    said = shown(text, longest)
    assert said.isprintable()
    assert len(said) <= longest + 1
    assert shown(said, 10_000) == said


def test_terminal_escapes_are_shown_escaped() -> None:
    assert shown("\x1b[2Jdone\n\u202eevil\x9b") == "\\x1b[2Jdone\\n\\u202eevil\\x9b"


def test_nobody_waits_longer_than_a_minute() -> None:
    assert Frame.read(Frame(0, 1, 4e6, b"x").message()).patience == 60
    assert Frame(0, 1, 5e6, b"x").message()[6:10] == b"\xff" * 4  # more than the field holds


@pytest.mark.parametrize("key", ["model", "split", "codec", "task", "digest"])
def test_every_field_of_a_hello_is_bounded(key: str) -> None:
    hello = {"hello": 3, "model": "a", "split": "b", "codec": "c", key: "x" * 1025}
    with pytest.raises(RemoteError, match=f"hello: {key}: String should have at most"):
        Hello.read(json.dumps(hello))
    with pytest.raises(RemoteError, match="hello: profiles"):
        Hello.read(json.dumps(hello | {key: "x", "profiles": ["a"] * 513}))
    with pytest.raises(RemoteError, match="a text of 7"):
        Hello.read(json.dumps(hello | {"x": "y" * 70_000}))
    with pytest.raises(RemoteError) as refused:
        Hello.read(json.dumps(hello | {key: "x", "\x1b" * 5000: 1}))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400


def test_a_probe_comes_back_without_its_padding() -> None:
    assert read_reply(Probe(9).message(100)[:5]) == Probe(9)


def test_hello_and_welcome_come_back() -> None:
    hello = Hello("lite0", "3", "jpeg:quality=50", "depth", "ab", ("12", "34"), whole=True)
    assert Hello.read(hello.text()) == hello
    welcome = Welcome(1, "ab", [[80, 14, 14]], 8, 1 << 20)
    assert Welcome.read(welcome.text()) == welcome


@given(st.binary(max_size=60))
def test_random_bytes_are_a_message_or_a_clear_error(data: bytes) -> None:
    for read in (Frame.read, read_reply):
        try:
            read(data)
        except RemoteError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a JSON object expected"),
        ("[1]", "a JSON object expected"),
        ("[" * 60_000, "a JSON object expected"),
        ("{}", "a hello of version 3 expected, not 'None'"),
        ('{"hello": 1}', "version 3 expected, not '1'"),
        ('{"hello": 3}', "hello: model:"),
        ('{"hello": 3, "model": "a", "split": "b", "codec": "c", "x": 1}', "hello: x:"),
        ('{"hello": 3, "model": "a", "split": "b", "codec": "c", "whole": 3}', "hello: whole:"),
    ],
)
def test_what_is_no_hello_says_why(text: str, said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        Hello.read(text)


WELCOME: dict[str, Any] = {
    "welcome": 3,
    "agreement": 0,
    "digest": "",
    "tensors": [],
    "in_flight": 8,
    "max_message": 9,
}


@pytest.mark.parametrize(
    "spoilt",
    [{"welcome": 1}, {"welcome": None}, {"agreement": "x"}, {"agreement": 300}, {"classes": 9}],
)
def test_what_is_no_welcome_of_this_version_is_a_clear_error(spoilt: dict[str, Any]) -> None:
    assert Welcome.read(json.dumps(WELCOME)).agreement == 0
    with pytest.raises(RemoteError, match="no welcome of version 3") as refused:
        Welcome.read(json.dumps(WELCOME | spoilt))
    assert "\n" not in str(refused.value)


def test_a_refusal_of_a_hello_is_an_error_with_its_reason() -> None:
    with pytest.raises(RemoteError, match="the cloud refused: no such model"):
        Welcome.read(refused("no such model"))
