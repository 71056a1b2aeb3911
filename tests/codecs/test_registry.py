"""Names, specs and parameters: what is understood, and what is said where it is not."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import features

import splitwire as sw
from splitwire import testing
from splitwire.codecs import registry
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.h264 import PRESETS
from splitwire.codecs.registry import codec_class, codec_names


class Plain(Codec):
    """float32 as it is; tests make codecs of it."""

    def _encode(self, x: Tensor) -> bytes:
        return x.tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return np.frombuffer(payload, np.float32).reshape(shape).copy()


class Scaled(Plain):
    name: ClassVar[str] = "scaled-2"
    gain: float = sw.parameter(1.0, "factor", low=0.5, decoding=True)
    level: float = sw.parameter(0.0, "unused", high=9)
    tag: str = sw.parameter("", "any word", decoding=True)

    def _encode(self, x: Tensor) -> bytes:
        return super()._encode(x * np.float32(self.gain))

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return super()._decode(payload, shape) / np.float32(self.gain)


@pytest.fixture(autouse=True)
def registered_for_the_test_only() -> Iterator[None]:
    codec_names()
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


def one_line(error: pytest.ExceptionInfo[Exception]) -> bool:
    return "\n" not in str(error.value)


def test_built_in_codecs_come_first() -> None:
    names = [
        "raw",
        "rans",
        "ecsq",
        "ftc",
        "learned",
        "png",
        "jpeg",
        "h264",
        "hevc",
        "av1",
        "picture",
    ]
    assert codec_names()[: len(names)] == names


clips = st.sampled_from(["3sd", "minmax", "2.5sd", "profile"])
pers = st.sampled_from(["tensor", "channel"])
presets = st.sampled_from(PRESETS)
SPACES = {
    "raw": {
        "bits": st.integers(1, 8),
        "clip": clips,
        "per": st.sampled_from(["tensor", "channel"]),
    },
    "png": {"bits": st.integers(1, 8), "clip": clips},
    "jpeg": {"quality": st.integers(1, 100), "per": pers},
    "h264": {
        "qp": st.integers(1, 51),
        "preset": st.sampled_from(PRESETS),
        "lossless": st.booleans(),
    },
    "hevc": {
        "qp": st.integers(1, 51),
        "preset": st.sampled_from(PRESETS),
        "lossless": st.booleans(),
    },
    "av1": {"qp": st.integers(1, 63), "preset": st.integers(0, 13), "lossless": st.booleans()},
    "picture": {"format": st.sampled_from(["png", "jpeg"]), "quality": st.integers(1, 100)},
}
some_codec = st.sampled_from(sorted(SPACES)).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries({}, optional=SPACES[name]))
)


@given(some_codec)
def test_spec_and_repr_make_the_codec_again(made: tuple[str, dict[str, Any]]) -> None:
    name, values = made
    codec = sw.codec(name, **values)
    spec = ",".join(f"{key}={str(value).lower()}" for key, value in values.items())
    by_repr = eval(repr(codec), {"codec": sw.codec})
    for again in (sw.codec(codec.spec), by_repr, sw.codec(f"{name}:{spec}")):
        assert again == codec
        assert hash(again) == hash(codec)
        assert again.spec == codec.spec
    assert {
        f.name: getattr(codec, f.name) for f in codec.parameters() if f.name in values
    } == values


def test_spec_leaves_defaults_out() -> None:
    assert sw.codec("raw:bits=8,clip=3sd").spec == "raw"
    assert sw.codec("h264:lossless=TRUE").spec == "h264:lossless=true"


def test_stream_names_only_what_decoding_needs() -> None:
    x = features(3, 4, 4)
    assert b"quality" not in sw.codec("jpeg:quality=3").encode(x)
    assert b"raw:bits=3,per=channel" not in sw.codec("raw:bits=3,per=channel").encode(x)
    assert b"raw:per=channel,bits=3" in sw.codec("raw:clip=minmax,per=channel,bits=3").encode(x)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "unknown codec ''.*there are: raw, rans, ecsq, ftc, learned, png, jpeg"),
        ("jpg", "did you mean 'jpeg'"),
        ("h.264:qp=3", "did you mean 'h264'"),
        ("JPEG", "unknown codec 'JPEG'"),
        ("jpeg:quality", "'quality' is no key=value"),
        ("jpeg:50", "'50' is no key=value"),
        ("jpeg:quality=high", "quality must be an integer from 1 to 100, not 'high'"),
        ("jpeg:quality=0", "quality must be an integer from 1 to 100, not 0"),
        ("jpeg:quality=101", "quality must be an integer from 1 to 100, not 101"),
        ("jpeg:quality=50.0", "must be an integer"),
        ("jpeg:quality=", "must be an integer"),
        ("jpeg:quality=50,quality=60", "gives quality twice"),
        ("jpeg:qp=3", "jpeg has no parameter 'qp'; it has: clip, per, quality"),
        ("h264:preset=brisk", "preset must be one of 'ultrafast'"),
        ("h264:lossless=yes", "lossless must be true or false, not 'yes'"),
        ("av1:preset=fast", "preset must be an integer from 0 to 13"),
        ("raw:dtype=int8", "dtype must be one of 'codes', 'float32', 'float16'"),
        ("raw:per=row", "per must be one of 'tensor', 'channel'"),
        ("raw:bits=3,dtype=float16", "bits and clip belong to codes"),
        ("raw:clip=profile,dtype=float16", "bits and clip belong to codes"),
        ("raw:" + "9" * 5000 + "=1", "has no parameter"),
        ("raw:bits=" + "9" * 5000, "must be an integer"),
    ],
)
def test_words_that_are_not_understood(spec: str, words: str) -> None:
    with pytest.raises(sw.CodecError, match=words) as error:
        sw.codec(spec)
    assert one_line(error)


@pytest.mark.parametrize(
    "values", [{"bits": "8"}, {"bits": 8.0}, {"bits": True}, {"bits": None}, {"clip": 3}]
)
def test_values_of_another_type(values: dict[str, Any]) -> None:
    with pytest.raises(sw.CodecError, match="must be") as error:
        sw.codec("raw", **values)
    assert one_line(error)


def test_codec_that_learns_nothing_takes_no_profile() -> None:
    for make in (lambda: sw.codec("ecsq:profile=x"), lambda: sw.codec("picture", profile="x")):
        with pytest.raises(sw.CodecError, match="takes no profile"):
            make()


def test_parameter_in_the_spec_and_in_the_call() -> None:
    with pytest.raises(sw.CodecError, match="gives bits, and so does the call"):
        sw.codec("raw:bits=4", bits=5)


def test_registered_class_is_found_and_passes_the_checks() -> None:
    sw.register_codec(Scaled)
    assert codec_names()[-1] == "scaled-2"
    codec = sw.codec("scaled-2:gain=4,level=-2.5,tag=a:b")
    assert codec == Scaled(gain=4, level=-2.5, tag="a:b")
    testing.check_codec(codec)
    np.testing.assert_array_equal(sw.decode(codec.encode([1.5, 2.0])), [1.5, 2.0])
    for spec, words in {
        "gain=0.4": "a number of at least 0.5, not 0.4",
        "gain=nan": "a number of at least 0.5, not nan",
        "level=10": "a number of at most 9, not 10",
        "level=nan": "not nan",
        "tag=Grüße": "must be ASCII text",
    }.items():
        with pytest.raises(sw.CodecError, match=words):
            sw.codec(f"scaled-2:{spec}")
    for value in ("a,b", "a=b", "a b", "a\n"):
        with pytest.raises(sw.CodecError, match="tag must be ASCII text"):
            Scaled(tag=value)
    with pytest.raises(sw.CodecError, match="255 at most"):
        Scaled(tag="x" * 300).encode([1.0])


def test_class_may_be_registered_again() -> None:
    @sw.register_codec
    class Twice(Plain):
        name: ClassVar[str] = "twice"
        level: int = sw.parameter(3, "any", low=0)

    assert sw.register_codec(Twice) is Twice
    assert codec_class("twice") is Twice
    assert sw.codec("twice:level=4").spec == "twice:level=4"


def test_class_that_nobody_registered_codes_and_decodes_its_own() -> None:
    class Loner(Plain):
        name: ClassVar[str] = "loner"

    x = features(3, 4)
    stream = Loner().encode(x)
    np.testing.assert_array_equal(Loner().decode(stream), x)
    with pytest.raises(sw.BitstreamError, match="unknown codec 'loner'"):
        sw.decode(stream)
    with pytest.raises(sw.BitstreamError, match="coded by loner, not raw"):
        sw.codec("raw").decode(stream)


def test_the_contract_knows_no_registry() -> None:
    code = "import sys, splitwire.codecs.base; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "splitwire.codecs.base" in done.stdout
    assert "splitwire.codecs.registry" not in done.stdout.split()


def test_name_that_is_taken() -> None:
    class Mine(Plain):
        name: ClassVar[str] = "jpeg"

    with pytest.raises(sw.CodecError, match=r"'jpeg' is taken by splitwire\.codecs\.jpeg\.Jpeg"):
        sw.register_codec(Mine)
    assert codec_class("jpeg").__name__ == "Jpeg"


@pytest.mark.parametrize(
    "name", ["", "Raw", "a b", "a_b", "a:b", "a,b", "2d", "-a", "é", "a" * 33, "a\n", 3, None]
)
def test_names_that_are_malformed(name: Any) -> None:
    made = type("Bad", (Plain,), {"name": name})
    with pytest.raises(sw.CodecError, match="must be 1 to 32 lower-case letters"):
        sw.register_codec(made)


def test_class_without_a_name() -> None:
    with pytest.raises(sw.CodecError, match="must be 1 to 32"):
        sw.register_codec(type("Nameless", (Plain,), {}))


def test_class_that_is_not_finished() -> None:
    class Half(Codec):
        name: ClassVar[str] = "half"

        def _encode(self, x: Tensor) -> bytes:
            return x.tobytes()

    with pytest.raises(sw.CodecError, match="'half' lacks _decode"):
        sw.register_codec(Half)
    assert "half" not in codec_names()


@pytest.mark.parametrize("default", [3, sw.parameter(None, "none"), sw.parameter((1, 2), "pair")])
def test_field_that_is_no_parameter(default: Any) -> None:
    members = {"name": "loose", "__annotations__": {"level": int}, "level": default}
    with pytest.raises(sw.CodecError, match=r"loose: declare level by splitwire\.parameter"):
        sw.register_codec(type("Loose", (Plain,), members))
    assert "loose" not in codec_names()


def test_codecs_are_frozen() -> None:
    with pytest.raises(AttributeError):
        sw.codec("raw").bits = 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", codec_names())
def test_input_that_is_no_tensor_of_numbers(name: str) -> None:
    codec = sw.codec(name)
    for x in (1.0, [], [[]], np.zeros((2, 0)), np.zeros(4, int), np.zeros(4, bool), ["a"], [1j]):
        with pytest.raises(sw.CodecError, match=r"codes .*tensors"):
            codec.encode(x)


def test_lists_halves_and_byte_orders_are_taken() -> None:
    codec = sw.codec("raw:dtype=float32")
    x = np.float32([[1.5, -2], [0, 3]])
    others = [
        x.tolist(),
        x.astype(np.float16),
        x.astype(">f8"),
        x[::-1][::-1],
        np.asfortranarray(x),
    ]
    for like in others:
        np.testing.assert_array_equal(codec.decode(codec.encode(like)), x)
