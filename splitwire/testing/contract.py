"""What every codec promises: to be what its spec says, and to give back what it was given."""

import pickle
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import Field, replace
from functools import partial
from typing import Any

import numpy as np

import splitwire
from splitwire.codecs import bitstream, parameter
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.errors import CodecError, ProfileError
from splitwire.testing.expect import likeness, raises
from splitwire.testing.samples import SHAPES, tensors

_ROUNDING = 1e-5  # of the largest number


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
        if f.metadata["decoding"]:
            continue
        wrong = f"{codec} decodes by {f.name}: declare it with decoding=True"
        others = [codec, *_varied(codec, f)]
        for other in others:
            # From the same payload, without what travels beside it.
            assert np.array_equal(other.decode_payload(*bitstream.read(stream)), y), wrong
        for other in others[1:]:
            with suppress(CodecError):  # a value that does not suit this tensor
                made = other.encode(x)
                own = other.decode_payload(*bitstream.read(made))
                assert np.array_equal(splitwire.decode(made, codec.profile), own), wrong
        known = len(others) > 1 or f.name not in _read_in_decoding(codec, stream)
        assert known, f"{wrong}, or give it choices, with which it can be tried"


def check_likeness(codec: Codec, x: Tensor) -> None:
    """What is decoded depends on what was coded, be it as coarsely as can be.

    There is a tensor, `x` or large steps, that correlates with what it decodes to, and so it does
    the other way round; nothing constant correlates with both.
    """
    steps = np.full_like(x, 28)
    steps[..., x.shape[-1] // 2 :] = 228
    found = [
        min(likeness(z, splitwire.decode(codec.encode(z), codec.profile)) for z in (way, mirrored))
        for way, mirrored in ((x, x[..., ::-1]), (steps, steps[..., ::-1]))
    ]
    assert max(found) > 0.2, f"{codec} decodes to what is not like its input: correlations {found}"


def check_nearness(codec: Codec, x: Tensor) -> None:
    """What is decoded is nearer to what was coded than zeros are.

    As for `check_likeness`, for `x` or for large steps; correlation alone knows no scale.
    """
    steps = np.full_like(x, 28)
    steps[..., x.shape[-1] // 2 :] = 228
    found = [
        float(np.linalg.norm(z - splitwire.decode(codec.encode(z), codec.profile)))
        / float(np.linalg.norm(z))
        for z in (x, steps)
    ]
    assert min(found) < 0.95, (
        f"{codec} decodes tensors of shape {x.shape} to what is as far from them as zeros are: "
        f"errors of {found}, where zeros have 1"
    )


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


def check_bound(codec: Codec, x: Tensor) -> None:
    """No element is decoded further off than the codec promises, but for float32's rounding."""
    bound = codec.most_error(x)
    error = float(np.abs(splitwire.decode(codec.encode(x), codec.profile) - x).max())
    rounding = _ROUNDING * float(np.abs(x).max()) if bound else 0.0
    assert error <= bound + rounding, (
        f"{codec} decodes a tensor of shape {x.shape} with an error of {error:g}, and promises "
        f"{bound:g} at most (most_error)"
    )


def check_input(codec: Codec, x: Tensor) -> None:
    """Layout and type of the input do not matter, it is not written to, and it has to be finite."""
    stream = codec.encode(x)
    before = x.copy()
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    assert codec.encode(strided) == stream, "a strided view is coded differently"
    assert codec.encode(np.asfortranarray(x)) == stream, "Fortran order is coded differently"
    assert codec.encode(x.astype(np.float64)) == stream, "float64 is coded differently"
    np.testing.assert_array_equal(x, before)
    constant = np.full_like(x, x.flat[0])
    assert splitwire.decode(codec.encode(constant), codec.profile).shape == x.shape
    for bad in (np.nan, np.inf, -np.inf):
        damaged = x.copy()
        damaged.flat[-1] = bad
        raises(CodecError, partial(codec.encode, damaged))


def check_refusals(codec: Codec) -> None:
    """What is no tensor of floating-point numbers raises CodecError."""
    for x in (
        np.zeros((3, 0, 4), np.float32),
        np.float32(1),
        np.zeros((3, 4, 4), np.int32),
        np.zeros((3, 4, 4), np.complex64),
        np.zeros((1,) * 9, np.float32),
    ):
        raises(CodecError, lambda x=x: codec.encode(x))


def check_calibration(codec: CalibratedCodec) -> None:
    """A codec that needs a profile refuses to code without, and its streams name the profile."""
    features = tensors(codec, SHAPES[:1])
    raises(ProfileError, lambda: codec.encode(features[0]))
    calibrated = codec.calibrate(features)
    assert not calibrated.needs_profile
    stream = calibrated.encode(features[0])
    raises(ProfileError, lambda: splitwire.decode(stream))


def _varied(codec: Codec, field: Field[Any]) -> Iterator[Codec]:
    """The codec with other values of a parameter, as far as it is known which it takes."""
    meta, now = field.metadata, getattr(codec, field.name)
    values: Iterable[Any]
    if isinstance(now, str):
        values = meta["choices"] or ()
    elif isinstance(now, bool):
        values = (not now,)
    else:
        values = (meta["low"], meta["high"], field.default, now + 1, now - 1, 2 * now)
    for value in values:
        if value is not None and value != now:
            changed: dict[str, Any] = {field.name: value}
            with suppress(CodecError, ProfileError):
                yield replace(codec, **changed)


def _read_in_decoding(codec: Codec, stream: bytes) -> set[str]:
    """The attributes of a codec that it looks at while it decodes."""
    seen: set[str] = set()

    class Watched(type(codec)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            seen.add(name)
            return super().__getattribute__(name)

    watched = object.__new__(Watched)
    for name, value in vars(codec).items():
        object.__setattr__(watched, name, value)
    watched.decode_payload(*bitstream.read(stream))
    return seen
