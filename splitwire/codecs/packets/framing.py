"""The frame of a packet: what says of which tensor it is, and that it is whole.

    kind │ tensor (2) │ place │ count │ body │ CRC-32 (4)

The checksum starts from a context that both sides know, such as a profile's digest: a packet that
was made with another one is refused as a damaged one is, at no byte's cost.
"""

import struct
import zlib
from collections.abc import Iterable

from splitwire.errors import BitstreamError, CodecError

MOST = 255  # packets of a tensor
OVERHEAD = 9  # bytes of a packet beside its body
_HEAD = struct.Struct("<BHBB")
_CHECK = struct.Struct("<I")
FRAMES = 1 << 16  # numbers of tensors, after which they begin anew


def seal(bodies: list[bytes], kind: int, context: bytes, frame: int) -> list[bytes]:
    """The packets of a tensor: one a body.

    Raises:
        CodecError: there are more than 255, or none.
    """
    if not 0 < len(bodies) <= MOST:
        raise CodecError(f"a tensor makes 1 to {MOST} packets, not {len(bodies)}")
    seed = zlib.crc32(context)
    packets = []
    for place, body in enumerate(bodies):
        data = _HEAD.pack(kind, frame % FRAMES, place, len(bodies)) + body
        packets.append(data + _CHECK.pack(zlib.crc32(data, seed)))
    return packets


def place_of(packet: bytes) -> tuple[int, int]:
    """Which of how many packets of its tensor a packet says that it is.

    Raises:
        BitstreamError: it is shorter than any.
    """
    if len(packet) < OVERHEAD:
        raise BitstreamError(f"a packet has at least {OVERHEAD} bytes, not {len(packet)}")
    _, _, place, count = _HEAD.unpack_from(packet)
    return place, count


def unseal(
    packets: Iterable[bytes], kind: int, context: bytes
) -> tuple[int, dict[int, memoryview]]:
    """How many packets a tensor has (0 where none arrived), and the bodies of these by place.

    Order does not matter, and a packet that comes twice counts once.

    Raises:
        BitstreamError: one is damaged, of another codec or profile, or they are of several tensors.
    """
    seed, of, bodies = zlib.crc32(context), None, {}
    for packet in packets:
        data = memoryview(packet)[: -_CHECK.size]
        if len(packet) < OVERHEAD or _CHECK.pack(zlib.crc32(data, seed)) != packet[-_CHECK.size :]:
            raise BitstreamError("damaged packet, or one of another profile or shape: drop it")
        found, frame, place, count = _HEAD.unpack_from(data)
        if found != kind or place >= count:
            raise BitstreamError(f"a packet of kind {found} instead of {kind}: of another codec")
        if of is not None and of != (frame, count):
            raise BitstreamError("packets of several tensors: give those of one at a time")
        of = frame, count
        bodies[place] = data[_HEAD.size :]
    return (of[1] if of else 0), bodies
