"""What crosses from edge to cloud: the streams of all crossing tensors in one packet.

One stream is a packet as it stands. Several follow each other behind a short table:

    'S' 'P' | count | length of each stream | the streams
"""

from collections.abc import Sequence

from splitwire.codecs import bitstream
from splitwire.errors import BitstreamError

MAGIC = b"SP"
_LONGEST_VARINT = 5  # bytes


def join(streams: Sequence[bytes]) -> bytes:
    """The packet of one stream or more."""
    if len(streams) == 1 and not streams[0].startswith(MAGIC):
        return streams[0]
    numbers = (len(streams), *map(len, streams))
    return b"".join((MAGIC, *map(bitstream.write_varint, numbers), *streams))


def most_bytes(sizes: Sequence[int]) -> int:
    """The length that no packet of streams of at most those sizes exceeds."""
    return len(MAGIC) + _LONGEST_VARINT * (1 + len(sizes)) + sum(sizes)


def stands_alone(packet: bytes) -> bool:
    """Whether no stream of a packet builds on one before.

    Raises:
        BitstreamError: the packet is damaged.
    """
    places = (bitstream.read(stream)[0].sequence for stream in split(packet))
    return not any(place and place.follows for place in places)


def split(packet: bytes) -> list[bytes]:
    """The streams of a packet.

    Raises:
        BitstreamError: its table and its bytes do not fit each other.
    """
    if packet[:2] != MAGIC:
        return [packet]
    view = memoryview(packet)
    try:
        count, at = bitstream.read_varint(view, 2)
        if count > len(packet):
            raise BitstreamError(f"damaged packet: {count} streams in {len(packet)} bytes")
        sizes = []
        for _ in range(count):
            size, at = bitstream.read_varint(view, at)
            sizes.append(size)
    except IndexError as error:
        raise BitstreamError("damaged packet: its table is cut short") from error
    if at + sum(sizes) != len(packet):
        raise BitstreamError(
            f"damaged packet: {len(packet) - at} bytes where its table says {sum(sizes)}"
        )
    streams = []
    for size in sizes:
        streams.append(packet[at : at + size])
        at += size
    return streams
