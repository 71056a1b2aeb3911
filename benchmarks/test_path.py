"""The way from a picture to a prediction, whole and stage by stage.

Run with `pytest benchmarks/test_path.py`; with `--benchmark-disable` each runs once. The default
network is cut at `blocks.3`; torch has one thread. `extra_info` holds the bytes of the stream.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import pytest
import torch

import splitwire as sw
from splitwire.bench.tensors import one_thread
from splitwire.calibrate.store import ProfileStore
from splitwire.data.photos import load_photos

CODECS = ("raw:bits=8", "jpeg:quality=50", "hevc:qp=32", "ftc:quality=50")
STAGES = ("edge", "encode", "decode", "cloud", "whole")


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    with one_thread():
        yield


@lru_cache
def halves() -> sw.Split:
    return sw.split(sw.load_model("lite0"), "blocks.3")


@lru_cache
def work(spec: str) -> tuple[dict[str, Callable[[], Any]], bytes]:
    """Each stage, fed with what the one before it gave; and the stream."""
    split = halves()
    (codec,) = ProfileStore().codecs(split, sw.codec(spec), "classification")
    picture = split.model.preprocess.picture(load_photos("samples", 1)[0].open())
    feature = split.start(picture)[0][0]
    stream = codec.encode(feature)
    decoded = torch.from_numpy(codec.decode(stream))[None]

    def whole() -> Any:
        sent = codec.encode(split.start(picture)[0][0])
        return split.finish([torch.from_numpy(codec.decode(sent))[None]])

    stages = {
        "edge": partial(split.start, picture),
        "encode": partial(codec.encode, feature),
        "decode": partial(codec.decode, stream),
        "cloud": partial(split.finish, [decoded]),
        "whole": whole,
    }
    return stages, stream


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("spec", CODECS)
def test_stage(benchmark: Any, spec: str, stage: str) -> None:
    stages, stream = work(spec)
    benchmark.group = stage
    benchmark.extra_info["bytes"] = len(stream)
    assert benchmark(stages[stage]) is not None
