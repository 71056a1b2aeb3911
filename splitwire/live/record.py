"""A frame under way at an edge, and the record that it ends in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from splitwire.codecs.base import Tensor
from splitwire.live.protocol import Answer, Refusal
from splitwire.live.sequence import PacketSequence
from splitwire.runner.choice import AnyChoice
from splitwire.runner.packet import is_intra
from splitwire.tasks.base import Output, Prediction

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.samples import Outcome


Packet = bytes  # as a record has a property of that name


@dataclass(frozen=True, eq=False)
class Record:
    """What became of one frame; times in seconds.

    Attributes:
        number: of the frame, from 1 in the order in which frames were taken.
        at: when it began, in Unix time.
        name: of the picture.
        choice: what it was to run with.
        outcome: how it ended.
        reason: why it fell back or was refused.
        packet: what was sent, or would have been; empty where none was made, or several.
        packets: those, where the frame went as datagrams.
        arrived: how many of them the answer was made of.
        seconds: by stage, those reached: edge, encode, link, decode, cloud. What ran here after a
            fallback counts as edge; link is what the round trip took beyond the cloud's share.
        total: from the beginning of the edge half to the prediction.
        prediction: what the task tells of the output; empty where there is none.
        output: the network's, where it ran here or came whole.
        id: what the cloud calls it; 0 where it said nothing of it.
    """

    number: int
    at: float
    name: str
    choice: AnyChoice
    outcome: "Outcome"
    reason: str | None
    packet: bytes
    seconds: dict[str, float]
    total: float
    prediction: Prediction = field(default_factory=dict)
    output: Output = None
    id: int = 0
    packets: Sequence[Packet] = ()
    arrived: int | None = None

    @property
    def bytes(self) -> int:
        """Length of its packet, or of all of them."""
        return len(self.packet) + sum(map(len, self.packets))

    @property
    def intra(self) -> bool | None:
        """Whether its packet stands alone, and builds on no other; None where there is none."""
        return is_intra(self.packet) if self.packet else None


@dataclass(eq=False)
class Frame:
    """A frame under way."""

    number: int
    name: str
    choice: AnyChoice
    at: float = field(default_factory=time)
    begin: float = field(default_factory=perf_counter)
    packet: bytes = b""
    packets: Sequence[bytes] = ()  # instead, where it goes as datagrams
    arrived: int | None = None  # of them
    sequence: PacketSequence | None = None  # that the packet is of
    seconds: dict[str, float] = field(default_factory=dict)
    id: int = 0

    def start(self, picture: Tensor) -> Sequence[Any]:
        """The features; the frame's time begins when its turn on the processor comes."""
        self.at, self.begin = time(), perf_counter()
        return self.choice.split.start(picture)

    def finish(self, features: Sequence[Any]) -> Output:
        """The output of the second half."""
        return self.choice.split.finish(features)

    def tell(self, reply: Answer | Refusal | None) -> None:
        """What the cloud said of the packet; see live/sequence.py."""
        if self.sequence is not None:
            self.sequence.tell(self.packet, reply)

    def record(
        self,
        outcome: "Outcome",
        reason: str | None = None,
        prediction: Prediction | None = None,
        output: Output = None,
    ) -> Record:
        """How it ended."""
        total = perf_counter() - self.begin
        told = {} if prediction is None else prediction
        return Record(
            self.number,
            self.at,
            self.name,
            self.choice,
            outcome,
            reason,
            self.packet,
            self.seconds,
            total,
            told,
            output,
            self.id,
            self.packets,
            self.arrived,
        )
