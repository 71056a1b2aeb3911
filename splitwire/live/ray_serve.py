"""The cloud on Ray Serve: doors that speak with clients and decode, and replicas of the halves.

    client ─ the live protocol ─▶ door: agree, decode ─ tensors ─▶ half: batches, the network
                                    ◀────────── the answer's body ─────────

A door is a deployment that listens by itself, with the server of `splitwire cloud`: Ray's proxy
would put a second server in the way of each message. Several doors of a node share its port. Ray
starts and restarts processes, scales the halves by their queue and replaces them one by one; a
frame whose replica was lost is finished by another, for its tensors are still at the door.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from math import inf
from threading import Thread
from time import monotonic, sleep
from typing import Any
from weakref import WeakKeyDictionary

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cloud reports to nobody unasked

import numpy as np
import torch
from numpy.typing import NDArray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.handle import DeploymentHandle

from splitwire.live.cloud import DRAIN_SECONDS, Cloud
from splitwire.live.handshake import Hello
from splitwire.live.inference import Inference, Job, Pace, run_batch
from splitwire.live.library import MAX_SPLITS, Agreement
from splitwire.live.logs import JsonLines, log
from splitwire.live.oip_rest import Rest
from splitwire.live.pages import about, pages
from splitwire.live.protocol import Code, FrameError
from splitwire.live.ray_config import Deployment
from splitwire.live.remote_engine import RemoteEngine
from splitwire.live.serve import server
from splitwire.models.arrays import array
from splitwire.models.split import Split
from splitwire.runner.memory import keep_memory
from splitwire.runner.threads import limit_threads

_EXACT = "raw:dtype=float32"
_TRIES = 3  # of a frame, each by another replica where the one before was lost
_START_SECONDS = 30.0  # that a door has to listen

# A frame on its way to a replica, and what comes back: body, seconds and frames of its batch, or
# a refusal's code and reason.
Sent = tuple[Agreement, list[NDArray[Any]]]
Reply = tuple[bytes, float, int] | tuple[int, str]


class Half:
    """Runs second halves of networks in batches, each of one split.

    Every replica holds all networks: their halves share weights, so a further split costs next to
    nothing, and whichever replica is free takes the next frame, of any split.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._told = Deployment.of(values)
        limit_threads(self._told.threads)
        keep_memory()
        library = replace(self._told, codecs=None).library()  # what is sent here is decoded
        self._agree = lru_cache(MAX_SPLITS)(lambda hello: library.agree(Hello.read(hello)))
        self._paces: WeakKeyDictionary[Split, Pace] = WeakKeyDictionary()
        self._waiting: asyncio.Queue[tuple[Sent, asyncio.Future[Reply]]] = asyncio.Queue()
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, hello: str, tensors: list[NDArray[Any]]) -> Reply:
        """What comes of the decoded tensors of a frame."""
        loop = asyncio.get_running_loop()
        agreement = await loop.run_in_executor(None, self._agree, hello)
        if self._working is None:
            self._working = loop.create_task(self._work())
        reply: asyncio.Future[Reply] = loop.create_future()
        self._waiting.put_nowait(((agreement, tensors), reply))
        return await reply

    def check_health(self) -> None:
        """Ray asks this now and then, and replaces a replica that raises."""
        if self._working is not None and self._working.done():
            raise RuntimeError("no more batches are run")

    async def _work(self) -> None:
        """Run batch after batch: what came while one ran is the next.

        `serve.batch` closes a batch while the one before still runs: where it is not to wait, each
        frame is alone in its own, and where it is, time is lost.
        """
        loop, size = asyncio.get_running_loop(), self._told.halves.batch
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < size and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch = [(sent, reply) for sent, reply in batch if not reply.done()]  # nobody waits
            replies = await loop.run_in_executor(None, self._run, [sent for sent, _ in batch])
            for (_, reply), said in zip(batch, replies, strict=True):
                if not reply.done():
                    reply.set_result(said)

    def _run(self, frames: Sequence[Sent]) -> list[Reply]:
        """What comes of each frame; `run_batch` raises nothing."""
        jobs = [Job(agreement, b"", inf, _nobody) for agreement, _ in frames]
        for job, (_, arrays) in zip(jobs, frames, strict=True):
            crossings = job.split.crossings
            pairs = zip(arrays, crossings, strict=True)
            job.tensors = [torch.from_numpy(np.array(x)).to(c.dtype) for x, c in pairs]
        replies: dict[Job, Reply] = {}
        for split in dict.fromkeys(job.split for job in jobs):
            same, pace = [job for job in jobs if job.split is split], self._pace(split)
            while same:
                size = pace.size(len(same), inf)
                for job, result in zip(same, run_batch(same[:size], pace), strict=False):
                    replies[job] = _packed(result)
                same = same[size:]
        return [replies[job] for job in jobs]

    def _pace(self, split: Split) -> Pace:
        return self._paces.setdefault(split, Pace())


def _nobody(result: Inference | FrameError) -> None:
    """Nobody waits for a job of its own: its reply travels."""


def _packed(result: Inference | FrameError) -> Reply:
    if isinstance(result, FrameError):
        return int(result.code), str(result)
    return result.body, result.cloud, result.batch


class Door:
    """Speaks with clients and decodes what they send.

    Args:
        values: of the deployment.
        halves: what finishes frames.
    """

    def __init__(self, values: dict[str, Any], halves: DeploymentHandle[Any]) -> None:
        told = Deployment.of(values)
        limit_threads(told.threads)
        told_to = logging.StreamHandler()
        told_to.setFormatter(JsonLines())
        log.addHandler(told_to)
        log.setLevel(logging.INFO)
        self._halves = halves
        self._hellos: WeakKeyDictionary[Agreement, str] = WeakKeyDictionary()
        cloud = Cloud(
            told.library(), told.access(), told.limits, partial(RemoteEngine, self._finish)
        )
        routes = [*pages(cloud.access, about(cloud.library)), *Rest(cloud).routes()]
        tls = (told.certificate, told.key)
        beside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        if told.grpc_port is not None:
            from splitwire.live.oip_grpc import grpc_server  # which the extra `oip` brings

            beside = partial(grpc_server, cloud, told.host, told.grpc_port, *tls, shared=True)
        self._server = server(cloud, cloud.app(routes, beside), told.host, told.port, *tls)
        self._thread = Thread(target=self._server.run, args=([_shared(told.host, told.port)],))
        self._thread.start()
        end = monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and monotonic() < end:
            sleep(0.01)
        self.check_health()

    def check_health(self) -> None:
        """Ray asks this now and then, and replaces a door that raises."""
        if not (self._server.started and self._thread.is_alive()):
            raise RuntimeError("the door does not listen")

    async def __del__(self) -> None:
        """Ray's way to say that a replica is to end: answer what is in hand, and part."""
        self._server.leave()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    async def _finish(self, job: Job) -> Inference | FrameError:
        """What a replica makes of a decoded frame."""
        hello, begin = self._hello(job.agreement), monotonic()
        arrays = [array(tensor) for tensor in job.tensors]
        for tried in range(_TRIES):
            try:
                reply: Reply = await self._halves.remote(hello, arrays)
                break
            except RayActorError:  # it was lost; the frame was not
                if tried == _TRIES - 1:
                    raise
        if len(reply) == 2:
            return FrameError(Code(reply[0]), reply[1])
        body, seconds, batch = reply
        return job.ended(body, max(begin, monotonic() - seconds), seconds, batch)

    def _hello(self, agreement: Agreement) -> str:
        """What a replica has to know of an agreement: all but how its tensors were coded."""
        if agreement not in self._hellos:
            split, task = agreement.choice.split, agreement.task.name
            hello = Hello(split.model.name, split.at, _EXACT, task, whole=agreement.whole)
            self._hellos[agreement] = hello.text()
        return self._hellos[agreement]


def _shared(host: str, port: int) -> socket.socket:
    """A socket that other doors of this node may have too: the kernel deals clients out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    return made


def application(values: dict[str, Any]) -> serve.Application:
    """What Ray Serve runs; `splitwire.live.ray_serve:application` is its import path.

    Args:
        values: of a `Deployment`, as they stand under `args` in a configuration of Ray Serve.

    Raises:
        RemoteError: they describe none.
    """
    told = Deployment.of(values)
    values, halves = told.values(), told.halves
    most = max(halves.replicas, halves.most)
    scaled: dict[str, Any] = {"num_replicas": halves.replicas}
    if most > halves.replicas:
        limits = {"min_replicas": halves.replicas, "max_replicas": most}
        scaled = {"autoscaling_config": {**limits, "target_ongoing_requests": halves.target}}
    half = serve.deployment(
        name="half",
        **scaled,
        max_ongoing_requests=told.queue * told.doors,
        ray_actor_options={"num_cpus": halves.cpus, "num_gpus": halves.gpus},
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
    )(Half)
    door = serve.deployment(
        name="door",
        num_replicas=told.doors,
        ray_actor_options={"num_cpus": told.door_cpus},
        graceful_shutdown_timeout_s=DRAIN_SECONDS + 5,
    )(Door)
    made: serve.Application = door.bind(values, half.bind(values))
    return made
