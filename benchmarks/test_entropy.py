"""The entropy coders beside their peers, on Laplacian symbols as quantised features are.

Run with `pytest benchmarks/test_entropy.py`; with `--benchmark-disable` each runs once. All
must give the symbols back. `extra_info` holds bytes against the order-0 entropy.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from splitwire import kernels
from splitwire.bench.entropy import ALPHABETS, CODERS, SIZES, Coder, Symbols
from splitwire.kernels import _isa


@pytest.fixture(params=_isa.supported())
def isa(request: Any) -> Iterator[str]:
    before = _isa.name()
    _isa.use(request.param)
    yield request.param
    _isa.use(before)


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("name", CODERS)
def test_symbols(benchmark: Any, name: str, alphabet: int, size: int, way: str) -> None:
    time(benchmark, CODERS[name], Symbols.laplacian(size, alphabet), way)


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("size", SIZES)
def test_instruction_sets(benchmark: Any, isa: str, size: int, way: str) -> None:
    time(benchmark, CODERS["splitwire"], Symbols.laplacian(size, 16), way)


def time(benchmark: Any, make: Callable[[Symbols], Coder | None], s: Symbols, way: str) -> None:
    coder = make(s)
    if coder is None:
        pytest.skip("not installed, or not for such symbols")
    coded = coder.encode()
    assert np.array_equal(coder.decode(coded), s.values)
    benchmark.group = f"{way} {s.values.size} of {len(s.counts)} symbols"
    benchmark.extra_info["bytes over entropy"] = coder.size(coded) / s.entropy
    if way == "encode":
        benchmark(coder.encode)
    else:
        benchmark(coder.decode, coded)


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.03])
def test_bins(benchmark: Any, share: float, way: str) -> None:
    """A million bins in 64 contexts, a share of which are ones."""
    rng = np.random.default_rng(0)
    bins = (rng.random(1_000_000) < share).astype(np.uint8)
    contexts = rng.integers(0, 64, bins.size).astype(np.uint16)
    states = np.full(64, 1 << 15, np.uint16)
    stream = kernels.range_encode(bins, contexts, states)
    assert np.array_equal(kernels.range_decode(stream, contexts, states), bins)
    benchmark.group = f"{way} bins, {share:.0%} ones"
    if way == "encode":
        benchmark(kernels.range_encode, bins, contexts, states)
    else:
        benchmark(kernels.range_decode, stream, contexts, states)
