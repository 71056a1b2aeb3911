"""The video itself, in colour."""

from typing import Any

import numpy as np
import pytest

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.base import Tensor
from splitwire.codecs.colour import from_yuv, to_yuv
from splitwire.data.clips import load_clips
from splitwire.errors import BitstreamError, CodecError

KINDS = (
    "h264,preset=ultrafast",  # of the baseline profile
    "h264,preset=superfast",  # main
    "h264,chroma=420",
    "h264,chroma=444",
    "hevc,chroma=420",
    "hevc,chroma=444",
    "av1",
)


@pytest.fixture(scope="module")
def frames() -> list[Tensor]:
    """Four of a clip without noise, 96 by 80."""
    clip = load_clips("moving")[0]
    cut = (np.asarray(frame.crop((80, 80, 160, 176)), np.float32) for frame in clip.frames(2, 4))
    return [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in cut]


def error(x: Tensor, y: Tensor) -> float:
    return float(((x - y) ** 2).mean())


def test_colours_come_back_as_near_as_eight_bits_allow(frames: list[Tensor]) -> None:
    greys = np.full((3, 4, 6), 77, np.float32)
    for halved in (False, True):
        np.testing.assert_array_equal(from_yuv(to_yuv(greys, halved)), greys)
    assert error(frames[0], from_yuv(to_yuv(frames[0], False))) < 0.5
    assert error(frames[0], from_yuv(to_yuv(frames[0], True))) < 4


def test_primary_colours_are_those_of_jfif() -> None:
    x = np.zeros((3, 2, 6), np.float32)
    for at in range(3):
        x[at, :, 2 * at : 2 * at + 2] = 255
    luma, cb, cr = to_yuv(x, halved=True)
    assert luma[0, ::2].tolist() == [76, 150, 29]
    assert cb[0].tolist() == [85, 44, 255]
    assert cr[0].tolist() == [255, 21, 107]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_follow_cost_less_and_decode_as_well(kind: str, frames: list[Tensor]) -> None:
    codec = sw.codec(f"film:qp=16,format={kind}")
    if codec.missing:
        pytest.skip(f"no {codec.missing}")
    encoder, decoder = codec.encoder(), codec.decoder()
    streams = [encoder.encode(x) for x in frames]
    errors = [error(x, decoder.decode(s)) for x, s in zip(frames, streams, strict=True)]
    assert max(errors) < 16
    assert max(map(len, streams[1:])) < 0.8 * len(streams[0])


def test_full_colour_is_finer_than_half(frames: list[Tensor]) -> None:
    half, full = (sw.codec(f"film:qp=1,chroma={chroma}") for chroma in ("420", "444"))
    errors = [error(frames[0], sw.decode(codec.encode(frames[0]))) for codec in (half, full)]
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("form", ["h264", "hevc"])
def test_a_frame_of_another_chroma_format_is_refused(form: str, frames: list[Tensor]) -> None:
    coded = sw.codec(f"film:format={form},chroma=444").encode(frames[0])
    header, payload = bitstream.read(coded)
    other = sw.codec(f"film:format={form}").wrap(bytes(payload), header.shape)
    with pytest.raises(BitstreamError, match="chroma format 3 instead of 1"):
        sw.decode(other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"format": "av1", "chroma": "444"}, "4:4:4"),
        ({"format": "h264", "qp": 60}, "51"),
        ({"format": "hevc", "preset": "8"}, "preset"),
    ],
)
def test_what_an_encoder_does_not_know_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(CodecError, match=said):
        sw.codec("film", **settings)
