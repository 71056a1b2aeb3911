"""Every codec, encoding and decoding features of the default network.

Run with `pytest benchmarks/test_codecs.py`; with `--benchmark-disable` each runs once. Shapes are
those of the default experiment's splits; codecs of the picture take it at three sizes. `extra_info`
holds the bytes of the stream. Codecs are at their defaults.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.registry import codec_names
from splitwire.data.photos import load_photos

SPLITS = ("blocks.2", "blocks.3", "blocks.5")
SIDES = (112, 224, 448)
PICTURES = ("picture", "film")
# The package has no profile of `learned` at blocks.2, and no checkpoint of CompressAI's.
WITHOUT = {("learned", "blocks.2"), *(("compressai", at) for at in SPLITS)}
CASES = [
    (name, at)
    for name in codec_names()
    for at in (SIDES if name in PICTURES else SPLITS)
    if (name, at) not in WITHOUT
]


@lru_cache
def model() -> sw.Model:
    return sw.load_model("lite0")


@lru_cache
def halves(at: str) -> sw.Split:
    return sw.split(model(), at)


@lru_cache
def tensor(at: str | int) -> np.ndarray:
    """What crosses at a split, or a picture of so many pixels a side."""
    photo = load_photos("samples", 1)[0].open()
    if isinstance(at, int):
        return np.moveaxis(np.asarray(photo.resize((at, at)), np.float32), 2, 0)
    return halves(at).start(model().preprocess.picture(photo))[0][0].numpy()


def made(name: str, at: str | int) -> sw.Codec:
    codec = sw.codec(name)
    if isinstance(at, str):
        (codec,) = ProfileStore().codecs(halves(at), codec, "classification")
    return codec


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("name, at", CASES, ids=[f"{name}-{at}" for name, at in CASES])
def test_codec(benchmark: Any, name: str, at: str | int, way: str) -> None:
    codec, x = made(name, at), tensor(at)
    stream = codec.encode(x)
    benchmark.group = f"{way} {'x'.join(map(str, x.shape))}"
    benchmark.extra_info["bytes"] = len(stream)
    benchmark.extra_info["bits an element"] = 8 * len(stream) / x.size
    if way == "encode":
        benchmark(codec.encode, x)
    else:
        benchmark(codec.decode, stream)
