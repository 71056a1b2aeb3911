"""Tensors and streams that several tests of codecs take."""

import numpy as np

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.registry import codec_names

# All codecs but the one that can't be calibrated here: test_compressai.py has checkpoints for it.
NAMES = [name for name in codec_names() if name != "compressai"]


def features(*shape: int, seed: int = 0) -> Tensor:
    """Smooth, signed numbers, as features are."""
    x = np.random.default_rng(seed).normal(0.3, 1, shape)
    for axis in range(len(shape) - 2, len(shape)):
        x = x + np.roll(x, 1, axis)
    return x.astype(np.float32)


def ready(name: str, *shape: int) -> sw.Codec:
    """The codec of that name, calibrated on tensors of that shape if it must be."""
    codec = sw.codec(name)
    if isinstance(codec, CalibratedCodec) and codec.needs_profile:
        return codec.calibrate([features(*shape, seed=seed) for seed in range(3)])
    return codec


def stream_of(
    spec: str, shape: tuple[int, ...], payload: bytes, digest: str | None = None
) -> bytes:
    """A stream of any payload under a right CRC-32."""
    return bitstream.write(bitstream.Header(spec, shape, digest), payload)


def payload_of(stream: bytes) -> bytes:
    """What stands between the header and the CRC-32."""
    return bytes(bitstream.read(stream)[1])


def place_of(stream: bytes) -> bitstream.Sequence:
    """The place of a stream in its sequence."""
    place = bitstream.read(stream)[0].sequence
    assert place is not None
    return place


# The clip range 0 to 1, with which the payload of every codec that quantises begins.
UNIT_RANGE = bytes.fromhex("00000000 0000803f")
