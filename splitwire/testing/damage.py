"""What comes from outside: streams that are damaged, forged, or claim too much."""

import numpy as np

import splitwire
from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Tensor
from splitwire.errors import BitstreamError, ProfileError
from splitwire.testing.expect import flipped, raises


def check_damage(codec: Codec, x: Tensor, trials: int = 64) -> None:
    """Streams cut short, changed, extended, empty or random raise BitstreamError.

    Payloads changed under a fresh CRC-32 (an attack, no accident) may decode to some tensor of the
    right shape, but do nothing else.
    """
    random = np.random.default_rng(0)
    stream = codec.encode(x)
    damaged = [b"", stream[:1], stream + b"\0", random.bytes(len(stream))]
    damaged += [stream[:n] for n in random.integers(1, len(stream), trials)]
    for bit in random.integers(0, 8 * len(stream), trials):
        damaged.append(flipped(stream, int(bit)))
    for data in damaged:
        raises(BitstreamError, lambda data=data: splitwire.decode(data, codec.profile))
    header, payload = bitstream.read(stream)
    for bit in random.integers(0, max(8 * len(payload), 1), trials if payload else 0):
        _decodes_or_refuses(codec, bitstream.write(header, flipped(bytes(payload), int(bit))), x)
    for n in random.integers(0, len(payload) + 1, trials):
        _decodes_or_refuses(codec, bitstream.write(header, bytes(payload[:n])), x)


def check_bombs(codec: Codec, x: Tensor) -> None:
    """A shape that the payload does not justify raises BitstreamError before it is allocated."""
    header, payload = bitstream.read(codec.encode(x))
    for shape in (
        (1 << 30,),
        (1 << 16, 1 << 16),
        (1 << 20, 1 << 12, 3),
        (x.shape[0] + 1, 999, 999),
    ):
        for tail in (b"", bytes(payload)):
            bomb = bitstream.write(bitstream.Header(header.spec, shape, header.digest), tail)
            raises(
                (BitstreamError, ProfileError), lambda b=bomb: splitwire.decode(b, codec.profile)
            )


def _decodes_or_refuses(codec: Codec, stream: bytes, x: Tensor) -> None:
    try:
        y = splitwire.decode(stream, codec.profile)
    except BitstreamError:
        return
    assert y.shape == x.shape
    assert y.dtype == np.float32
