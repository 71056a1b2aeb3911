"""The packets of an edge, each of which may build on those before it, on one connection.

What became of a packet (answered, refused, lost) is told to its encoders before they code the next,
in the thread that codes. The sequence begins anew on another connection, with another choice of
split and codec, and after a stale packet: one whose past the cloud has not got.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from splitwire.errors import SplitwireError
from splitwire.live.protocol import DECODED, Answer, Code, Refusal
from splitwire.runner import packet
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import encode

KEYFRAMES = 250
"""Frames from one that stands alone to the next, at most: what x264 and x265 do by default."""


class PacketSequence:
    """Packets of one choice on one connection: an encoder for each crossing tensor.

    Args:
        choice: whose codec predicts.
        connection: the number of the connection.
        keyframes: at least every so many frames one stands alone.
    """

    def __init__(self, choice: AnyChoice, connection: int, keyframes: int = KEYFRAMES) -> None:
        self.choice, self.connection, self.stale = choice, connection, False
        self._encoders = [codec.encoder(acknowledged=True) for codec in choice.codecs]
        self._keyframes = keyframes
        self._since = 0  # frames since the last that stands alone, with it
        self._told: deque[tuple[bytes, bool]] = deque()

    def fits(self, choice: AnyChoice, connection: int) -> bool:
        """Whether it may go on with a frame of that choice on that connection."""
        return choice is self.choice and connection == self.connection and not self.stale

    def encode(self, features: Sequence[Any]) -> bytes:
        """The next packet; called by one thread at a time.

        Raises:
            CodecError: a codec cannot take a tensor; the next packet will stand alone.
        """
        self._listen()
        if self._since >= self._keyframes:
            self._refresh()
        try:
            sent = encode(features, self._encoders)
        except SplitwireError:
            self._refresh()  # tensors before the one that is refused were coded for nothing
            raise
        self._since = 1 if packet.is_intra(sent) else self._since + 1
        return sent

    def tell(self, sent: bytes, reply: Answer | Refusal | None) -> None:
        """What the cloud said of a packet; None where it never got there, or nothing will be said.

        May be called by any thread.
        """
        refused = reply.code if isinstance(reply, Refusal) else None
        self.stale = self.stale or refused is Code.STALE
        self._told.append((sent, isinstance(reply, Answer) or refused in DECODED))

    def _listen(self) -> None:
        while self._told:
            sent, decoded = self._told.popleft()
            for encoder, stream in zip(self._encoders, packet.split(sent), strict=True):
                (encoder.acknowledge if decoded else encoder.lose)(stream)

    def _refresh(self) -> None:
        for encoder in self._encoders:
            encoder.refresh()
