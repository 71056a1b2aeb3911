"""A cloud on Ray Serve, on a cluster of this machine: it is `splitwire cloud` to whoever speaks."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
import torch
from deployment import agree, ask, dial, fetch, write_files
from numpy.typing import NDArray
from websockets.exceptions import InvalidStatus

import splitwire as sw
from splitwire.errors import RemoteError
from splitwire.live.answers import read_output
from splitwire.live.handshake import Hello
from splitwire.live.protocol import Answer, Code, Refusal
from splitwire.runner.local import encode

ray = pytest.importorskip("ray", reason="needs the extra ray")

from ray_cloud import Crowd, RayCloud, ray_cloud  # noqa: E402
from test_oip import TOKEN, infer, tritonclient  # noqa: E402

CLOUD = """
models = ["net.py:small", "net.py:branches"]
token_file = "token"
clients = 300
max_message = 100000
queue = 256
doors = 2
door_cpus = 0.1
[halves]
replicas = 2
cpus = 0.1
"""
BEARER = {"Authorization": f"Bearer {TOKEN}"}
EXACT = "raw:dtype=float32"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCloud]:
    folder = tmp_path_factory.mktemp("ray")
    write_files(folder)
    (folder / "token").write_text(TOKEN, encoding="ascii")
    with ray_cloud(folder, CLOUD) as started:
        yield started


def packet(model: sw.Model, picture: NDArray[np.float32], at: str = "1") -> bytes:
    with torch.inference_mode():
        features = sw.split(model, at).edge(torch.from_numpy(picture)[None])
    return encode(features, [sw.codec(EXACT)] * len(features))


def test_answers_are_the_whole_network_s(
    cloud: RayCloud, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    sent = packet(small, small_picture)
    with torch.inference_mode():
        whole = small(torch.from_numpy(small_picture)[None])
    with dial(cloud.address, additional_headers=BEARER) as socket:
        agree(socket, whole=True)
        reply = ask(socket, sent)
        assert isinstance(reply, Answer)
        np.testing.assert_array_equal(read_output(reply.body, small), whole)
        damaged = ask(socket, sent[:-1], 2)
        assert isinstance(damaged, Refusal)
        assert damaged.code == Code.DAMAGED
        with pytest.raises(RemoteError, match="no model"):
            agree(socket, model="resnet")


def test_a_sequence_is_decoded_where_its_connection_is(
    cloud: RayCloud, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    halves, coder = sw.split(small, "1"), sw.codec("h264").encoder()
    with dial(cloud.address, additional_headers=BEARER) as socket:
        agree(socket, codec="h264")
        for number in range(5):
            with torch.inference_mode():
                features = halves.edge(torch.from_numpy(small_picture + number)[None])
            assert isinstance(ask(socket, encode(features, [coder]), number), Answer)


def test_token_limits_and_the_open_inference_protocol_are_the_cloud_s(
    cloud: Any, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        dial(cloud.address)
    http, grpc = (f"127.0.0.1:{port}" for port in (cloud.port, cloud.grpc_port))
    cloud.at = {tritonclient.http: http, tritonclient.grpc: grpc}
    with torch.inference_mode():
        whole = small(torch.from_numpy(small_picture)[None])
    for kind in cloud.at:
        reply = infer(cloud, kind, packet(small, small_picture))
        np.testing.assert_array_equal(reply.as_numpy("output"), whole.numpy())
    assert "splitwire_batch_frames_bucket" in fetch(cloud.address + "/metrics", BEARER)


@pytest.mark.full
def test_200_clients_lose_no_frame_to_a_lost_replica(
    cloud: RayCloud, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    def lose() -> None:
        os.kill(cloud.replicas("half")[0], signal.SIGKILL)

    crowd = disturbed(cloud, packet(small, small_picture), lose)
    assert {*fates(crowd)} <= {"answered", "busy", "late"}


@pytest.mark.full
def test_200_clients_lose_no_frame_to_an_update(
    cloud: RayCloud, small: sw.Model, small_picture: NDArray[np.float32]
) -> None:
    def update() -> None:
        old = {*cloud.replicas("half"), *cloud.replicas("door")}
        cloud.update()
        cloud.event("serving")
        assert not old & {*cloud.replicas("half"), *cloud.replicas("door")}

    crowd = disturbed(cloud, packet(small, small_picture), update)
    assert {*fates(crowd)} <= {"answered", "leaving", "parted", "busy", "late"}


def disturbed(cloud: RayCloud, sent: bytes, disturb: Callable[[], None]) -> Crowd:
    """200 clients at once, while something happens: every frame has one fate, with a reason."""
    crowd = Crowd(cloud.address, Hello("net.py:small", "1", EXACT), sent, BEARER)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(crowd.run(200))
        await loop.run_in_executor(None, reached, crowd, 400)
        await loop.run_in_executor(None, disturb)
        await loop.run_in_executor(None, reached, crowd, crowd.fates["answered"] + 400)
        crowd.stopped = True
        await running

    asyncio.run(run())
    assert crowd.twice == crowd.wrong == 0
    assert sum(fates(crowd).values()) == crowd.sent
    return crowd


def fates(crowd: Crowd) -> dict[str, int]:
    """What became of frames; who was turned away had sent none."""
    return {name: count for name, count in crowd.fates.items() if name != "turned away"}


def reached(crowd: Crowd, answered: int) -> None:
    """Wait until so many frames are answered."""
    end = monotonic() + 90
    while crowd.fates["answered"] < answered:
        assert monotonic() < end, crowd.fates
        sleep(0.02)
