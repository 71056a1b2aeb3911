"""What every codec must pass, registered here or in another distribution.

    from splitwire import testing

    def test_my_codec():
        testing.check_codec(MyCodec(quality=3))

`check_codec` runs them all; each also stands alone. A check that fails raises AssertionError.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import Field, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import splitwire
from splitwire.codecs import bitstream, parameter
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
    check_payload(codec, samples[0])
    check_parameters(codec, samples[0])
    check_likeness(codec, samples[0])
    for x in samples:
        check_round_trip(codec, x)
        check_input(codec, x)
    check_refusals(codec)
    x, other = samples[0], samples[-1]
    check_sequence(codec, [x, other, x, x * np.float32(1.01), x])
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


def check_payload(codec: Codec, x: Tensor) -> None:
    """`_encode` makes bytes."""
    payload = codec._encode(codec.checked(x))
    assert isinstance(payload, bytes), f"{codec} makes a payload of {type(payload)}, not bytes"


def check_parameters(codec: Codec, x: Tensor) -> None:
    """Defaults have the types that are declared, and what decoding depends on travels."""
    for f in codec.parameters():
        parameter.check_declared(codec.name, f)
        declared, default = getattr(f.type, "__name__", f.type), type(f.default)
        kinds = [kind.__name__ for kind in parameter.KINDS]
        assert declared == default.__name__ or declared not in kinds, (
            f"{codec.name}: {f.name} is declared as {declared}, and its default is {f.default!r}: "
            "a parameter has the type of its default"
        )
    stream = codec.encode(x)
    y = splitwire.decode(stream, codec.profile)
    for f in codec.parameters():
        for other in () if f.metadata["decoding"] else (codec, *_varied(codec, f)):
            # From the same payload, without what travels beside it.
            same = np.array_equal(other.decode_payload(*bitstream.read(stream)), y)
            assert same, f"{codec} decodes by {f.name}: declare it with decoding=True"


def check_likeness(codec: Codec, x: Tensor) -> None:
    """What is decoded depends on what was coded, be it as coarsely as can be.

    There is a tensor, `x` or large steps, that correlates with what it decodes to, and so it does
    the other way round; nothing constant correlates with both.
    """
    steps = np.full_like(x, 28)
    steps[..., x.shape[-1] // 2 :] = 228
    found = [
        min(_likeness(z, splitwire.decode(codec.encode(z), codec.profile)) for z in (way, mirrored))
        for way, mirrored in ((x, x[..., ::-1]), (steps, steps[..., ::-1]))
    ]
    assert max(found) > 0.2, f"{codec} decodes to what is not like its input: correlations {found}"


def check_round_trip(codec: Codec, x: Tensor) -> None:
    """A stream gives back a tensor of its shape, by itself, and the same one each time."""
    stream = codec.encode(x)
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
    """The stateful pair gives back each tensor in its turn, or says that it cannot; never another.

    The streams of `xs`, twice with a refresh between, are decoded in order and out of it, each by
    itself, with one missing, twice, among those of another sequence and after damaged ones. A
    stream that says that it builds on another is refused without it, and decoded right after it.
    """
    xs = list(xs)
    ours = _sent(codec, xs)
    for i in (0, len(xs)):
        assert ours[i].base is None, f"{codec}: the first stream, or one after refresh(), follows"
    for sent in ours:
        _check_alone(codec, sent)
    if codec.decoder() is codec:  # then none has told any other
        return
    for i in range(len(ours)):
        _deliver(codec, [*ours[:i], *ours[i + 1 :]])
        _deliver(codec, [*ours[:i], *reversed(ours[i : i + 2]), *ours[i + 2 :]])
        _deliver(codec, [*ours[: i + 1], *ours[max(i - 1, 0) :]])
        _deliver(codec, ours, forged=i)
    theirs = _sent(codec, [x[..., ::-1] for x in xs])
    _deliver(codec, [sent for pair in zip(ours, theirs, strict=True) for sent in pair])
    _deliver(codec, [ours[0], *theirs[1:], *ours[1:]])


@dataclass(frozen=True, eq=False)
class _Sent:
    """A stream of a sequence, the one that it builds on, and the tensor that it is in its turn."""

    stream: bytes
    base: "_Sent | None"
    y: Tensor


def _sent(codec: Codec, xs: list[Tensor]) -> list[_Sent]:
    """The streams of `xs` twice, with a refresh between, once they are decoded in order."""
    encoder, decoder = codec.encoder(), codec.decoder()
    made: list[_Sent] = []
    for x in (*xs, *xs):
        if len(made) == len(xs):
            encoder.refresh()
        given = x.copy()
        stream = encoder.encode(given)
        given.fill(np.nan)  # the caller may use his memory again
        for damaged in (b"", stream[:-1], _flipped(stream, 4 * len(stream))):
            _raises(BitstreamError, lambda data=damaged: decoder.decode(data))
        y = decoder.decode(stream)
        sound = y.shape == x.shape and np.isfinite(y).all()
        assert sound, f"{codec} decodes {x.shape} to {y.shape}, or to numbers not finite"
        alone = splitwire.decode(codec.encode(x), codec.profile)
        assert _likeness(x, y) >= _likeness(x, alone) / 2, f"{codec} loses tensors of a sequence"
        place = bitstream.read(stream)[0].sequence
        assert place is None or place.position == len(made), f"{codec} skips a position"
        follows = place.follows if place else 0
        made.append(_Sent(stream, made[-follows] if follows else None, y.copy()))
        if y.flags.writeable:
            y.fill(np.nan)
    return made


def _check_alone(codec: Codec, sent: _Sent) -> None:
    """A stream that stands alone is what it is in its turn; any other is refused."""
    ways: list[Callable[[bytes], Tensor]] = [
        codec.decode,
        lambda stream: codec.decoder().decode(stream),
        lambda stream: splitwire.decode(stream, codec.profile),
    ]
    for decode in ways:
        if sent.base is None:
            same = np.array_equal(decode(sent.stream), sent.y)
            assert same, f"{codec}: a stream that names no other is another tensor by itself"
        else:
            _raises(BitstreamError, partial(decode, sent.stream))


def _deliver(codec: Codec, arrivals: list[_Sent], forged: int | None = None) -> None:
    """Decode streams as they arrive; before that of a number, one of its place but no payload."""
    decoder = codec.decoder()
    decoded: list[_Sent] = []
    for i, sent in enumerate(arrivals):
        if i == forged:
            header, _ = bitstream.read(sent.stream)
            try:
                decoder.decode(bitstream.write(header, b""))
            except BitstreamError:
                last = []  # it may be gone
            else:
                return  # no decoder can tell
        else:
            last = decoded[-1:]
        try:
            y = decoder.decode(sent.stream)
        except BitstreamError as error:
            due = sent.base is None or sent.base in last
            assert not due, f"{codec} refuses a stream behind that which it builds on: {error}"
            continue
        known = sent.base is None or sent.base in decoded
        assert known, f"{codec} decodes a stream without the one that it builds on"
        same = np.array_equal(y, sent.y)
        assert same, f"{codec}: after a loss or among others a stream is another tensor"
        decoded.append(sent)


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


def _varied(codec: Codec, field: Field[Any]) -> Iterator[Codec]:
    """The codec with other values of a parameter, as far as it is known which it takes."""
    meta, now = field.metadata, getattr(codec, field.name)
    values: Iterable[Any] = (meta["low"], meta["high"], field.default)
    if isinstance(now, str):
        values = meta["choices"] or ()
    elif isinstance(now, bool):
        values = (not now,)
    for value in values:
        if value is not None and value != now:
            changed: dict[str, Any] = {field.name: value}
            with suppress(CodecError, ProfileError):
                yield replace(codec, **changed)


def _likeness(x: Tensor, y: Tensor) -> float:
    """The correlation of two tensors; 0 where one is constant."""
    a, b = (z.ravel() - z.mean(dtype=np.float64) for z in (x, y))
    power = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / power if power else 0.0


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
