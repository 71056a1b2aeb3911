"""`ftc` of 80×14×14 (the default network's `blocks.3`) at quality 50: Python, C and WebAssembly.

Run with `pytest benchmarks/test_core.py`; with `--benchmark-disable` each runs once. Arenas, and
the copies into and out of WebAssembly, are outside of what is timed.
"""

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import splitwire as sw
from splitwire.codecs.ftc.profile import opened
from splitwire.kernels.coefficient_arguments import ONE

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests/core"))

from native import Core  # noqa: E402
from wasm import WasmCore  # noqa: E402

SPEC = "ftc:quality=50"
PROFILE = ROOT / "splitwire/profiles/lite0/blocks.3-ftc.profile"


@lru_cache(1)
def features() -> Any:
    """As large, component by component, as the profile expects."""
    table = opened(sw.Profile.load(PROFILE))
    sizes = table.arrays["expected"][table.classes(50)] / ONE
    q = np.rint(np.random.default_rng(0).laplace(0, 1, table.shape) * sizes).astype(np.int16)
    return table.planes(table.numbers(q, 50))


def python(way: str) -> Callable[[], Any]:
    codec, x = sw.codec(SPEC, profile=sw.Profile.load(PROFILE)), features()
    stream = codec.encode(x)
    return partial(codec.encode, x) if way == "encode" else partial(codec.decode, stream)


def core(kind: Callable[[sw.Profile], Core | WasmCore], way: str) -> Callable[[], Any]:
    made, x = kind(sw.Profile.load(PROFILE)), features()
    stream = made.encode(SPEC, x)
    return made.encoding(SPEC, x)[0] if way == "encode" else made.decoding(stream)[0]


MAKERS = {"python": python, "native": partial(core, Core), "wasm": partial(core, WasmCore)}


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("name", MAKERS)
def test_ftc(benchmark: Any, name: str, way: str) -> None:
    benchmark.group = way
    result = benchmark(MAKERS[name](way))
    assert name == "python" or result == 0  # an error is a number
