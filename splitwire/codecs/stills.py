"""What a WebP or AVIF file says of its size, read before a decoder sees it.

Their decoders allocate what the file asks for, wherever in it that is said. So only files as our
encoders write them are taken: one lossy picture, whose one size stands at one place.
"""

import struct
from typing import Any

from splitwire.codecs.units import obu_types

_LOSSY, _KEY = b"VP8 ", b"\x9d\x01\x2a"  # RFC 6386, 9.1
_BOXES = (b"ftyp", b"meta", b"mdat")
_DELIMITER, _SEQUENCE_HEADER, _FRAME = 2, 1, 6


def webp_size(file: bytes) -> tuple[int, int]:
    """Height and width of a WebP file of one lossy chunk.

    Raises:
        ValueError: it is damaged, or another kind of file.
    """
    riff, length, webp, chunk, _, _, key, width, height = _read("<4sI4s4sI3s3sHH", file, 0)
    if (riff, webp, chunk, key) != (b"RIFF", b"WEBP", _LOSSY, _KEY) or length + 8 != len(file):
        raise ValueError("no WebP file of one lossy picture")
    return height & 0x3FFF, width & 0x3FFF  # the upper two bits ask for scaling


def avif_size(file: bytes) -> tuple[int, int]:
    """Height and width of an AVIF file of one AV1 picture, which is all of its `mdat`.

    Raises:
        ValueError: it is damaged, or another kind of file.
    """
    spans: list[tuple[bytes, int, int]] = []
    at = 0
    while at < len(file):
        length, kind = _read(">I4s", file, at)
        spans.append((kind, at + 8, at + length))
        at += max(length, 8)
    if at != len(file) or tuple(kind for kind, _, _ in spans) != _BOXES:
        raise ValueError("no AVIF file of one picture")
    _, first, last = spans[2]
    _check_place(file[slice(*spans[1][1:])], first, last - first)
    return _sequence_size(file[first:last])


def _check_place(meta: bytes, offset: int, length: int) -> None:
    """Refuse a file whose one item is not that span (ISO/IEC 14496-12, `iloc`)."""
    place = struct.pack(">4sIHHHHHII", b"iloc", 0, 0x4400, 1, 1, 0, 1, offset, length)
    if meta.count(b"iloc") != 1 or place not in meta:
        raise ValueError("an AVIF file of several parts")


def _sequence_size(units: bytes) -> tuple[int, int]:
    """In the one sequence header, of a still picture (AV1, 5.5.1); frames have no other size."""
    kinds = [kind for kind in obu_types(units) if kind != _DELIMITER]
    header = units[2:] if units[:2] == b"\x12\0" else units
    if kinds != [_SEQUENCE_HEADER, _FRAME] or len(header) < 11 or header[0] != 0x0A:
        raise ValueError("no single AV1 picture")
    bits = f"{int.from_bytes(header[2:11], 'big'):072b}"
    if bits[3:5] != "11":
        raise ValueError("no AV1 still picture")
    wide, high = int(bits[10:14], 2) + 1, int(bits[14:18], 2) + 1
    width, height = bits[18 : 18 + wide], bits[18 + wide : 18 + wide + high]
    return int(height, 2) + 1, int(width, 2) + 1


def _read(form: str, file: bytes, at: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, file, at)
    except struct.error as error:
        raise ValueError(f"a file that is cut short ({error})") from error
