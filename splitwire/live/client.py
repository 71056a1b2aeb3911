"""One connection to the cloud: its agreements, and its frames in hand."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import count
from math import inf
from time import monotonic
from typing import Any, Protocol

from starlette.websockets import WebSocketDisconnect, WebSocketState

from splitwire.errors import RemoteError
from splitwire.live.assembly import Assembled
from splitwire.live.batching import Engine
from splitwire.live.handshake import MAX_AGREEMENTS, Hello, Welcome, refused
from splitwire.live.hosts import spelt
from splitwire.live.inference import Inference, Job
from splitwire.live.library import Agreement, Library
from splitwire.live.limits import IN_FLIGHT, Limits
from splitwire.live.logs import event
from splitwire.live.metrics import Metrics
from splitwire.live.protocol import (
    FRAME_HEAD,
    PROBE,
    PROBE_BYTES,
    TEXT_BYTES,
    Answer,
    Code,
    Frame,
    FrameError,
    Refusal,
)
from splitwire.live.traces import session, traces

HELLO_SECONDS = 10.0  # that a client has for its first hello

_GOING_AWAY, _POLICY = 1001, 1008
_sessions = count(1)


class Serving(Protocol):
    """What a client needs of its cloud."""

    library: Library
    limits: Limits
    metrics: Metrics
    engine: Engine
    draining: bool


class Socket(Protocol):
    """What a client needs of its connection: a WebSocket of Starlette's, or what is like one.

    A received message may hold a `frame` that was put together instead of bytes or a text.
    """

    @property
    def client(self) -> tuple[str, int] | None:
        """Its address and port."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """Of ASGI; its state holds what takes longer messages, where they are bounded."""

    @property
    def application_state(self) -> WebSocketState:
        """Whether it is open."""

    async def receive(self) -> Mapping[str, Any]:
        """The next message, as ASGI has it."""

    async def send_text(self, data: str) -> None:
        """Send a text."""

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Part from the client."""


class Client:
    """One connection.

    Args:
        cloud: that it is to.
        socket: accepted.
    """

    def __init__(self, cloud: Serving, socket: Socket) -> None:
        self._jobs: set[Job] = set()
        self._replies: set[asyncio.Task[None]] = set()
        self._cloud = cloud
        self._socket = socket
        self._agreements: list[Agreement] = []
        self._parents: list[str] = []  # of the traces of each agreement's frames
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._loop = asyncio.get_running_loop()
        self._about = {"client": spelt(socket.client), "session": next(_sessions)}
        self._longest = 0
        self._lengthen(TEXT_BYTES)

    @property
    def busy(self) -> bool:
        """Whether frames of its wait for their answers."""
        return bool(self._jobs or self._replies)

    async def serve(self) -> None:
        """Read messages until the client goes, or sends what is none."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await self._read()
            while True:
                await self._read()
        except WebSocketDisconnect:
            pass
        except (RemoteError, TimeoutError) as error:
            reason = str(error) or f"no hello within {HELLO_SECONDS:.0f} s"
            self._log("parted", logging.WARNING, reason=reason)
            await self._close(_POLICY, reason)
        finally:
            for job in self._jobs:  # nobody is left to answer
                job.expires = -inf
            for reply in self._replies:
                reply.cancel()
            self._cloud.engine.forget(self)

    async def leave(self) -> None:
        """Part because the cloud shuts down."""
        await self._close(_GOING_AWAY, "the cloud is shutting down")

    def _log(self, name: str, level: int = logging.INFO, **about: object) -> None:
        event(name, level, **self._about, **about)

    def _lengthen(self, size: int) -> None:
        """Take messages of that size from now on, as far as the cloud takes them at all."""
        self._longest = max(self._longest, min(size, self._cloud.limits.message))
        lengthen: Callable[[int], None] | None = self._socket.scope["state"].get("lengthen")
        if lengthen is not None:
            lengthen(self._longest)

    async def _read(self) -> None:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        arrived = monotonic()
        if assembled := message.get("frame"):
            await self._slots.acquire()
            self._begin(assembled, assembled.arrived)
            return
        if (data := message.get("bytes")) is None:
            await self._agree(message["text"])
            return
        if data[:1] == bytes([PROBE]):
            await self._send(data[:PROBE_BYTES])
            return
        frame = Frame.read(data)
        # Waiting here stops the reading, and so in the end the client's sending.
        await self._slots.acquire()
        self._begin(frame, arrived)

    def _begin(self, frame: Frame, arrived: float) -> None:
        """Have a frame run; there is no task before there is an answer to send."""

        def done(result: Inference | FrameError) -> None:
            self._jobs.discard(job)
            self._reply(frame, arrived, result)

        if error := self._fault(frame):
            self._reply(frame, arrived, error)
        else:
            agreement = self._agreements[frame.agreement]
            pieces = frame.packets if isinstance(frame, Assembled) else ()
            expires = arrived + frame.patience
            job = Job(agreement, frame.packet, expires, done, client=self, pieces=pieces)
            self._jobs.add(job)
            self._cloud.engine.take(job)

    def _fault(self, frame: Frame) -> FrameError | None:
        """Why a frame is not even taken."""
        if self._cloud.draining:
            return FrameError(Code.LEAVING, "the cloud is shutting down")
        if frame.agreement >= len(self._agreements):
            return FrameError(Code.DAMAGED, f"there is no agreement {frame.agreement}")
        size, largest = len(frame.packet), self._agreements[frame.agreement].largest
        if size > largest:
            return FrameError(
                Code.DAMAGED,
                f"a packet of {size} bytes, where none exceeds {largest}",
            )
        if isinstance(frame, Assembled) and self._agreements[frame.agreement].packing is None:
            return FrameError(Code.DAMAGED, "the codec that was agreed on has no packets")
        return None

    def _reply(self, frame: Frame, arrived: float, result: Inference | FrameError) -> None:
        reply = asyncio.create_task(self._answer(frame, arrived, result))
        self._replies.add(reply)
        reply.add_done_callback(self._replied)

    def _replied(self, reply: asyncio.Task[None]) -> None:
        self._replies.discard(reply)
        self._slots.release()

    async def _agree(self, text: str) -> None:
        library = self._cloud.library
        try:
            if len(self._agreements) >= MAX_AGREEMENTS:
                raise RemoteError(f"{MAX_AGREEMENTS} agreements are enough for a connection")
            hello = Hello.read(text)
            made = await self._loop.run_in_executor(None, library.agree, hello)
        except RemoteError as error:
            self._log("refused", logging.WARNING, reason=str(error))
            await self._socket.send_text(refused(str(error)))
            return
        self._agreements.append(made)
        self._parents.append(hello.trace or session())
        self._lengthen(FRAME_HEAD + made.largest)
        halves = made.choice.split
        self._log(
            "agreed", model=hello.model, split=hello.split, codec=hello.codec, task=hello.task
        )
        welcome = Welcome(
            agreement=len(self._agreements) - 1,
            digest=halves.model.digest,
            tensors=halves.shapes,
            in_flight=IN_FLIGHT,
            max_message=self._longest,
        )
        await self._socket.send_text(welcome.text())

    async def _answer(self, frame: Frame, arrived: float, done: Inference | FrameError) -> None:
        held = monotonic() - arrived
        pieces = frame.packets if isinstance(frame, Assembled) else ()
        if isinstance(done, FrameError):
            await self._send(Refusal(frame.id, done.code, str(done)).message())
            self._log("frame refused", id=frame.id, code=done.code.name, reason=str(done))
        else:
            packets = (len(pieces), frame.of) if isinstance(frame, Assembled) else None
            answer = Answer(frame.id, held, done.decode, done.cloud, done.body, packets)
            await self._send(answer.message())
        # After the sending: nobody should wait for it.
        known = frame.agreement < len(self._agreements)
        agreement = self._agreements[frame.agreement] if known else None
        self._cloud.metrics.count(agreement, frame.packet, done, held, pieces)
        if known and (sender := traces()):
            sender.cloud(self._parents[frame.agreement], frame.id, done, held)

    async def _send(self, reply: bytes) -> None:
        try:
            await self._socket.send_bytes(reply)
        except (WebSocketDisconnect, RuntimeError):  # the client has gone in the meantime
            self._cloud.metrics.unheard.inc()

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state == WebSocketState.CONNECTED:
            try:
                await self._socket.close(code, reason.encode()[:120].decode(errors="ignore"))
            except RuntimeError:  # closed already from the other end
                return
