"""What every codec must pass, registered here or in another distribution.

    from splitwire import testing

    def test_my_codec():
        testing.check_codec(MyCodec(quality=3))

`check_codec` runs them all; each also stands alone. A check that fails raises AssertionError.
"""

import pickle
from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np

import splitwire
from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.errors import BitstreamError, CodecError, ProfileError

SHAPES = ((8, 14, 14), (3, 16, 16), (1, 1, 1), (5, 3, 2), (17, 12), (33,), (2, 3, 5, 7))


def tensors(codec: Codec, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Tensor]:
    """Tensors of the shapes that a codec takes, smooth and signed as features are."""
    random = np.random.default_rng(0)
    made = []
    for shape in filter(codec.takes, shapes):
        x = random.normal(0.3, 1, shape)
        for axis in range(len(shape) - 2, len(shape)):
            x = x + np.roll(x, 1, axis)
        made.append(x.astype(np.float32))
    assert made, f"{codec} takes none of {shapes}"
    return made


def check_codec(codec: Codec) -> None:
    """Every check below, on tensors that the codec takes; it is calibrated first if it must be."""
    if isinstance(codec, CalibratedCodec) and codec.needs_profile:
        check_calibration(codec)
        codec = codec.calibrate(tensors(codec, SHAPES[:1]))
        samples = tensors(codec, SHAPES[:1])
    else:
        samples = tensors(codec)
    check_identity(codec)
    for x in samples:
        check_round_trip(codec, x)
        check_input(codec, x)
    check_refusals(codec)
    check_sequence(codec, [samples[0], samples[0] * np.float32(1.01), samples[0]])
    check_damage(codec, samples[0])
    check_bombs(codec, samples[0])


def check_identity(codec: Codec) -> None:
    """A codec is what its spec says: made again, hashed, compared, pickled, and never changed."""
    again = splitwire.codec(codec.spec, profile=codec.profile)
    assert again == codec, f"{codec.spec} makes {again}"
    assert hash(again) == hash(codec)
    assert eval(repr(again), {"codec": splitwire.codec}).spec == codec.spec
    assert pickle.loads(pickle.dumps(codec)) == codec
    try:
        setattr(codec, "name", "other")  # noqa: B010
    except AttributeError:
        return
    raise AssertionError(f"{codec} can be changed: codecs are frozen")


def check_round_trip(codec: Codec, x: Tensor) -> None:
    """A stream gives back a tensor of its shape, by itself, and the same one each time."""
    stream = codec.encode(x)
    assert isinstance(stream, bytes)
    y = splitwire.decode(stream, codec.profile)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    assert y.flags.c_contiguous
    assert np.isfinite(y).all()
    assert codec.encode(x) == stream, f"{codec} codes the same tensor into different bytes"
    np.testing.assert_array_equal(codec.decode(stream), y)


def check_input(codec: Codec, x: Tensor) -> None:
    """Layout and floating-point type of the input do not matter, and it is not written to."""
    stream = codec.encode(x)
    before = x.copy()
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    assert codec.encode(strided) == stream, "a strided view is coded differently"
    assert codec.encode(np.asfortranarray(x)) == stream, "Fortran order is coded differently"
    assert codec.encode(x.astype(np.float64)) == stream, "float64 is coded differently"
    np.testing.assert_array_equal(x, before)
    constant = np.full_like(x, x.flat[0])
    assert splitwire.decode(codec.encode(constant), codec.profile).shape == x.shape
    damaged = x.copy()
    damaged.flat[0] = np.nan
    damaged.flat[-1] = np.inf
    with suppress(CodecError):  # refusing is as good as coding something
        splitwire.decode(codec.encode(damaged), codec.profile)


def check_refusals(codec: Codec) -> None:
    """What is no tensor of floating-point numbers raises CodecError."""
    for x in (
        np.zeros((3, 0, 4), np.float32),
        np.float32(1),
        np.zeros((3, 4, 4), np.int32),
        np.zeros((3, 4, 4), np.complex64),
        np.zeros((1,) * 9, np.float32),
    ):
        _raises(CodecError, lambda x=x: codec.encode(x))


def check_sequence(codec: Codec, xs: Iterable[Tensor]) -> None:
    """The stateful pair gives each tensor back in its turn, with nothing held back.

    A damaged stream is refused, and does not stop the whole one from being decoded after it.
    """
    encoder, decoder = codec.encoder(), codec.decoder()
    for x in xs:
        stream = encoder.encode(x)
        _raises(BitstreamError, lambda s=stream: decoder.decode(s[:-1]))
        y = decoder.decode(stream)
        assert y.shape == x.shape
        assert np.isfinite(y).all()


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
        damaged.append(_flipped(stream, int(bit)))
    for data in damaged:
        _raises(BitstreamError, lambda data=data: splitwire.decode(data, codec.profile))
    header, payload = bitstream.read(stream)
    for bit in random.integers(0, max(8 * len(payload), 1), trials if payload else 0):
        _decodes_or_refuses(codec, bitstream.write(header, _flipped(bytes(payload), int(bit))), x)
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
            _raises(
                (BitstreamError, ProfileError), lambda b=bomb: splitwire.decode(b, codec.profile)
            )


def check_calibration(codec: CalibratedCodec) -> None:
    """A codec that needs a profile refuses to code without, and its streams name the profile."""
    features = tensors(codec, SHAPES[:1])
    _raises(ProfileError, lambda: codec.encode(features[0]))
    calibrated = codec.calibrate(features)
    assert not calibrated.needs_profile
    stream = calibrated.encode(features[0])
    _raises(ProfileError, lambda: splitwire.decode(stream))


def _decodes_or_refuses(codec: Codec, stream: bytes, x: Tensor) -> None:
    try:
        y = splitwire.decode(stream, codec.profile)
    except BitstreamError:
        return
    assert y.shape == x.shape
    assert y.dtype == np.float32


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _raises(kind: type[Exception] | tuple[type[Exception], ...], act: object) -> None:
    assert callable(act)
    try:
        result = act()
    except kind:
        return
    raise AssertionError(f"{kind} expected, got {result!r:.80}")
