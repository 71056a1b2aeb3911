"""The entropy coders beside their peers, on Laplacian symbols as quantised features are.

Run with `pytest benchmarks/test_entropy.py`; with `--benchmark-disable` each runs once. Peers that
are not installed are skipped: constriction, zstandard, blosc2 and compressai. All work on one
thread and must give the symbols back. `extra_info` holds bytes against the order-0 entropy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from splitwire import kernels
from splitwire.kernels import _isa

SIZES = [15_680, 1_000_000]
ALPHABETS = [16, 256]


@dataclass(frozen=True)
class Symbols:
    """Symbols, how often each occurs, and what their order-0 entropy is in bytes."""

    values: np.ndarray
    counts: np.ndarray

    @classmethod
    def laplacian(cls, size: int, alphabet: int) -> "Symbols":
        x = np.random.default_rng(0).laplace(alphabet / 2, alphabet / 9, size)
        values = np.rint(x).clip(0, alphabet - 1).astype(np.uint8)
        return cls(values, np.bincount(values, minlength=alphabet))

    @property
    def entropy(self) -> float:
        share = self.counts[self.counts > 0] / self.values.size
        return float(-(share * np.log2(share)).sum() * self.values.size / 8)


@dataclass(frozen=True)
class Coder:
    """Encode, decode, and how many bytes an encoded object is."""

    encode: Callable[[], Any]
    decode: Callable[[Any], np.ndarray]
    size: Callable[[Any], int] = len


def splitwire_rans(s: Symbols) -> Coder:
    """With its table, packed, as the codec `rans` sends it."""
    alphabet, shape = len(s.counts), s.values.shape

    def encode() -> tuple[np.ndarray, np.ndarray]:
        table = kernels.pack_frequencies(s.counts)
        return table, kernels.rans_encode(s.values, kernels.unpack_frequencies(table, alphabet))

    def decode(coded: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        table, stream = coded
        return kernels.rans_decode(stream, kernels.unpack_frequencies(table, alphabet), shape)

    return Coder(encode, decode, lambda coded: coded[0].size + coded[1].size)


def on(isa: str) -> Callable[[Symbols], Coder]:
    def make(s: Symbols) -> Coder:
        if isa not in _isa.supported():
            pytest.skip(f"no {isa} here")
        _isa.use(isa)
        return splitwire_rans(s)

    return make


def splitwire_unary(s: Symbols) -> Coder:
    if len(s.counts) > 64:
        pytest.skip("unary bins are for small alphabets")
    states = np.full(len(s.counts) - 1, 1 << 15, np.uint16)
    return Coder(
        lambda: kernels.unary_encode(s.values, states),
        lambda stream: kernels.unary_decode(stream, s.values.size, states),
    )


def constriction_ans(s: Symbols) -> Coder:
    stream = pytest.importorskip("constriction").stream
    model = stream.model.Categorical((s.counts / s.counts.sum()).astype(np.float32), perfect=False)
    symbols = s.values.astype(np.int32)

    def encode() -> np.ndarray:
        coder = stream.stack.AnsCoder()
        coder.encode_reverse(symbols, model)
        return coder.get_compressed()

    def decode(words: np.ndarray) -> np.ndarray:
        return stream.stack.AnsCoder(words).decode(model, s.values.size)

    return Coder(encode, decode, lambda words: 4 * len(words))


def compressai_rans(s: Symbols) -> Coder:
    ans = pytest.importorskip("compressai.ans")
    steps = np.cumsum(kernels.rans_frequencies(np.append(s.counts, 1) + 1).astype(int)) << 4
    cdf = [[0, *steps.tolist()]]
    lengths, offsets, indexes = [len(cdf[0])], [0], [0] * s.values.size
    symbols = s.values.tolist()
    return Coder(
        lambda: ans.RansEncoder().encode_with_indexes(symbols, indexes, cdf, lengths, offsets),
        lambda stream: np.array(
            ans.RansDecoder().decode_with_indexes(stream, indexes, cdf, lengths, offsets)
        ),
    )


def zstd(s: Symbols) -> Coder:
    module = pytest.importorskip("zstandard")
    encoder, decoder, data = module.ZstdCompressor(3), module.ZstdDecompressor(), s.values.tobytes()
    return Coder(
        lambda: encoder.compress(data),
        lambda coded: np.frombuffer(decoder.decompress(coded), np.uint8),
    )


def blosc2_zstd(s: Symbols) -> Coder:
    module = pytest.importorskip("blosc2")
    module.set_nthreads(1)
    data = s.values.tobytes()
    shuffle = module.Filter.BITSHUFFLE
    return Coder(
        lambda: module.compress(data, 1, 5, shuffle, codec=module.Codec.ZSTD),
        lambda coded: np.frombuffer(module.decompress(coded), np.uint8),
    )


CODERS = {
    "splitwire": splitwire_rans,
    "splitwire-avx2": on("avx2"),
    "splitwire-baseline": on("baseline"),
    "splitwire-unary": splitwire_unary,
    "constriction": constriction_ans,
    "compressai": compressai_rans,
    "zstd": zstd,
    "blosc2": blosc2_zstd,
}


@pytest.fixture(autouse=True)
def best_isa() -> Any:
    before = _isa.name()
    yield
    _isa.use(before)


@pytest.mark.parametrize("way", ["encode", "decode"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("name", CODERS)
def test_symbols(benchmark: Any, name: str, alphabet: int, size: int, way: str) -> None:
    s = Symbols.laplacian(size, alphabet)
    coder = CODERS[name](s)
    coded = coder.encode()
    assert np.array_equal(coder.decode(coded), s.values)
    benchmark.group = f"{way} {size} of {alphabet} symbols"
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
