"""The bound on a stream's length holds for what is hardest to code, at the best qualities."""

import numpy as np
import pytest
from streams import NAMES, ready

import splitwire as sw
from splitwire.errors import CodecError

FINEST = (
    *("raw:bits=1", "raw:bits=7,per=channel", "raw:dtype=float32", "raw:dtype=float16"),
    *("rans:bits=8,clip=minmax", "ecsq:levels=64,tradeoff=0", "png:clip=minmax"),
    *("jpeg:quality=100,clip=minmax", "h264:lossless=true,clip=minmax", "h264:qp=1"),
    *("hevc:lossless=true,clip=minmax", "av1:lossless=true,clip=minmax", "picture"),
    "picture:format=jpeg,quality=100",
)
SHAPES = (3, 1, 1), (3, 40, 40), (130, 6, 6)
CASES = [
    (spec, shape) for spec in (*NAMES, *FINEST) for shape in SHAPES if sw.codec(spec).takes(shape)
]


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_no_stream_is_longer_than_its_codec_says(spec: str, shape: tuple[int, ...]) -> None:
    codec = sw.codec(spec) if ":" in spec else ready(spec, *shape)
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    for x in (noise, np.where(noise > 250, 1e30, -(noise**3)).astype(np.float32)):
        try:
            stream = codec.encode(x)
        except CodecError:
            continue
        assert len(stream) <= codec.most_bytes(shape)
        assert len(stream) <= sw.Codec.most_bytes(codec, shape)
