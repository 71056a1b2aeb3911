"""Every codec there is passes the checks that the package offers to all codecs."""

import pytest
from streams import NAMES

import splitwire as sw
from splitwire import testing

VARIATIONS = [
    *(f"raw:bits={bits}" for bits in range(1, 8)),
    *(f"{name}:per=channel" for name in ("raw", "png", "jpeg", "h264", "hevc", "av1")),
    *(f"{name}:clip=minmax" for name in ("raw", "png", "jpeg", "h264", "hevc", "av1")),
    *(f"{name}:clip=profile" for name in ("raw", "png", "jpeg", "h264", "hevc", "av1")),
    "raw:clip=profile,per=channel,bits=5",
    "h264:clip=profile,per=channel",
    "rans:bits=1",
    "rans:bits=8,per=channel",
    "rans:clip=3sd,bits=3",
    "rans:clip=minmax",
    "rans:clip=profile",
    "ecsq:levels=2",
    "ecsq:levels=3,tradeoff=10",
    "ecsq:levels=64,tradeoff=0",
    "png:clip=laplace",
    "raw:clip=laplace,bits=2,per=channel",
    "raw:dtype=float32",
    "raw:dtype=float16",
    "raw:clip=2.5sd",
    "png:bits=1",
    "png:bits=4,per=channel,clip=0.5sd",
    "jpeg:quality=1",
    "jpeg:quality=100",
    "h264:lossless=true",
    "h264:qp=1,preset=ultrafast",
    "h264:qp=51,preset=slower",
    "hevc:lossless=true,per=channel",
    "hevc:qp=1,preset=ultrafast",
    "hevc:qp=51,preset=fast",
    "av1:lossless=true",
    "av1:qp=1,preset=13",
    "av1:qp=63,preset=6",
    "film:format=hevc,chroma=444",
    "film:format=av1,qp=10",
    "picture:format=jpeg",
    "picture:format=jpeg,quality=1",
]


@pytest.mark.parametrize("spec", [*NAMES, *VARIATIONS])
def test_codec_passes_the_shared_checks(spec: str) -> None:
    testing.check_codec(sw.codec(spec))
