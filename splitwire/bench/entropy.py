"""The entropy coders and their peers, on Laplacian symbols as quantised features are.

Each coder is made for the symbols it will code, so that a peer's tables cost it nothing; ours are
counted. All work on one thread. Peers that are not installed are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire import kernels
from splitwire.bench.tensors import Work, installed
from splitwire.kernels.arguments import Codes

SIZES = (15_680, 1_000_000)
ALPHABETS = (16, 256)


@dataclass(frozen=True)
class Symbols:
    """Symbols, and how often each occurs."""

    values: Codes
    counts: npt.NDArray[np.int64]

    @classmethod
    def laplacian(cls, size: int, alphabet: int) -> "Symbols":
        """A ninth of the alphabet is the scale of their distribution."""
        x = np.random.default_rng(0).laplace(alphabet / 2, alphabet / 9, size)
        values = np.rint(x).clip(0, alphabet - 1).astype(np.uint8)
        return cls(values, np.bincount(values, minlength=alphabet))

    @property
    def entropy(self) -> float:
        """Their order-0 entropy, in bytes."""
        share = self.counts[self.counts > 0] / self.values.size
        return float(-(share * np.log2(share)).sum() * self.values.size / 8)


@dataclass(frozen=True)
class Coder:
    """Encode, decode, and how many bytes an encoded object is."""

    encode: Callable[[], Any]
    decode: Callable[[Any], Codes]
    size: Callable[[Any], int] = len


def _splitwire_rans(s: Symbols) -> Coder:
    """With its table, packed, as the codec `rans` sends it."""
    alphabet, shape = len(s.counts), s.values.shape
    if kernels.rans8_suits(s.counts):
        return Coder(
            lambda: kernels.rans8_encode(s.values, s.counts),
            lambda stream: kernels.rans8_decode(stream, shape),
        )

    def encode() -> tuple[Codes, Codes]:
        table = kernels.pack_frequencies(s.counts)
        return table, kernels.rans_encode(s.values, kernels.unpack_frequencies(table, alphabet))

    def decode(coded: tuple[Codes, Codes]) -> Codes:
        table, stream = coded
        return kernels.rans_decode(stream, kernels.unpack_frequencies(table, alphabet), shape)

    return Coder(encode, decode, lambda coded: coded[0].size + coded[1].size)


def _splitwire_unary(s: Symbols) -> Coder | None:
    if len(s.counts) > 64:
        return None  # unary bins are for small alphabets
    states = np.full(len(s.counts) - 1, 1 << 15, np.uint16)
    return Coder(
        lambda: kernels.unary_encode(s.values, states),
        lambda stream: kernels.unary_decode(stream, s.values.size, states),
    )


def _constriction_ans(s: Symbols) -> Coder | None:
    constriction = installed("constriction")
    if constriction is None:
        return None
    stream = constriction.stream
    model = stream.model.Categorical((s.counts / s.counts.sum()).astype(np.float32), perfect=False)
    symbols = s.values.astype(np.int32)

    def encode() -> Any:
        coder = stream.stack.AnsCoder()
        coder.encode_reverse(symbols, model)
        return coder.get_compressed()

    def decode(words: Any) -> Codes:
        symbols: Codes = stream.stack.AnsCoder(words).decode(model, s.values.size)
        return symbols

    return Coder(encode, decode, lambda words: 4 * len(words))


def _compressai_rans(s: Symbols) -> Coder | None:
    ans = installed("compressai.ans")
    if ans is None:
        return None
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


def _zstd(s: Symbols) -> Coder | None:
    module = installed("zstandard")
    if module is None:
        return None
    encoder, decoder, data = module.ZstdCompressor(3), module.ZstdDecompressor(), s.values.tobytes()
    return Coder(
        lambda: encoder.compress(data),
        lambda coded: np.frombuffer(decoder.decompress(coded), np.uint8),
    )


def _blosc2_zstd(s: Symbols) -> Coder | None:
    module = installed("blosc2")
    if module is None:
        return None
    module.set_nthreads(1)
    data = s.values.tobytes()
    shuffle = module.Filter.BITSHUFFLE
    return Coder(
        lambda: module.compress(data, 1, 5, shuffle, codec=module.Codec.ZSTD),
        lambda coded: np.frombuffer(module.decompress(coded), np.uint8),
    )


CODERS: dict[str, Callable[[Symbols], Coder | None]] = {
    "splitwire": _splitwire_rans,
    "splitwire unary": _splitwire_unary,
    "constriction": _constriction_ans,
    "compressai": _compressai_rans,
    "zstd": _zstd,
    "blosc2": _blosc2_zstd,
}


def works(size: int, alphabet: int) -> dict[str, Work]:
    """The calls of every coder, by what they do."""
    s = Symbols.laplacian(size, alphabet)
    ready = {name: coder for name, make in CODERS.items() if (coder := make(s))}
    return {
        "encode": {name: coder.encode for name, coder in ready.items()},
        "decode": {name: partial(coder.decode, coder.encode()) for name, coder in ready.items()},
    }
