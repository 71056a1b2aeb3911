"""Random tensors with specs and profiles, and what Python makes of a stream's own symbols."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

import splitwire as sw
from splitwire import kernels
from splitwire.codecs import bitstream
from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.ecsq import Ecsq
from splitwire.codecs.ftc.profile import opened
from splitwire.codecs.layout import planes_shape
from splitwire.codecs.profile import Profile
from splitwire.codecs.rans import Rans

Tensor = NDArray[np.float32]

SPECS = (
    *("raw", "raw:bits=1", "raw:bits=3,per=channel", "raw:clip=laplace,bits=5"),
    *("raw:dtype=float32", "raw:dtype=float16", "raw:clip=minmax,bits=7", "raw:clip=1.5sd"),
    *("rans", "rans:bits=8,per=channel", "rans:clip=minmax,bits=1", "rans:clip=3sd,bits=2"),
    *("ecsq", "ecsq:levels=2", "ecsq:levels=64,tradeoff=0", "ecsq:levels=5,tradeoff=1.75"),
    *("ftc", "ftc:quality=0", "ftc:quality=81", "ftc:quality=100", "ftc:target_bytes=300"),
)
SHAPES = ((7,), (5, 9), (3, 1, 1), (6, 9, 7), (1, 1, 300), (2, 3, 5, 4), (2, 17, 20), (20, 8, 8))


@dataclass(frozen=True)
class Case:
    """A tensor, and what codes it."""

    spec: str
    x: Tensor
    profile: Profile | None

    @property
    def python(self) -> sw.Codec:
        return sw.codec(self.spec, profile=self.profile)


@lru_cache(maxsize=16)
def profile_of(shape: tuple[int, ...]) -> Profile:
    """What `ftc` learns of a few smooth tensors of that shape."""
    rng = np.random.default_rng(sum(shape))
    made = sw.codec("ftc").calibrate([smooth(rng, shape) for _ in range(3)]).profile  # type: ignore[attr-defined]
    assert isinstance(made, Profile)
    return made


def smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    x = rng.normal(0.3, 1, shape)
    for axis in range(max(len(shape) - 2, 0), len(shape)):
        x = x + np.roll(x, 1, axis)
    return np.asarray(x, np.float32)


def case(seed: int) -> Case:
    """The case of that number: smooth, rectified, rounded, tiny or huge, rough, or constant."""
    rng = np.random.default_rng(seed)
    spec = SPECS[seed % len(SPECS)]
    shapes = [s for s in SHAPES if len(s) != 2] if spec.startswith("ftc") else SHAPES
    shape = shapes[rng.integers(len(shapes))]  # tokens on their grid are not in the core
    x = smooth(rng, shape)
    made = (
        x,
        np.maximum(x, 0),
        np.rint(x),
        x * 10.0 ** rng.integers(-12, 12),
        rng.laplace(0, 1, shape),
        np.full(shape, x.flat[0]),
    )
    profile = profile_of(shape) if spec.startswith("ftc") else None
    return Case(spec, np.ascontiguousarray(made[rng.integers(len(made))], np.float32), profile)


def recoded(stream: bytes, profile: Profile | None) -> bytes:
    """The stream again: its symbols decoded, and encoded anew, by Python's kernels."""
    header, payload = bitstream.read(stream)
    codec = sw.codec(header.spec, profile=profile)
    body = bytes(payload)
    if isinstance(codec, Rans):
        body = _rans(codec, payload, planes_shape(header.shape))
    elif isinstance(codec, Ecsq):
        body = _ecsq(codec, payload, header.shape)
    elif profile is not None and codec.name == "ftc":
        model = opened(profile).model(payload[0])
        q = kernels.coefficients_decode(payload[1:], *model)
        body = body[:1] + kernels.coefficients_encode(q, *model).tobytes()
    return bitstream.write(header, body)


def _rans(codec: Rans, payload: memoryview, shape: tuple[int, int, int]) -> bytes:
    at, symbols = 0 if codec.profile else 8 * codec._pairs(shape), 1 << codec.bits
    length, begin = read_varint(payload, at)
    if not length:
        codes = kernels.rans8_decode(payload[begin:], shape)
        stream = kernels.rans8_encode(codes, kernels.histogram(codes))
        return bytes(payload[:begin]) + stream.tobytes()
    frequencies = kernels.unpack_frequencies(payload[begin : begin + length], symbols)
    codes = kernels.rans_decode(payload[begin + length :], frequencies, shape)
    table = kernels.pack_frequencies(kernels.histogram(codes, codec.bits))
    stream = kernels.rans_encode(codes, kernels.unpack_frequencies(table, symbols))
    return bytes(payload[:at]) + write_varint(table.size) + table.tobytes() + stream.tobytes()


def _ecsq(codec: Ecsq, payload: memoryview, shape: tuple[int, ...]) -> bytes:
    at, states = 8 + codec.levels - 2, codec._states()
    indices = kernels.unary_decode(payload[at:], int(np.prod(shape)), states)
    return bytes(payload[:at]) + kernels.unary_encode(indices, states).tobytes()
