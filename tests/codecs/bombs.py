"""Streams of a small shape whose payload asks for time or memory without end.

`python bombs.py FOLDER` decodes the streams in a folder, within 3 GB of address space, and prints
a line a stream: its name, megabytes that its decoding added to the peak, and what came of it.
"""

import io
import resource
import struct
import sys
import zlib
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from PIL import Image
from streams import UNIT_RANGE, features, payload_of, stream_of

import splitwire as sw
from splitwire.codecs.video import VideoCodec

SHAPE = (1, 16, 16)
MEGABYTE = 1 << 20
ZEROS = zlib.compress(bytes(64 * MEGABYTE))
STILLS = [f for f in ("webp", "avif") if not sw.codec(f"picture:format={f}").missing]
VIDEO = {"h264": "ultrafast", "hevc": "ultrafast", "av1": "12"}


def png(*chunks: tuple[bytes, bytes], size: int = 16) -> bytes:
    """A grey PNG of hand-made chunks behind its header."""
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        check = zlib.crc32(kind + data)
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check))
    return b"".join(parts)


def jpeg(side: int = 16, **options: bool) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(file, "JPEG", **options)
    return file.getvalue()


def jpeg_of_any_size(side: int) -> bytes:
    """A JPEG whose frame header says `side`, whatever its scan holds."""
    return jpeg().replace(struct.pack(">HH", 16, 16), struct.pack(">HH", side, side))


def jpeg_of_many_scans() -> bytes:
    parts = jpeg(1024, progressive=True).split(b"\xff\xda")
    return b"\xff\xda".join([*parts[:2], *[parts[2]] * 20_000])


@cache
def large_frame(name: str, side: int = 4096) -> bytes:
    codec = sw.codec(f"{name}:preset={VIDEO[name]}")
    assert isinstance(codec, VideoCodec)
    frame = np.zeros((side, side), np.uint8)
    return codec.packet(codec._frame_encoder(frame.shape).encode(frame, last=True))


def cropped_frame(name: str, side: int = 4096) -> bytes:
    """A large frame of which all but 16×16 is to be cropped after decoding."""
    crop = f"crop_right={side - 16}:crop_bottom={side - 16}"
    with av.open(io.BytesIO(large_frame(name, side)), format=name) as file:
        stream = file.streams.video[0]
        edit = BitStreamFilterContext(f"{name}_metadata=crop_left=0:crop_top=0:{crop}", stream)
        return b"".join(bytes(p) for packet in file.demux(stream) for p in edit.filter(packet))


def large_stills(name: str) -> dict[str, bytes]:
    """Pictures of 4096×4096 that say so, or say 16×16 in all places but one."""
    codec = sw.codec(f"picture:format={name}")
    small, large = (codec._encode(np.zeros((3, side, side), np.float32)) for side in (16, 4096))
    if name == "webp":  # the picture itself, and a canvas around a small one
        canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + 2 * struct.pack("<I", 4095)[:3]
        body = b"WEBP" + canvas + small[12:]
        return {"large": large, "canvas": b"RIFF" + struct.pack("<I", len(body)) + body}
    sizes = [struct.pack(">II", side, side) for side in (16, 4096)]
    (meta, data), more = small.split(b"mdat"), large.split(b"mdat")[1]
    place = struct.pack(">II", len(meta) + 4, len(data))
    assert small.count(place) == 1
    moved = meta[:-4].replace(place, struct.pack(">II", len(small), len(more)))
    both = moved + struct.pack(">I", 8 + len(data + more)) + b"mdat" + data + more
    return {"large": large, "called small": large.replace(sizes[1], sizes[0]), "behind": both}


def many_frames(name: str, count: int = 20_000) -> bytes:
    """An intra frame, then one predicted frame over and over, in one packet."""
    encoder = sw.codec(name).encoder()
    x = features(1, 512, 512)
    intra, predicted = (payload_of(encoder.encode(x)) for _ in range(2))
    return intra[len(UNIT_RANGE) :] + predicted * count


def bombs() -> dict[str, bytes]:
    """Every bomb, by name."""
    pixels = (b"IDAT", zlib.compress(bytes(17 * 16)))
    made = {
        "png, huge frame": stream_of("png", SHAPE, UNIT_RANGE + png(pixels, size=65500)),
        "png, large frame": stream_of("png", SHAPE, UNIT_RANGE + png(pixels, size=8000)),
        "png, deflate": stream_of("png", SHAPE, UNIT_RANGE + png((b"IDAT", ZEROS))),
        "png, text": stream_of("png", SHAPE, UNIT_RANGE + png((b"zTXt", b"k\0\0" + ZEROS), pixels)),
        "png, profile": stream_of(
            "png", SHAPE, UNIT_RANGE + png((b"iCCP", b"k\0\0" + ZEROS), pixels)
        ),
        "jpeg, huge frame": stream_of("jpeg", SHAPE, UNIT_RANGE + jpeg_of_any_size(65500)),
        "jpeg, large frame": stream_of("jpeg", SHAPE, UNIT_RANGE + jpeg_of_any_size(8000)),
        "jpeg, scans": stream_of("jpeg", (1, 1024, 1024), UNIT_RANGE + jpeg_of_many_scans()),
        "picture, scans": stream_of("picture:format=jpeg", (3, 1024, 1024), jpeg_of_many_scans()),
    }
    for name in STILLS:
        for what, payload in large_stills(name).items():
            made[f"{name}, {what}"] = stream_of(f"picture:format={name}", (3, 16, 16), payload)
    for name in VIDEO:
        head = UNIT_RANGE + b"\0"
        made[f"{name}, large frame"] = stream_of(name, SHAPE, head + large_frame(name))
        made[f"{name}, frames"] = stream_of(name, (1, 512, 512), head + many_frames(name))
        film = f"film:format={name}"
        made[f"film of {name}, large frame"] = stream_of(film, (3, 16, 16), large_frame(name))
    for name in ("h264", "hevc"):
        made[f"{name}, cropped"] = stream_of(name, SHAPE, UNIT_RANGE + b"\0" + cropped_frame(name))
    for name in ("raw", "raw:bits=1", "raw:dtype=float16", "png", "jpeg", *VIDEO):
        made[f"{name}, shape"] = stream_of(name, (1 << 12, 1 << 6, 1 << 6), UNIT_RANGE + bytes(9))
    return made


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    for name in ("png", "jpeg", *VIDEO):  # what libraries need once is not counted
        sw.decode(sw.codec(name).encode(features(1, 512, 512)))
    for name in STILLS:
        sw.decode(sw.codec(f"picture:format={name}").encode(features(3, 256, 256)))
    for file in sorted(folder.iterdir()):
        stream, before = file.read_bytes(), peak()
        try:
            outcome = f"shape {sw.decode(stream).shape}"
        except sw.BitstreamError as error:
            outcome = f"refused: {error}"
        print(file.stem, round(peak() - before), outcome[:150], sep="\t", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
