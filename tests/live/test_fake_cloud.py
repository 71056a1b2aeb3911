"""Clouds that say what no cloud should: the edge falls back, frame by frame, and goes on."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from websockets.sync.server import ServerConnection, serve

import splitwire as sw
from splitwire.errors import RemoteError
from splitwire.live.address import Address
from splitwire.live.answers import write_output, write_prediction
from splitwire.live.drive import Drive
from splitwire.live.handshake import Hello, Welcome
from splitwire.live.protocol import Answer, Code, Frame, Probe, Refusal
from splitwire.live.record import Record
from splitwire.runner import packet
from splitwire.runner.choice import Choice
from splitwire.tasks.base import Task
from splitwire.tasks.classification import Classification
from splitwire.tasks.registry import load_task

RAW = "raw:dtype=float32"
FRAMES = 6
PICTURE = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.float32)
CLASSIFIER = Classification()
Reply = Callable[[Frame], bytes | str]


def welcome(hello: Hello, **changes: Any) -> str:
    said = Welcome(0, hello.digest, [[4, 15, 15]], 8, 1 << 20)
    return replace(said, **changes).text()


def greeting(said: str, hello: Hello) -> str:
    """What is said; `digest` stands for a welcome to the right network and other tensors."""
    return welcome(hello, tensors=[[4, 15, 16]]) if said == "digest" else said


def answering(body: bytes, *times: float) -> Reply:
    """Every frame is answered with that, and those times."""
    return lambda frame: Answer(frame.id, *(times or (0.0, 0.0, 0.0)), body).message()


@contextmanager
def fake_cloud(reply: Reply, greet: Callable[[Hello], str] = welcome) -> Iterator[str]:
    """A server that agrees to everything and replies to frames as it is told; its address."""

    def handle(socket: ServerConnection) -> None:
        for message in socket:
            if isinstance(message, str):
                socket.send(greet(Hello.read(message)))
            elif message[0] == 1:
                socket.send(reply(Frame.read(message)))
            else:
                socket.send(message[:5])

    with serve(handle, "127.0.0.1", 0, compression=None) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        host, port = server.socket.getsockname()
        yield f"http://{host}:{port}"
        server.shutdown()
        thread.join()


def run(
    model: sw.Model, address: str, whole: bool, at: str = "1", task: Task = CLASSIFIER
) -> list[Record]:
    """The records of some frames, in order."""
    choice = Choice.shared(sw.split(model, at), [sw.codec(RAW)], RAW)
    drive = Drive(Address(address), task, [choice], deadline=30.0, in_flight=1, whole=whole)

    async def records() -> list[Record]:
        return [record async for record in drive.run((str(n), PICTURE) for n in range(FRAMES))]

    return asyncio.run(records())


def all_fell_back(
    model: sw.Model, records: list[Record], said: str, task: Task = CLASSIFIER
) -> None:
    assert Counter(record.outcome for record in records) == {"fell back": FRAMES}
    for record in records:
        assert said in str(record.reason)
        assert "\n" not in str(record.reason)
        with torch.inference_mode():
            expected = model(torch.from_numpy(PICTURE)[None])
        assert record.prediction == task.predict(expected)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1, 2]", b'"answer"', b"\xff\xfe", b'{"classes"', b"[" * 100_000]
)
def test_a_prediction_that_is_no_json_object_makes_the_frame_fall_back(
    small: sw.Model, body: bytes
) -> None:
    with fake_cloud(answering(body)) as address:
        records = run(small, address, whole=False)
    all_fell_back(small, records, "the cloud sent no prediction: a JSON object expected")


RANKING: dict[str, Any] = {
    "classes": [3, 1, 9, 0, 2],
    "probabilities": [0.5, 0.2, 0.1, 0.1, 0.05],
}
LIES: list[dict[str, Any]] = [
    {"classes": [3, 1, 10, 0, 2]},  # there are ten
    {"classes": [3, 1, -1, 0, 2]},
    {"classes": [3, 1, 1, 0, 2]},
    {"classes": [3, 1, 9.0, 0, 2]},
    {"classes": [3, 1, True, 0, 2]},
    {"classes": [3, 1, 9, 0]},
    {"classes": [3], "probabilities": [0.5]},
    {"classes": []},
    {"classes": "31902"},
    {"classes": None},
    {"probabilities": [0.5, 0.2, 0.1, 0.1]},
    {"probabilities": [0.5, 0.2, 0.1, 0.1, -0.05]},
    {"probabilities": [1.5, 0.2, 0.1, 0.1, 0.05]},
    {"probabilities": [0.9, 0.9, 0.1, 0.1, 0.05]},
    {"probabilities": [0.1, 0.2, 0.3, 0.1, 0.05]},
    {"probabilities": ["a"] * 5},
    {"names": ["a"] * 4},
    {"names": [1] * 5},
    {"more": 1},
]


@pytest.mark.parametrize("lie", LIES)
def test_a_prediction_that_the_network_cannot_make_makes_the_frame_fall_back(
    small: sw.Model, lie: dict[str, Any]
) -> None:
    with fake_cloud(answering(json.dumps(RANKING | lie).encode())) as address:
        records = run(small, address, whole=False, task=Classification.of(small))
    all_fell_back(small, records, "the cloud sent no prediction: no ranking of 10 classes")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_makes_the_frame_fall_back(
    small: sw.Model, number: str
) -> None:
    body = json.dumps(RANKING).replace("0.05", number).encode()
    with fake_cloud(answering(body)) as address:
        records = run(small, address, whole=False)
    all_fell_back(small, records, "the cloud sent no prediction")


@pytest.mark.parametrize(
    "times", [(60.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 4000.0), (4294.0, 4000.0, 200.0)]
)
def test_times_that_cannot_be_make_the_frame_fall_back(
    small: sw.Model, times: tuple[float, ...]
) -> None:
    with fake_cloud(answering(json.dumps(RANKING).encode(), *times)) as address:
        records = run(small, address, whole=False)
    all_fell_back(small, records, "the cloud sent times that cannot be")


def test_words_of_a_cloud_are_shown_with_nothing_a_terminal_obeys(small: sw.Model) -> None:
    names = ["\x1b[2J\x1b]0;owned\x07", "a\nb", "\u202egnp.exe", "\x9b31m", "tench"]
    with fake_cloud(answering(json.dumps(RANKING | {"names": names}).encode())) as address:
        (record, *_) = run(small, address, whole=False, task=Classification.of(small))
    assert record.outcome == "answered"
    assert all(line.isprintable() for line in CLASSIFIER.lines(record.prediction))
    assert record.prediction["names"][1:] == ["a\\nb", "\\u202egnp.exe", "\\x9b31m", "tench"]
    evil = Refusal(1, Code.DAMAGED, "").message() + ("\x1b[2J" * 1000).encode()
    with fake_cloud(lambda frame: evil[:1] + frame.message()[2:6] + evil[5:]) as address:
        (record, *_) = run(small, address, whole=False)
    assert record.outcome == "refused"
    assert str(record.reason).isprintable()
    assert len(str(record.reason)) <= 501
    with (
        fake_cloud(answering(b""), lambda hello: json.dumps({"refused": "\x1b[2J"})) as address,
        pytest.raises(RemoteError) as refused,
    ):
        run(small, address, whole=False)
    assert str(refused.value).isprintable()


def test_a_cloud_is_sent_no_more_than_it_takes(small: sw.Model) -> None:
    with fake_cloud(answering(b""), lambda hello: welcome(hello, max_message=1000)) as address:
        records = run(small, address, whole=False)
    all_fell_back(small, records, "the cloud takes messages of 1000 bytes at most")


BODIES = {
    "nothing": b"",
    "a prediction": b'{"classes": [1]}',
    "random": np.random.default_rng(0).bytes(300),
    "more classes": write_output(torch.zeros(1, 11)),
    "two tensors": write_output((torch.zeros(1, 10), torch.zeros(1, 10))),
    "another codec": sw.codec("png").encode(np.zeros(10, np.float32)),
    "NaN": packet.join([sw.codec(RAW).wrap(np.full(10, np.nan, "<f4").tobytes(), (10,))]),
}


@pytest.mark.parametrize("name", BODIES)
def test_an_output_that_is_not_the_network_s_makes_the_frame_fall_back(
    small: sw.Model, name: str
) -> None:
    with fake_cloud(answering(BODIES[name])) as address:
        records = run(small, address, whole=True)
    all_fell_back(small, records, "the cloud sent no output of")


@pytest.mark.parametrize("whole", [False, True])
def test_after_a_wrong_answer_the_next_one_counts(small: sw.Model, whole: bool) -> None:
    output = torch.arange(10.0)[None]
    good = write_output(output) if whole else write_prediction(CLASSIFIER, output)

    def reply(frame: Frame) -> bytes:
        return answering(b"" if frame.id % 2 else good)(frame)  # type: ignore[return-value]

    with fake_cloud(reply) as address:
        records = run(small, address, whole)
    assert Counter(record.outcome for record in records) == {"fell back": 3, "answered": 3}
    answered = next(record for record in records if record.outcome == "answered")
    assert answered.prediction["classes"] == [9, 8, 7, 6, 5]


def test_a_wrong_part_of_a_nested_output_makes_the_frame_fall_back(
    net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net)
    model = sw.load_model("net.py:steering")
    task = load_task("task.py:Steering", model)
    body = write_output({"mean": torch.ones(1, 2), "scale": torch.ones(1, 3)})
    with fake_cloud(answering(body)) as address:
        records = run(model, address, whole=True, at="body.1", task=task)
    all_fell_back(model, records, "the cloud sent no output of net.py:steering", task)


@pytest.mark.parametrize(
    "reply",
    [
        lambda frame: "text",
        lambda frame: b"",
        lambda frame: b"\x09garbage",
        lambda frame: b"\x02short",
        lambda frame: b"\x03\x00\x00\x00\x01\x63",  # a refusal of an unknown code
        lambda frame: Probe(frame.id).message(0),
    ],
)
def test_a_message_that_is_no_reply_costs_no_frame(small: sw.Model, reply: Reply) -> None:
    with fake_cloud(reply) as address:
        records = run(small, address, whole=False)
    assert Counter(record.outcome for record in records) == {"fell back": FRAMES}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"refused": "not today"}', "the cloud refused: not today"),
        ("hello", "a JSON object expected"),
        ('{"welcome": 1, "agreement": 0, "classes": 1000}', "no welcome of version 3"),
        (Welcome(0, "", [], 8, 9).text().replace("0", "300", 1), "no welcome of version 3"),
        (Welcome(0, "0123456789abcdef", [[4, 15, 15]], 8, 9).text(), "to another network"),
        ("digest", "welcomes to tensors of"),
        (" " * 70_000, "a text of 70000 characters"),
    ],
)
def test_a_cloud_that_does_not_welcome_is_one_clear_error(
    small: sw.Model, said: str, why: str
) -> None:
    with (
        fake_cloud(answering(b""), lambda hello: greeting(said, hello)) as address,
        pytest.raises(RemoteError, match=why),
    ):
        run(small, address, whole=False)
