"""What one cloud takes on."""

from dataclasses import dataclass

IN_FLIGHT = 8  # frames of one client that are read ahead of their answers


@dataclass(frozen=True)
class Limits:
    """What one cloud takes on.

    Attributes:
        clients: connections at once.
        message: bytes of one message, where an agreement does not set a closer bound.
        queue: frames of all clients that are being decoded or wait.
        bytes: of those frames, packets and what is decoded of them together.
        pasts: bytes of what is remembered of streams that others build on, of all clients.
        seconds: that a message may take from its first byte to its last, and a client to make a
            request.
    """

    clients: int = 64
    message: int = 16 << 20
    queue: int = 64
    bytes: int = 256 << 20
    pasts: int = 256 << 20
    seconds: float = 30.0
