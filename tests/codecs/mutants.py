"""Streams of every codec, changed at random under a right CRC-32, and what it costs to decode them.

    python tests/codecs/mutants.py COUNT [SEED] [CODEC ...]

decodes so many, within 3 GB of address space, and prints a line of JSON a codec. Other seeds give
other streams, so that long runs go in pieces and side by side. The last stream lies in the working
directory as last-SEED.sw until the end: there is what made a decoder crash.

Work is CPU time against that of streams which an encoder wrote: the dearest of the same shape, or a
constant tensor as large as the stream claims, or (range coders) one coded in as many bytes. What is
above LIMIT is measured again.
"""

import json
import resource
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from learned_profiles import CORES
from streams import features

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Decoder, Tensor
from splitwire.codecs.bitstream import Header
from splitwire.codecs.predictive import PredictiveCodec

LIMIT = 8  # times the work of an honest stream
LARGE = (16, 128, 128)
SHAPES = ((8, 14, 14), (3, 20, 20), (33,))
LEARNT = (6, 9, 7)
SPECS = (
    *("raw", "raw:bits=3,per=channel", "raw:dtype=float16"),
    *("rans", "rans:bits=8", "rans:bits=1,per=channel", "ecsq", "ecsq:levels=64,tradeoff=0"),
    *("png", "png:bits=2", "jpeg:quality=30", "jpeg:quality=98", "picture", "picture:format=jpeg"),
    *("h264:preset=ultrafast", "h264:qp=10", "h264:lossless=true,preset=ultrafast"),
    *("hevc:preset=ultrafast", "hevc:qp=10", "av1:preset=12", "av1:qp=10,preset=10"),
    *("film:chroma=444", "film:format=hevc,preset=ultrafast", "film:format=av1,preset=12"),
    *("ftc:quality=50", "ftc:quality=95", "learned:quality=30", "learned:quality=80"),
)
PICTURES = ("picture", "film")
Streams = list[bytes]


@dataclass(frozen=True, eq=False)
class Base:
    """A codec and what it makes of tensors of one shape.

    Attributes:
        streams: of a tensor, of another, and of a constant one.
        following: three streams of a sequence, if the codec predicts.
        last: what the last of these decodes to.
        dearest: seconds that the dearest of all of them takes to decode.
    """

    codec: sw.Codec
    shape: tuple[int, ...]
    streams: Streams
    following: Streams
    last: Tensor | None
    dearest: float


@dataclass
class Tally:
    """What came of the streams of one codec."""

    streams: int = 0
    decoded: int = 0
    escapes: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    work: float = 0.0
    seconds: float = 0.0
    microseconds_a_byte: float = 0.0


def seconds_of(codec: sw.Codec, streams: Streams, times: int = 3) -> float:
    """CPU time of decoding the last of some streams behind the others, the least of some tries."""
    took = []
    for _ in range(times):
        decoder = codec.decoder()
        for before in streams[:-1]:
            decoder.decode(before)
        since = time.process_time()
        with suppress(sw.SplitwireError):
            decoder.decode(streams[-1])
        took.append(time.process_time() - since)
    return min(took)


def codecs(names: list[str]) -> Iterator[tuple[sw.Codec, tuple[tuple[int, ...], ...]]]:
    for spec in SPECS:
        name = spec.partition(":")[0]
        if names and name not in names:
            continue
        if name == "learned":
            for core in CORES.values():
                yield sw.codec(spec, profile=sw.Profile("learned", core())), (LEARNT,)
        elif name == "ftc":
            tensors = [features(*LEARNT, seed=seed) for seed in range(3)]
            made = sw.codec("ftc").calibrate(tensors)
            yield sw.codec(spec, profile=made.profile), (LEARNT,)
        else:
            made = sw.codec(spec)
            yield made, tuple(shape for shape in SHAPES if made.takes(shape))


def bases(names: list[str]) -> list[Base]:
    made = []
    for codec, shapes in codecs(names):
        for shape in shapes:
            tensors = [tensor(codec, shape, seed) for seed in range(2)]
            tensors.append(np.full_like(tensors[0], 3))
            streams = [codec.encode(x) for x in tensors]
            following, last = sequence(codec, *tensors[:2])
            known = [*([stream] for stream in streams), following]
            dearest = max(seconds_of(codec, one) for one in known if one)
            made.append(Base(codec, shape, streams, following, last, dearest))
    return made


def sequence(codec: sw.Codec, x: Tensor, other: Tensor) -> tuple[Streams, Tensor | None]:
    """Streams of a tensor that changes a little, and what the last decodes to."""
    encoder, decoder = codec.encoder(), codec.decoder()
    if encoder is codec:
        return [], None
    streams = [encoder.encode(x + np.float32(i / 8) * (other - x)) for i in range(3)]
    return streams, [decoder.decode(stream) for stream in streams][-1]


def tensor(codec: sw.Codec, shape: tuple[int, ...], seed: int) -> Tensor:
    x = features(*shape, seed=seed)
    return 40 * x + 128 if codec.name in PICTURES else x


@cache
def honest_rates(codec: sw.Codec) -> tuple[float, float]:
    """CPU time an element and a byte of a constant tensor; bytes count for range coders alone.

    A profile is of one shape, so that there neither counts.
    """
    if codec.profile is not None:
        return 0.0, 0.0
    shape = (3, *LARGE[1:]) if codec.name in PICTURES else LARGE
    stream = codec.encode(np.full(shape, 3, np.float32))
    took = seconds_of(codec, [stream], 5)
    return took / np.prod(shape), took / len(stream) if codec.name == "ecsq" else 0.0


def mutants(base: Base, random: np.random.Generator) -> Streams:
    """One changed stream, behind those that it builds on."""
    if base.following and random.random() < 0.25:
        header, payload = bitstream.read(base.following[-1])
        mutant = bitstream.write(header, changed(bytes(payload), base, random))
        return [*base.following[:-1], mutant]
    stream = base.streams[random.integers(len(base.streams))]
    header, payload = bitstream.read(stream)
    kind = random.random()
    if kind < 0.1:  # any byte but those of the checksum
        body = bytearray(stream[:-4])
        for at in random.integers(3, min(len(body), 40), random.integers(1, 4)):
            body[at] = random.integers(256)
        return [bytes(body) + zlib.crc32(body).to_bytes(4, "little")]
    if kind < 0.3:
        header = Header(header.spec, another_shape(base, random), header.digest)
    if kind < 0.2:
        return [bitstream.write(header, bytes(payload))]
    return [bitstream.write(header, changed(bytes(payload), base, random))]


def another_shape(base: Base, random: np.random.Generator) -> tuple[int, ...]:
    """Of as many dimensions or of others; small, or of all elements that are free, or of more."""
    if base.codec.profile is not None and random.random() < 0.5:
        return base.shape  # nothing else gets far
    rank = len(base.shape) if random.random() < 0.7 else int(random.integers(1, 9))
    bits = int(random.integers(0, 28)) if random.random() < 0.2 else int(random.integers(0, 14))
    sizes = [1 << n for n in random.multinomial(bits, [1 / rank] * rank)]
    return tuple(int(n) for n in sizes) if rank != 3 else (base.shape[0], *map(int, sizes[1:]))


def changed(payload: bytes, base: Base, random: np.random.Generator) -> bytes:
    """A payload of which some bytes are others, are gone, or are more."""
    data, kind = bytearray(payload), random.integers(8)
    at, length = int(random.integers(len(data) + 1)), int(random.integers(1, 200))
    if kind == 0:
        for place in random.integers(0, max(len(data), 1), random.integers(1, 6)):
            data[place : place + 1] = random.bytes(1)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data += random.bytes(length)
    elif kind == 3:
        data[at:] = random.bytes(length)
    elif kind == 4:  # what entropy coders take for the likeliest, or the unlikeliest
        data[at:] = bytes([random.choice([0, 255])]) * length
    elif kind == 5:
        other = bytes(bitstream.read(base.streams[random.integers(len(base.streams))])[1])
        data[at:] = other[int(random.integers(len(other) + 1)) :]
    elif kind == 6:
        del data[at : at + length]
    elif data:  # one bit
        data[at % len(data)] ^= 1 << int(random.integers(8))
    return bytes(data)


def claimed(stream: bytes, base: Base) -> int:
    """How many elements a stream says that it has."""
    try:
        shape = bitstream.read(stream)[0].shape
    except sw.BitstreamError:
        return 0
    return int(np.prod(shape or base.shape))


def judge(base: Base, streams: Streams, told: Tally) -> None:
    """Decode a mutant, and note what it did."""
    stream, codec = streams[-1], base.codec
    decoder = codec.decoder()
    for before in streams[:-1]:
        decoder.decode(before)
    since = time.process_time()
    try:
        y = decoder.decode(stream) if len(streams) > 1 else sw.decode(stream, codec.profile)
        told.decoded += 1
        if y.size != claimed(stream, base) or y.dtype != np.float32:
            told.escapes.append(f"{y.dtype} {y.shape} of {stream.hex()}")
    except (sw.BitstreamError, sw.ProfileError):
        pass
    except BaseException as error:
        told.escapes.append(f"{error!r} of {stream.hex()}")
    took = time.process_time() - since
    if len(streams) > 1:
        told.escapes += amiss_behind(base, decoder)
    an_element, a_byte = honest_rates(codec)
    honest = max(base.dearest, claimed(stream, base) * an_element, len(stream) * a_byte)
    if took > LIMIT * honest:
        took = min(took, seconds_of(codec, streams))
        if took > LIMIT * honest:
            told.slow.append(f"{took / honest:.0f} times, {took:.3f} s: {stream.hex()[:2000]}")
    told.streams += 1
    told.work = max(told.work, took / honest)
    told.seconds = max(told.seconds, took)
    told.microseconds_a_byte = max(told.microseconds_a_byte, 1e6 * took / len(stream))


def amiss_behind(base: Base, decoder: Decoder) -> Iterator[str]:
    """What the stream that a mutant was made of does behind it: what it ever did, or be refused.

    A decoder that remembers several streams has no reason to refuse.
    """
    assert isinstance(base.codec, PredictiveCodec)
    try:
        if not np.array_equal(decoder.decode(base.following[-1]), base.last):
            yield f"another tensor of {base.following[-1].hex()}"
    except sw.BitstreamError as error:
        if base.codec.kept > 1:
            yield f"{error!r} of {base.following[-1].hex()}"


def run(count: int, seed: int, names: list[str]) -> dict[str, Tally]:
    made, told = bases(names), {}
    random = np.random.default_rng(seed)
    with Path(f"last-{seed}.sw").open("w+b", buffering=0) as last:
        for i in range(count):
            base = made[i % len(made)]
            streams = mutants(base, random)
            last.seek(0)
            last.truncate()
            last.write(streams[-1])
            judge(base, streams, told.setdefault(base.codec.name, Tally()))
    Path(last.name).unlink()
    return told


def main(count: str, seed: str = "0", *names: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    for name, tally in run(int(count), int(seed), list(names)).items():
        print(json.dumps({"codec": name, **vars(tally)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
