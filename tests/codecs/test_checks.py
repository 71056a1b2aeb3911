"""The shared checks find what is wrong with a codec of a tensor at a time."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from streams import features
from torch import nn

import splitwire as sw
from splitwire import testing
from splitwire.codecs import registry
from splitwire.codecs.base import Tensor
from splitwire.codecs.registry import codec_names
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.runner.link import Wire
from splitwire.runner.local import infer


class Halves(sw.Codec):
    """Numbers as float16, scaled: nothing is wrong with it."""

    name: ClassVar[str] = "halves"
    gain: float = sw.parameter(1.0, "factor", low=0.5, high=4, decoding=True)

    def _encode(self, x: Tensor) -> bytes:
        with np.errstate(over="ignore"):
            return (x * np.float32(self.gain)).astype("<f2").tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        numbers = np.frombuffer(payload, "<f2").reshape(shape).astype(np.float32)
        return np.nan_to_num(numbers) / np.float32(self.gain)


class Forgetful(Halves):
    """The gain does not travel."""

    name: ClassVar[str] = "forgetful"
    gain: float = sw.parameter(1.0, "factor", low=0.5, high=4)


class Switched(Halves):
    """Nor does a switch."""

    name: ClassVar[str] = "switched"
    negative: bool = sw.parameter(False, "the sign turned round")

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        y = super()._decode(payload, shape)
        return -y if self.negative else y


class Boundless(Halves):
    """The gain does not travel, and has no limits to be tried at."""

    name: ClassVar[str] = "boundless"
    gain: float = sw.parameter(1.0, "factor")


class Flagged(Halves):
    """Nor does this one, of which the default's streams tell nothing."""

    name: ClassVar[str] = "flagged"
    gain: int = sw.parameter(1, "factor", low=1, high=4)

    def _encode(self, x: Tensor) -> bytes:
        return bytes([self.gain > 1]) + super()._encode(x)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        y = np.frombuffer(payload[1:], "<f2").reshape(shape).astype(np.float32)
        return y / np.float32(self.gain) if payload[0] else y


class Moody(Halves):
    """Nor a word, of which nobody knows which others there are."""

    name: ClassVar[str] = "moody"
    mood: str = sw.parameter("plain", "plain, or negative")

    def _encode(self, x: Tensor) -> bytes:
        return super()._encode(-x if self.mood == "negative" else x)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        y = super()._decode(payload, shape)
        return -y if self.mood == "negative" else y


class Faint(Halves):
    """Decodes to all but zeros, which correlate as well as ever."""

    name: ClassVar[str] = "faint"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return np.float32(1e-6) * super()._decode(payload, shape)


class Flat(Halves):
    """Decodes what is not of three dimensions to zeros."""

    name: ClassVar[str] = "flat"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return super()._decode(payload, shape) * np.float32(len(shape) == 3)


class Zeros(Halves):
    name: ClassVar[str] = "zeros"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return 0 * super()._decode(payload, shape)


class Ramp(Halves):
    """Decodes to the same tensor, whatever it got."""

    name: ClassVar[str] = "ramp"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        y = super()._decode(payload, shape)
        y[...] = np.arange(shape[-1])
        return y


class Optimistic(Halves):
    """Promises more than float16 can keep."""

    name: ClassVar[str] = "optimistic"

    def most_error(self, x: Tensor) -> float:
        return 1e-6 * float(np.abs(x).max())


class NoBytes(Halves):
    name: ClassVar[str] = "no-bytes"

    def _encode(self, x: Tensor) -> Any:
        return np.frombuffer(super()._encode(x), np.uint8)


class Nothing(Halves):
    name: ClassVar[str] = "nothing"

    def _encode(self, x: Tensor) -> bytes:
        return b""

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return np.zeros(shape, np.float32)


class Whole(Halves):
    """A default of 1 for a number: a gain of 0.5 would be refused."""

    name: ClassVar[str] = "whole"
    gain: float = sw.parameter(1, "factor", low=1, high=4, decoding=True)


class Worded(Halves):
    name: ClassVar[str] = "worded"
    effort: int = sw.parameter("6", "how hard it tries")


@pytest.fixture(autouse=True)
def registered_for_the_test_only() -> Iterator[None]:
    codec_names()
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_what_is_sound_passes(gain: float) -> None:
    testing.check_codec(sw.register_codec(Halves)(gain=gain))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Forgetful, "decodes by gain: declare it with decoding=True"),
        (Switched, "decodes by negative: declare it with decoding=True"),
        (Boundless, "decodes by gain: declare it with decoding=True"),
        (Flagged, "decodes by gain: declare it with decoding=True"),
        (Moody, "decodes by mood: declare it with decoding=True, or give it choices"),
        (Faint, "as far from them as zeros are"),
        (Flat, r"of shape \(17, 12\) to what is as far from them as zeros are"),
        (Zeros, "not like its input"),
        (Ramp, "not like its input"),
        (Nothing, "not like its input"),
        (Optimistic, r"an error of .*, and promises .* at most \(most_error\)"),
        (NoBytes, r"numpy\.ndarray'>, not bytes"),
        (Whole, "gain is declared as float, and its default is 1:"),
        (Worded, "effort is declared as int, and its default is '6':"),
    ],
)
def test_what_is_wrong_is_found(wrong: type[sw.Codec], words: str) -> None:
    codec = sw.register_codec(wrong)()
    with pytest.raises(AssertionError, match=words):
        testing.check_codec(codec)


def test_a_payload_that_is_no_bytes_is_refused_by_name() -> None:
    with pytest.raises(sw.CodecError, match=r"no-bytes made a payload of .*: bytes expected"):
        NoBytes().encode(features(3, 4))


class Holding(Halves):
    """Runs a network on both sides."""

    name: ClassVar[str] = "holding"
    net = nn.Sequential(nn.Identity()).eval().requires_grad_(False)

    def _encode(self, x: Tensor) -> bytes:
        return super()._encode(self.net(torch.from_numpy(x)).numpy())

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        y: Tensor = self.net(torch.from_numpy(super()._decode(payload, shape))).numpy()
        return y


def test_a_codec_may_hold_a_network() -> None:
    testing.check_codec(sw.register_codec(Holding)())


def test_a_network_that_is_a_parameter_or_the_codec_itself_is_refused_in_words() -> None:
    class Typed(Halves):
        name: ClassVar[str] = "typed"
        net: nn.Module = nn.Identity()

    with pytest.raises(sw.CodecError, match=r"net is a network.* write it without a type, `net ="):
        sw.register_codec(Typed)

    class Both(Halves, nn.Module):  # type: ignore[misc]
        name: ClassVar[str] = "both"

    with pytest.raises(sw.CodecError, match=r"Both is a network itself: .* hold the network"):
        sw.register_codec(Both)


class Torch(Halves):
    name: ClassVar[str] = "torch"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Any:
        return torch.from_numpy(super()._decode(payload, shape))


class Mistyped(Halves):
    name: ClassVar[str] = "mistyped"

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        return payload.reshape(shape)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Torch, r"Tensor instead of an array: of torch's, give x\.numpy\(\)"),
        (Mistyped, r"unless somebody forged it, which CRC-32 does not tell, the codec is at fault"),
    ],
)
def test_a_codec_s_own_fault_is_told_from_a_damaged_stream(
    wrong: type[sw.Codec], words: str
) -> None:
    codec = sw.register_codec(wrong)()
    with pytest.raises(sw.BitstreamError, match=words):
        codec.decode(codec.encode(features(3, 4)))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 2))
    how = Preprocess(16, 20, (0.0,) * 3, (1.0,) * 3, "bilinear")
    split = sw.split(assemble("own", network, how), "0")
    x = np.zeros((3, 16, 16), np.float32)
    with pytest.raises(sw.CodecError, match="what it encoded just now, so it is at fault, not the"):
        infer(split, [codec], [codec], Wire(), x)
