"""What a coded video packet says of itself, read before a decoder sees it.

A decoder allocates and computes what a packet tells it to: two hundred bytes can ask for frames
of any size (FFmpeg's own limit is on the size after cropping), or for thousands of frames. So a
packet has to hold exactly one picture, and every size in it has to be the one expected. Only what
our encoders write is read; other syntax is refused.
"""

from collections.abc import Iterator

_START_CODE = b"\0\0\1"
_LONGEST_HEADER = 128  # bytes of a parameter set that may stand before its picture size


class Bits:
    """Reads a parameter set of H.264 or HEVC; ValueError where it ends too early."""

    def __init__(self, unit: bytes) -> None:
        data = unit[:_LONGEST_HEADER].replace(b"\0\0\3", b"\0\0")
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def number(self, bits: int) -> int:
        """An unsigned number of so many bits."""
        self._at += bits
        return int(self._bits[self._at - bits : self._at], 2)

    def golomb(self) -> int:
        """An unsigned number in the exponential Golomb code, ue(v)."""
        zeros = self._bits.index("1", self._at) - self._at
        self._at += zeros
        return self.number(zeros + 1) - 1


def nal_units(packet: bytes) -> list[bytes]:
    """The units of an H.264 or HEVC byte stream, each from its header byte on."""
    units = (unit.rstrip(b"\0") for unit in packet.split(_START_CODE)[1:])
    return [unit for unit in units if unit]


def join_units(units: list[bytes]) -> bytes:
    """The byte stream of those units."""
    return b"".join(_START_CODE + unit for unit in units)


def obu_types(packet: bytes) -> Iterator[int]:
    """The types of AV1's open bitstream units, in order.

    Raises:
        ValueError: a unit is longer than the packet.
    """
    at = 0
    while at < len(packet):
        header = packet[at]
        yield header >> 3 & 15
        at += 2 if header & 4 else 1
        if not header & 2:
            return  # without a size it takes the rest
        size, shift = 0, 0
        for byte in packet[at : at + 8]:
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        at += size
    if at > len(packet):
        raise ValueError("a unit is cut short")
