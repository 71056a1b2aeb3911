"""A cloud in a process of its own, spoken to by hand: what it answers, and what it refuses."""

import socket as sockets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deployment import PATIENCE, agree, ask, dial, fetch, start_cloud
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed

import splitwire as sw
from splitwire.cli import main
from splitwire.errors import RemoteError
from splitwire.live.answers import read_output, read_prediction
from splitwire.live.protocol import Answer, Code, Frame, Refusal, read_reply
from splitwire.runner.local import encode
from splitwire.tasks.classification import Classification

Picture = NDArray[np.float32]


def packet(model: sw.Model, x: Picture, at: str = "1", spec: str = "raw:dtype=float32") -> bytes:
    split = sw.split(model, at)
    with torch.inference_mode():
        features = split.edge(torch.from_numpy(x)[None])
    return encode(features, [sw.codec(spec)] * len(features))


def output(model: sw.Model, x: Picture) -> Any:
    with torch.inference_mode():
        return model(torch.from_numpy(x)[None])


def is_well(address: str, small: sw.Model, x: Picture) -> None:
    """The cloud still answers a new client."""
    with dial(address) as socket:
        agree(socket)
        assert isinstance(ask(socket, packet(small, x)), Answer)


@pytest.mark.parametrize("at", ["input", "1", "output"])
def test_float32_features_give_the_whole_network_s_prediction(
    address: str, small: sw.Model, small_picture: Picture, at: str
) -> None:
    with dial(address) as socket:
        for number, whole in enumerate((True, False)):
            welcome = agree(socket, split=at, digest=small.digest, whole=whole)
            assert (welcome.agreement, welcome.digest) == (number, small.digest)
        sent, expected = packet(small, small_picture, at), output(small, small_picture)
        answers = [ask(socket, sent, number, number) for number in range(2)]
    assert isinstance(answers[0], Answer)
    assert isinstance(answers[1], Answer)
    assert torch.equal(read_output(answers[0].body, small), expected)
    assert read_prediction(answers[1].body) == Classification().predict(expected)
    assert all(0 < a.decode + a.cloud <= a.held for a in answers)


def test_one_connection_serves_several_agreements_at_once(
    address: str, small: sw.Model, small_picture: Picture
) -> None:
    with dial(address) as socket:
        assert agree(socket).agreement == 0
        assert agree(socket, split="3", codec="jpeg").agreement == 1
        for number, (at, spec) in enumerate([("3", "jpeg"), ("1", "raw:dtype=float32")]):
            sent = packet(small, small_picture, at, spec)
            reply = ask(socket, sent, number, 1 - number)
            assert isinstance(reply, Answer)
            assert len(read_prediction(reply.body)["classes"]) == 5


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "lite9"}, "no model 'lite9' here; there are: net.py:small"),
        ({"model": "net.py:no_classifier"}, "a classifier gives one row of logits, 1×classes"),
        ({"task": "depth"}, "no task 'depth' here; there are: classification"),
        ({"task": "task.py:Steering"}, "no task 'task.py:Steering' here"),
        ({"digest": "0123456789abcdef"}, "other weights at the edge"),
        ({"split": "blocks"}, "no cut point 'blocks'"),
        ({"codec": "jpg"}, "unknown codec 'jpg'"),
        ({"codec": "jpeg:quality=999"}, "an integer from 1 to 100"),
        ({"codec": "raw:clip=profile,profile=/etc/passwd"}, "by its digest, not by a path"),
        ({"codec": "raw:clip=profile", "profiles": ("abcd",)}, "no profile 'abcd' here"),
        ({"profiles": ("a", "b")}, "2 profiles for 1 crossing tensors"),
    ],
)
def test_a_hello_that_cannot_be_met_is_refused_with_the_reason_and_another_may_follow(
    address: str, asked: dict[str, str], said: str
) -> None:
    with dial(address) as socket:
        with pytest.raises(RemoteError, match=said):
            agree(socket, **asked)
        agree(socket)


def test_agreements_are_bounded(address: str) -> None:
    with dial(address) as socket:
        for _ in range(64):
            agree(socket)
        with pytest.raises(RemoteError, match="64 agreements are enough"):
            agree(socket)


@pytest.mark.parametrize("spoil", ["flip", "cut", "empty", "random", "other tensor", "other codec"])
def test_a_damaged_frame_is_refused_and_harms_no_other(
    address: str, small: sw.Model, small_picture: Picture, spoil: str
) -> None:
    good = packet(small, small_picture)
    bad = {
        "flip": bytes([good[0], good[1], *good[2:-9], good[-9] ^ 1, *good[-8:]]),
        "cut": good[:-1],
        "empty": b"",
        "random": np.random.default_rng(1).bytes(300),
        "other tensor": packet(small, small_picture, "2"),
        "other codec": packet(small, small_picture, "1", "jpeg"),
    }[spoil]
    with dial(address) as other, dial(address) as socket:
        agree(other)
        agree(socket)
        reply = ask(socket, bad, 1)
        assert isinstance(reply, Refusal)
        assert reply.code == Code.DAMAGED
        assert reply.reason
        assert isinstance(ask(other, good, 5), Answer)
        assert isinstance(ask(socket, good, 2), Answer)


def test_a_frame_under_no_agreement_is_refused(address: str) -> None:
    with dial(address) as socket:
        agree(socket)
        reply = ask(socket, b"", 3, agreement=9)
    assert isinstance(reply, Refusal)
    assert reply.reason == "there is no agreement 9"


def test_an_output_of_nan_is_refused_and_the_rest_of_the_batch_is_not(address: str) -> None:
    bad, good = (
        sw.codec("raw:dtype=float32").encode(np.full((3, 32, 32), v)) for v in (0.0, 255.0)
    )
    with dial(address) as socket:
        agree(socket, model="net.py:negative_is_nan", split="input")
        for number, sent in enumerate([bad, good, bad, good, good, bad]):
            socket.send(Frame(0, number, PATIENCE, sent).message())
        replies = {r.id: r for r in (read_reply(socket.recv(PATIENCE)) for _ in range(6))}
    assert [isinstance(replies[n], Answer) for n in range(6)] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    assert {r.code for r in replies.values() if isinstance(r, Refusal)} == {Code.NO_PREDICTION}


def test_a_frame_nobody_waits_for_any_more_is_not_run(
    address: str, small: sw.Model, small_picture: Picture
) -> None:
    sent = packet(small, small_picture)
    with dial(address) as socket:
        agree(socket)
        for number in range(200):
            socket.send(Frame(0, number, 0.001, sent).message())
        replies = [read_reply(socket.recv(PATIENCE)) for _ in range(200)]
    assert sorted(reply.id for reply in replies) == list(range(200))
    assert all(r.code == Code.LATE for r in replies if isinstance(r, Refusal))


@pytest.mark.parametrize("message", [b"", b"\x09garbage", b"\x01short", b"\x02" + bytes(40)])
def test_a_message_that_is_none_ends_its_connection_and_no_other(
    address: str, small: sw.Model, small_picture: Picture, message: bytes
) -> None:
    with dial(address) as socket:
        agree(socket)
        socket.send(message)
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(PATIENCE)
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, "no frame" in ended.value.rcvd.reason) == (1008, True)
    is_well(address, small, small_picture)


def test_a_message_beyond_the_limit_ends_its_connection_and_no_other(
    address: str, small: sw.Model, small_picture: Picture
) -> None:
    with dial(address) as socket:
        assert agree(socket).max_message == 65_536  # which this agreement does not even need
        with pytest.raises(ConnectionClosed) as ended:
            for _ in range(3):
                socket.send(bytes(65_537))
            socket.recv(PATIENCE)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1009
    is_well(address, small, small_picture)


def test_half_messages_and_sudden_ends_harm_nobody(
    address: str, small: sw.Model, small_picture: Picture
) -> None:
    whole = Frame(0, 1, PATIENCE, packet(small, small_picture)).message()
    for _ in range(5):
        with dial(address) as socket:
            agree(socket)
            socket.send(whole)
            head = b"\x82\xff" + (10**5 - 1).to_bytes(8, "big") + b"mask"
            socket.socket.sendall(head + b"half of it")
            socket.socket.shutdown(sockets.SHUT_RDWR)
    is_well(address, small, small_picture)


def test_a_hundred_reconnects(address: str, small: sw.Model, small_picture: Picture) -> None:
    for _ in range(100):
        is_well(address, small, small_picture)
    said = fetch(address + "/metrics")
    clients = next(line for line in said.splitlines() if line.startswith("splitwire_clients "))
    assert float(clients.split()[1]) <= 1  # the last may not have been seen to go yet


def test_many_clients_at_once_are_all_answered(
    address: str, small: sw.Model, small_picture: Picture
) -> None:
    sent, best = packet(small, small_picture), int(output(small, small_picture).argmax())

    def client(_: int) -> list[bool]:
        with dial(address) as socket:
            agree(socket)
            replies = [ask(socket, sent, number) for number in range(5)]
        return [
            isinstance(r, Answer) and read_prediction(r.body)["classes"][0] == best for r in replies
        ]

    with ThreadPoolExecutor(50) as pool:
        assert all(all(right) for right in pool.map(client, range(50)))


def test_health_readiness_and_metrics_can_be_asked_for(address: str) -> None:
    for path, said in (
        ("/healthz", "alive"),
        ("/readyz", "ready"),
        ("/metrics", "splitwire_frames"),
    ):
        assert said in fetch(address + path)


def test_a_cloud_that_is_told_to_stop_answers_what_it_has(
    tmp_path: Path, small: sw.Model, small_picture: Picture
) -> None:
    cloud = start_cloud(tmp_path, "--port", "0")
    sent = packet(small, small_picture)
    with dial(cloud.event("listening")["address"]) as socket:
        agree(socket)
        for number in range(8):
            socket.send(Frame(0, number, PATIENCE, sent).message())
        first = read_reply(socket.recv(PATIENCE))
        cloud.process.terminate()
        replies = [first, *(read_reply(socket.recv(PATIENCE)) for _ in range(7))]
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)
    assert sorted(reply.id for reply in replies) == list(range(8))
    assert cloud.process.wait(PATIENCE) == 0
    cloud.event("draining")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "give --token-file, or say --open-to-all"),
        (("--token-file", "missing"), "cannot read the token in missing"),
        (("--certificate", "net.py"), "TLS needs both --certificate and --key"),
        (("--certificate", "net.py", "--key", "net.py"), "cannot use net.py with net.py"),
        (("--profiles", "missing"), "missing is no folder of profiles"),
    ],
)
def test_a_cloud_that_cannot_start_says_why_in_a_line(
    net: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(net)
    monkeypatch.setattr("sys.argv", ["splitwire", "cloud", "--model", "net.py:small", *arguments])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert said in capsys.readouterr().err
