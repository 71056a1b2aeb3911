import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.errors import RemoteError
from splitwire.live.protocol import (
    Answer,
    Code,
    Frame,
    Hello,
    Probe,
    Refusal,
    Welcome,
    read_reply,
    refused,
)

IDS = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), IDS, st.integers(1, 10**6), st.binary(max_size=50))
def test_a_frame_comes_back(agreement: int, number: int, wait: int, packet: bytes) -> None:
    frame = Frame(agreement, number, wait / 1000, packet)
    assert Frame.read(frame.message()) == frame


def test_a_frame_that_names_no_patience_has_the_usual_one() -> None:
    message = bytearray(Frame(0, 1, 1.0, b"x").message())
    message[6:10] = bytes(4)
    assert Frame.read(bytes(message)).patience == 10


def test_an_answer_comes_back() -> None:
    classes, logits = np.array([3, 999], np.uint32), np.array([1.5, -2.25], np.float32)
    back = read_reply(Answer(7, 0.02, 0.001, 0.0105, classes, logits).message())
    assert isinstance(back, Answer)
    assert (back.id, back.held, back.decode, back.cloud) == (7, 0.02, 0.001, 0.0105)
    np.testing.assert_array_equal(back.classes, classes)
    np.testing.assert_array_equal(back.logits, logits)


@given(IDS, st.sampled_from(Code), st.text(max_size=30))
def test_a_refusal_comes_back(number: int, code: Code, reason: str) -> None:
    refusal = Refusal(number, code, reason)
    assert read_reply(refusal.message()) == refusal


def test_a_probe_comes_back_without_its_padding() -> None:
    assert read_reply(Probe(9).message(100)[:5]) == Probe(9)


def test_hello_and_welcome_come_back() -> None:
    hello = Hello("lite0", "blocks.3", "jpeg:quality=50", "ab", ("12", "34"), 3)
    assert Hello.read(hello.text()) == hello
    welcome = Welcome(1, "ab", [[80, 14, 14]], 1000, 8, 1 << 20)
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
        ("[" * 100_000, "a JSON object expected"),
        ("{}", "a hello of version 1 expected, not 'None'"),
        ('{"hello": 2}', "version 1 expected, not '2'"),
        ('{"hello": 1}', "hello: model:"),
        ('{"hello": 1, "model": "a", "split": "b", "codec": "c", "x": 1}', "hello: x:"),
        ('{"hello": 1, "model": "a", "split": "b", "codec": "c", "top": 0}', "hello: top:"),
    ],
)
def test_what_is_no_hello_says_why(text: str, said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        Hello.read(text)


def test_a_refusal_of_a_hello_is_an_error_with_its_reason() -> None:
    with pytest.raises(RemoteError, match="the cloud refused: no such model"):
        Welcome.read(refused("no such model"))
