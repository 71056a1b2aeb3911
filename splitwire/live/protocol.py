"""What edge and cloud say to each other over a WebSocket; docs/protocol.md writes it out.

Text messages agree, in JSON; binary messages carry frames, big-endian:

    edge  ─ hello (text) ─▶ cloud      model, split, codec, task, digests
    edge  ◀─ welcome or refused (text) ─ cloud
    edge  ─ frame ─▶ cloud             kind 1 │ agreement u8 │ id u32 │ patience u32 │ packet
    edge  ◀─ answer ─ cloud            kind 2 │ id u32 │ held, decode, cloud u32 │ body
    edge  ◀─ refusal ─ cloud           kind 3 │ id u32 │ code u8 │ reason in UTF-8
    edge  ─ probe ─▶ cloud             kind 4 │ id u32 │ padding; comes back without the padding

A connection may make several agreements and use them side by side. Patience is in milliseconds,
the three times are in microseconds: durations, so that no clocks need agree.
"""

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from splitwire.errors import RemoteError

VERSION = 2
PATH = "/v1"
FRAME, ANSWER, REFUSAL, PROBE = 1, 2, 3, 4
PROBE_BYTES = 5  # without padding

MAX_AGREEMENTS = 64  # of one connection
PATIENCE = 10.0  # seconds that a frame waits where it does not say

_FRAME = struct.Struct("!BBII")
_ANSWER = struct.Struct("!BIIII")
_PROBE = struct.Struct("!BI")
_REFUSAL = struct.Struct("!BIB")


class Code(IntEnum):
    """Why a frame got no prediction."""

    DAMAGED = 1  # the packet is not what an encoder wrote, or not for this agreement
    NO_PREDICTION = 2  # the network failed on it, or its output is none of the task's
    LATE = 3  # its patience ended before its turn came
    BUSY = 4  # too many frames wait
    LEAVING = 5  # the cloud is shutting down


class FrameError(RemoteError):
    """One frame got no prediction; others are not affected."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Hello:
    """What an edge asks for.

    Attributes:
        model: a network that the cloud holds.
        split: where it is cut.
        codec: the spec, without a profile.
        task: by which the cloud makes a prediction of an output.
        digest: of the network; empty where the edge holds none, as a browser that sends pictures.
        profiles: digests of the codecs' profiles, one a crossing tensor; none where none is used.
        whole: whether answers are to hold the whole output, and not the prediction.
        hello: version of the protocol.
    """

    model: str
    split: str
    codec: str
    task: str = "classification"
    digest: str = ""
    profiles: tuple[str, ...] = ()
    whole: bool = False
    hello: int = VERSION

    def text(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """The hello in a message.

        Raises:
            RemoteError: it is none, or of another version.
        """
        said = _object(text)
        if said.get("hello") != VERSION:
            raise RemoteError(
                f"a hello of version {VERSION} expected, not {str(said.get('hello'))[:20]!r}"
            )
        try:
            return TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            raise RemoteError(f"hello: {fault(error)}") from None


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class Welcome:
    """What the cloud agrees to.

    Attributes:
        agreement: the number that frames under it carry.
        digest: of the network.
        tensors: shapes that cross, without the batch.
        in_flight: frames that the cloud reads ahead of their answers.
        max_message: bytes.
        welcome: version of the protocol.
    """

    agreement: Annotated[int, Field(ge=0, lt=256)]
    digest: str
    tensors: list[list[int]]
    in_flight: int
    max_message: int
    welcome: Annotated[int, Field(ge=VERSION, le=VERSION)] = VERSION

    def text(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """The welcome in a message.

        Raises:
            RemoteError: the cloud refused, or said something else.
        """
        said = _object(text)
        if "refused" in said:
            raise RemoteError(f"the cloud refused: {said['refused']}")
        try:
            return TypeAdapter(cls).validate_python(said)
        except ValidationError as error:
            raise RemoteError(
                f"the cloud said no welcome of version {VERSION}: {fault(error)}"
            ) from None


@dataclass(frozen=True)
class Frame:
    """A packet on its way to the cloud; patience in seconds from its arrival there."""

    agreement: int
    id: int
    patience: float
    packet: bytes

    def message(self) -> bytes:
        """The message."""
        wait = max(1, round(1000 * self.patience))
        return _FRAME.pack(FRAME, self.agreement, self.id, wait) + self.packet

    @classmethod
    def read(cls, message: bytes) -> Self:
        """The frame in a message.

        Raises:
            RemoteError: it is none.
        """
        if len(message) < _FRAME.size or message[0] != FRAME:
            raise RemoteError(f"{len(message)} bytes that are no frame")
        _, agreement, number, wait = _FRAME.unpack_from(message)
        return cls(agreement, number, wait / 1000 or PATIENCE, message[_FRAME.size :])


@dataclass(frozen=True)
class Answer:
    """What the network says of a frame.

    Attributes:
        id: the frame's.
        held: seconds from the frame's arrival at the cloud to the sending of this.
        decode: seconds of decoding, a part of `held`.
        cloud: seconds of the network's second half, or of the batch that the frame ran in.
        body: the prediction, or the output; see answers.py.
    """

    id: int
    held: float
    decode: float
    cloud: float
    body: bytes

    def message(self) -> bytes:
        """The message."""
        times = (min(round(1e6 * t), 2**32 - 1) for t in (self.held, self.decode, self.cloud))
        return _ANSWER.pack(ANSWER, self.id, *times) + self.body


@dataclass(frozen=True)
class Refusal:
    """Why a frame got no prediction."""

    id: int
    code: Code
    reason: str

    def message(self) -> bytes:
        """The message."""
        return _REFUSAL.pack(REFUSAL, self.id, self.code) + self.reason.encode()


@dataclass(frozen=True)
class Probe:
    """Bytes that come back at once, to measure the way."""

    id: int

    def message(self, padding: int) -> bytes:
        """The message, with that many bytes of padding."""
        return _PROBE.pack(PROBE, self.id) + bytes(padding)


def read_reply(message: bytes | str) -> Answer | Refusal | Probe:
    """What the cloud said of a frame or a probe.

    Raises:
        RemoteError: the message is no reply.
    """
    try:
        if isinstance(message, str):
            raise ValueError(message[:80])
        if message[:1] == bytes([REFUSAL]):
            _, number, code = _REFUSAL.unpack_from(message)
            return Refusal(number, Code(code), message[_REFUSAL.size :].decode())
        if message[:1] == bytes([PROBE]):
            return Probe(_PROBE.unpack_from(message)[1])
        kind, number, *times = _ANSWER.unpack_from(message)
        if kind != ANSWER:
            raise ValueError(f"a message of kind {kind}")
    except (struct.error, ValueError) as error:
        raise RemoteError(f"the cloud sent no reply: {error}") from None
    held, decode, cloud = (t / 1e6 for t in times)
    return Answer(number, held, decode, cloud, message[_ANSWER.size :])


def refused(reason: str) -> str:
    """The text message that refuses a hello."""
    return json.dumps({"refused": reason})


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with a message, in a line."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RemoteError("a JSON object expected")
    return said
