"""The bytes around every payload: what they are, written and checked. See docs/bitstream.md.

    'S' 'W' | version | spec length, spec | rank, flags | dimensions | [digest] | [place] | payload
    | CRC-32

Everything that a decoder needs is in there: the codec's name with the parameters that decoding
depends on, the tensor's shape, and the digest of the profile where one was used. A stream that was
predicted from another says which instead, and its decoder has the rest from there.
"""

import math
import struct
import zlib
from dataclasses import dataclass

from splitwire.errors import BitstreamError, CodecError

MAGIC = b"SW"
VERSION = 1
MAX_RANK = 8
MAX_SPEC = 255
DIGEST_BYTES = 8
IDENTITY_BYTES = 4
_HAS_PROFILE = 0x80
_IN_SEQUENCE = 0x40
_CRC_BYTES = 4

# The most elements that a stream may claim: 16 million for nothing (64 MB of float32; a frame that
# repeats the one before takes a few bytes, whatever its size), and further ones only against
# payload. A shape is a promise to allocate, so the bytes have to justify it.
FREE_ELEMENTS = 1 << 24
ELEMENTS_A_BYTE = 1 << 12


@dataclass(frozen=True)
class Sequence:
    """The place of a stream in a sequence.

    Attributes:
        identity: 4 bytes that tell the sequence from others.
        position: of the stream, counted from 0.
        follows: how many positions back the stream is that this one builds on; 0: it stands alone.
    """

    identity: bytes
    position: int
    follows: int


@dataclass(frozen=True)
class Header:
    """What a stream says of itself.

    Attributes:
        spec: the codec's name with the parameters that decoding needs, as in "raw:bits=4".
        shape: the tensor's shape, 1 to 8 positive dimensions.
        digest: hexadecimal digest of the profile, or None where none was used.
        sequence: the stream's place, where it belongs to a sequence. One that builds on another
            has an empty spec, no dimensions and no digest: they are those of the other.
    """

    spec: str
    shape: tuple[int, ...]
    digest: str | None = None
    sequence: Sequence | None = None


def write(header: Header, payload: bytes) -> bytes:
    """The stream of one tensor: header, payload and CRC-32.

    Raises:
        CodecError: the spec is longer than 255 bytes.
    """
    spec = header.spec.encode("ascii")
    if len(spec) > MAX_SPEC:
        raise CodecError(f"a spec of {len(spec)} bytes cannot travel: {MAX_SPEC} at most")
    flags = len(header.shape)
    flags |= (_HAS_PROFILE if header.digest else 0) | (_IN_SEQUENCE if header.sequence else 0)
    body = b"".join(
        (
            MAGIC,
            bytes((VERSION, len(spec))),
            spec,
            bytes((flags,)),
            *(write_varint(n) for n in header.shape),
            bytes.fromhex(header.digest) if header.digest else b"",
            _write_place(header.sequence) if header.sequence else b"",
            payload,
        )
    )
    return body + struct.pack("<I", zlib.crc32(body))


def read(stream: bytes | memoryview) -> tuple[Header, memoryview]:
    """The header and the payload of a stream.

    Raises:
        BitstreamError: the bytes are no stream of this version, are damaged (truncated, changed or
            extended), or claim more elements than their length justifies.
    """
    view = memoryview(stream).cast("B")
    if bytes(view[:2]) != MAGIC:
        raise BitstreamError(
            f"not a Splitwire stream: it does not begin with {MAGIC!r}; give what a codec encoded"
        )
    if len(view) < len(MAGIC) + 1 + _CRC_BYTES:
        raise BitstreamError(f"a stream of {len(view)} bytes is cut short")
    if view[2] != VERSION:
        raise BitstreamError(f"stream of version {view[2]}; this Splitwire reads {VERSION}")
    body = view[:-_CRC_BYTES]
    if zlib.crc32(body) != struct.unpack("<I", view[-_CRC_BYTES:])[0]:
        raise BitstreamError(
            "damaged stream: its CRC-32 does not match its bytes; get it anew from its encoder"
        )
    try:
        header, at = _read_header(body)
    except (IndexError, UnicodeDecodeError) as error:
        raise BitstreamError("damaged stream: its header is cut short or not ASCII") from error
    payload = body[at:]
    check_claim(header.shape, len(payload))
    return header, payload


def read_place(stream: bytes) -> Sequence | None:
    """The place of a stream in its sequence, by the header alone: the rest may be anything.

    Raises:
        BitstreamError: there is no header of this version.
    """
    if stream[:3] != MAGIC + bytes([VERSION]):
        raise BitstreamError("not a Splitwire stream of this version")
    try:
        return _read_header(memoryview(stream))[0].sequence
    except (IndexError, UnicodeDecodeError) as error:
        raise BitstreamError("damaged stream: its header is cut short or not ASCII") from error


def check_claim(shape: tuple[int, ...], payload_bytes: int) -> None:
    """Refuse a shape that `payload_bytes` do not justify (docs/bitstream.md, "Limits").

    Raises:
        BitstreamError: more elements than 16 million and 4096 for each byte of payload.
    """
    most = FREE_ELEMENTS + ELEMENTS_A_BYTE * payload_bytes
    if math.prod(shape) > most:
        raise BitstreamError(
            f"{payload_bytes} bytes of payload cannot claim a tensor of shape {shape}: "
            f"at most {most} elements"
        )


def write_varint(value: int) -> bytes:
    """LEB128: seven bits a byte, low ones first, the top bit set on all but the last byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(view: memoryview, at: int) -> tuple[int, int]:
    """The number at `at` and where the next byte stands.

    Raises:
        BitstreamError: more than five bytes, or more bytes than the number needs.
        IndexError: the bytes end within the number.
    """
    value = 0
    for i in range(5):
        byte = view[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if byte == 0 and i > 0:
                break
            return value, at + i + 1
    raise BitstreamError("damaged stream: a number in its header is not written in shortest form")


def _write_place(place: Sequence) -> bytes:
    return place.identity + write_varint(place.position) + write_varint(place.follows)


def _read_header(body: memoryview) -> tuple[Header, int]:
    at = 4 + body[3]
    spec = bytes(body[4:at]).decode("ascii")
    flags = body[at]
    shape, at = _read_shape(body, at + 1, flags & ~(_HAS_PROFILE | _IN_SEQUENCE))
    digest = sequence = None
    if flags & _HAS_PROFILE:
        digest, at = _taken(body, at, DIGEST_BYTES, "profile digest").hex(), at + DIGEST_BYTES
    if flags & _IN_SEQUENCE:
        sequence, at = _read_place(body, at)
    if sequence is None or sequence.follows == 0:
        if not shape:
            raise BitstreamError(f"damaged stream: a tensor of rank 0; 1 to {MAX_RANK} expected")
    elif spec or shape or digest:
        raise BitstreamError("damaged stream: it builds on another, and says what that one says")
    return Header(spec, shape, digest, sequence), at


def _read_shape(body: memoryview, at: int, rank: int) -> tuple[tuple[int, ...], int]:
    if rank > MAX_RANK:
        raise BitstreamError(f"damaged stream: a tensor of rank {rank}; 1 to {MAX_RANK} expected")
    shape = []
    for _ in range(rank):
        n, at = read_varint(body, at)
        shape.append(n)
    if 0 in shape:
        raise BitstreamError(f"damaged stream: an empty tensor of shape {tuple(shape)}")
    return tuple(shape), at


def _read_place(body: memoryview, at: int) -> tuple[Sequence, int]:
    identity = _taken(body, at, IDENTITY_BYTES, "sequence's identity")
    position, at = read_varint(body, at + IDENTITY_BYTES)
    follows, at = read_varint(body, at)
    if follows > position:
        raise BitstreamError(f"damaged stream: number {position} builds on one before the first")
    return Sequence(identity, position, follows), at


def _taken(body: memoryview, at: int, count: int, what: str) -> bytes:
    if at + count > len(body):
        raise BitstreamError(f"damaged stream: its {what} is cut short")
    return bytes(body[at : at + count])
