"""What edge and cloud say to each other over a WebSocket or QUIC; docs/protocol.md writes it out.

Text messages agree, in JSON; binary messages carry frames, big-endian:

    edge  ─ hello (text) ─▶ cloud      model, split, codec, task, digests
    edge  ◀─ welcome or refused (text) ─ cloud
    edge  ─ frame ─▶ cloud             kind 1 │ agreement u8 │ id u32 │ patience u32 │ packet
    edge  ◀─ answer ─ cloud            kind 2 │ id u32 │ held, decode, cloud u32 │ body
    edge  ◀─ refusal ─ cloud           kind 3 │ id u32 │ code u8 │ reason in UTF-8
    edge  ─ probe ─▶ cloud             kind 4 │ id u32 │ padding; comes back without the padding
    edge  ─ datagram ─▶ cloud          kind 5 │ as a frame, but with one of its several packets
    edge  ◀─ answer ─ cloud            kind 6 │ as kind 2, then arrived u8 │ of u8 │ body

A connection may make several agreements and use them side by side. Patience is in milliseconds,
the three times are in microseconds: durations, so that no clocks need agree.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from splitwire.errors import RemoteError
from splitwire.live.shown import shown

PATH = "/v1"
FRAME, ANSWER, REFUSAL, PROBE, PIECE, PIECED = 1, 2, 3, 4, 5, 6
PROBE_BYTES = 5  # without padding

PATIENCE = 10.0  # seconds that a frame waits where it does not say
LONGEST_PATIENCE = 60.0  # seconds that it waits at most, whatever it says

TEXT_BYTES = 64 << 10  # of a text message, either way, at most
REASON_CHARACTERS = 500  # of a reason that is told

_FRAME = struct.Struct("!BBII")
FRAME_HEAD = _FRAME.size
_ANSWER = struct.Struct("!BIIII")
_ARRIVED = struct.Struct("!BB")
_PROBE = struct.Struct("!BI")
_REFUSAL = struct.Struct("!BIB")


class Code(IntEnum):
    """Why a frame got no prediction."""

    DAMAGED = 1  # the packet is not what an encoder wrote, or not for this agreement
    NO_PREDICTION = 2  # the network failed on it, or its output is none of the task's
    LATE = 3  # its patience ended before its turn came
    BUSY = 4  # too many frames wait
    LEAVING = 5  # the cloud is shutting down
    STALE = 6  # the packet builds on one that is not remembered: send one that stands alone


DECODED = (Code.NO_PREDICTION, Code.LATE)
"""Refusals of packets that were decoded, where their codec predicts: others may build on them."""


class FrameError(RemoteError):
    """One frame got no prediction; others are not affected."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Frame:
    """A packet on its way to the cloud; patience in seconds from its arrival there."""

    agreement: int
    id: int
    patience: float
    packet: bytes

    kind: ClassVar[int] = FRAME

    def message(self) -> bytes:
        """The message."""
        wait = min(max(1, round(1000 * self.patience)), 2**32 - 1)
        return _FRAME.pack(self.kind, self.agreement, self.id, wait) + self.packet

    @classmethod
    def read(cls, message: bytes) -> Self:
        """The frame in a message.

        Raises:
            RemoteError: it is none.
        """
        if len(message) < _FRAME.size or message[0] != cls.kind:
            raise RemoteError(f"{len(message)} bytes that are no frame")
        _, agreement, number, wait = _FRAME.unpack_from(message)
        patience = min(wait / 1000 or PATIENCE, LONGEST_PATIENCE)
        return cls(agreement, number, patience, message[_FRAME.size :])


@dataclass(frozen=True)
class Piece(Frame):
    """One of the packets of a frame, as a datagram; all carry the frame's id."""

    kind: ClassVar[int] = PIECE


@dataclass(frozen=True)
class Answer:
    """What the network says of a frame.

    Attributes:
        id: the frame's.
        held: seconds from the frame's arrival at the cloud to the sending of this.
        decode: seconds of decoding, a part of `held`.
        cloud: seconds of the network's second half, or of the batch that the frame ran in.
        body: the prediction, or the output; see answers.py.
        packets: of a frame in several, how many arrived in time, and how many there were.
    """

    id: int
    held: float
    decode: float
    cloud: float
    body: bytes
    packets: tuple[int, int] | None = None

    def message(self) -> bytes:
        """The message."""
        times = (min(round(1e6 * t), 2**32 - 1) for t in (self.held, self.decode, self.cloud))
        if self.packets is None:
            return _ANSWER.pack(ANSWER, self.id, *times) + self.body
        return _ANSWER.pack(PIECED, self.id, *times) + _ARRIVED.pack(*self.packets) + self.body


@dataclass(frozen=True)
class Refusal:
    """Why a frame got no prediction."""

    id: int
    code: Code
    reason: str

    def message(self) -> bytes:
        """The message."""
        said = shown(self.reason, REASON_CHARACTERS)
        return _REFUSAL.pack(REFUSAL, self.id, self.code) + said.encode()


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
            raise ValueError(f"text: {shown(message, 80)}")
        if message[:1] == bytes([REFUSAL]):
            _, number, code = _REFUSAL.unpack_from(message)
            reason = message[_REFUSAL.size : _REFUSAL.size + TEXT_BYTES].decode(errors="replace")
            return Refusal(number, Code(code), shown(reason, REASON_CHARACTERS))
        if message[:1] == bytes([PROBE]):
            return Probe(_PROBE.unpack_from(message)[1])
        kind, number, *times = _ANSWER.unpack_from(message)
        if kind not in (ANSWER, PIECED):
            raise ValueError(f"a message of kind {kind}")
        packets = _ARRIVED.unpack_from(message, _ANSWER.size) if kind == PIECED else None
    except (struct.error, ValueError) as error:
        raise RemoteError(f"the cloud sent no reply: {error}") from None
    held, decode, cloud = (t / 1e6 for t in times)
    body = message[_ANSWER.size + (_ARRIVED.size if packets else 0) :]
    return Answer(number, held, decode, cloud, body, packets)
