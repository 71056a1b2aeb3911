"""rANS by bytes: round trips, one stream on every path, size, damage, refusals and golden bytes."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels as compiled
from splitwire.kernels import _isa, reference

SIZES = [1, 63, 64, 65, 127, 128, 129, 192, 193, 256, 1000]
KINDS = {
    "laplacian": lambda rng, n: rng.laplace(128, 28, n),
    "uniform": lambda rng, n: rng.integers(0, 256, n),
    "constant": lambda rng, n: np.full(n, 77),
    "sparse": lambda rng, n: rng.integers(0, 256, n) * (rng.random(n) < 0.1),
    "at the edge": lambda rng, n: rng.integers(251, 256, n),
}


def drawn(kind, size, seed=0):
    """Symbols, and how often each occurs."""
    x = KINDS[kind](np.random.default_rng(seed), size)
    symbols = np.rint(x).clip(0, 255).astype(np.uint8)
    return symbols, np.bincount(symbols, minlength=256)


@pytest.mark.parametrize("size", [8191, 8192, 65536, 65537])
def test_it_suits_tensors_of_some_size_unless_a_level_is_frequent(kernels, size):
    counts = np.zeros(256, np.int64)
    counts[:4] = size // 4
    counts[4] = size % 4
    assert kernels.rans8_suits(counts) is (size in (8192, 65536))
    counts[:2] += 1, -1
    assert kernels.rans8_suits(counts) is False
    assert kernels.rans8_suits(np.full(16, size // 16)) is False


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(kernels, kind, size):
    symbols, counts = drawn(kind, size)
    stream = kernels.rans8_encode(symbols, counts)
    decoded = kernels.rans8_decode(stream, (size,))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, symbols)
    again = kernels.rans8_decode(stream.tobytes(), (1, size, 1))
    assert np.array_equal(again.reshape(-1), symbols)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [128 + 64 * 50, 20_001])
def test_every_path_makes_the_same_stream(isa, kind, size):
    symbols, counts = drawn(kind, size)
    stream = compiled.rans8_encode(symbols, counts)
    assert stream.tobytes() == reference.rans8_encode(symbols, counts).tobytes()
    assert np.array_equal(compiled.rans8_decode(stream, (size,)), symbols)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_symbols_and_any_counts_that_allow_them(data):
    """Counts need not be those of the symbols: any weights do, where none that occurs is 0."""
    levels = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=9, unique=True))
    chosen = st.lists(st.sampled_from(levels), min_size=1, max_size=700)
    symbols = np.array(data.draw(chosen), np.uint8)
    counts = np.zeros(256, np.int64)
    for level in levels:
        counts[level] = data.draw(st.integers(1, 1 << data.draw(st.integers(1, 36))))
    twin = reference.rans8_encode(symbols, counts).tobytes()
    before = _isa.name()
    for isa in _isa.supported():
        _isa.use(isa)
        assert compiled.rans8_encode(symbols, counts).tobytes() == twin
        assert np.array_equal(compiled.rans8_decode(twin, symbols.shape), symbols)
    _isa.use(before)


def test_frequencies_of_the_dearest_symbols(isa):
    """All lanes put a byte out in every round."""
    counts = np.full(256, 1 << 20)
    counts[9] = 1
    symbols = np.full(10_000, 9, np.uint8)
    stream = compiled.rans8_encode(symbols, counts)
    assert stream.tobytes() == reference.rans8_encode(symbols, counts).tobytes()
    assert np.array_equal(compiled.rans8_decode(stream, symbols.shape), symbols)


@pytest.mark.parametrize(("size", "allowed"), [(10_000, 1.015), (100_000, 1.006)])
def test_size_with_its_tree(size, allowed):
    symbols, counts = drawn("laplacian", size)
    share = counts[counts > 0] / size
    entropy = -(share * np.log2(share)).sum() * size / 8
    assert compiled.rans8_encode(symbols, counts).size <= allowed * entropy


def answer(kernels, data, shape):
    try:
        return kernels.rans8_decode(data, shape).tobytes()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("size", [200, 3000])
def test_every_damage_gives_one_answer(isa, size):
    """A damaged stream is refused, or decoded to the same symbols, on every path."""
    rng = np.random.default_rng(1)
    symbols, counts = drawn("laplacian", size)
    stream = compiled.rans8_encode(symbols, counts).tobytes()
    refused = 0
    for trial in range(200):
        bad = bytearray(stream)
        bad[rng.integers(0, len(bad) if trial % 2 else 60)] ^= 1 << rng.integers(0, 8)
        if trial % 5 == 0:
            bad = bad[: rng.integers(0, len(bad))]
        ours, twin = (answer(kernels, bad, (size,)) for kernels in (compiled, reference))
        assert ours == twin
        refused += isinstance(ours, str)
    assert refused > 80  # flipped plain bits are symbols like others


def test_what_no_encoder_writes_is_refused(kernels):
    symbols, counts = drawn("laplacian", 500)
    good = kernels.rans8_encode(symbols, counts).tobytes()
    assert good[0] > 127 > good[1]  # its length takes two bytes
    at = 2 + (good[0] & 127 | good[1] << 7)
    for bad in (
        b"",
        good[:100],
        good + b"\0",
        b"\xff" * 6 + good,  # a length of too many bytes
        bytes([3 | 128, 0]) + good[2:],  # one that is not in its shortest form
        good[:at] + bytes(192) + good[at + 192 :],  # lanes below the least
    ):
        with pytest.raises(ValueError, match="rANS stream by bytes"):
            kernels.rans8_decode(bad, (500,))


def test_refusals(kernels):
    symbols, counts = drawn("at the edge", 300)
    stream = kernels.rans8_encode(symbols, counts)
    for call, error, match in (
        (lambda: kernels.rans8_encode(symbols.astype(int), counts), TypeError, "uint8"),
        (lambda: kernels.rans8_encode(symbols[:0], counts), ValueError, "symbols has shape"),
        (lambda: kernels.rans8_encode(symbols, counts[:255]), ValueError, "counts"),
        (lambda: kernels.rans8_encode(symbols, counts - 1), ValueError, "counts"),
        (lambda: kernels.rans8_encode(symbols, counts * 0), ValueError, "counts"),
        (lambda: kernels.rans8_encode(symbols, counts * 1.0), TypeError, "counts"),
        (lambda: kernels.rans8_encode(symbols - 200, counts), ValueError, "frequency 0"),
        (lambda: kernels.rans8_decode(stream, (300, 0)), ValueError, "shape"),
        (lambda: kernels.rans8_decode(stream, 300), TypeError, "shape"),
        (lambda: kernels.rans8_decode("text", (300,)), TypeError, "buffer"),
        (lambda: kernels.rans8_decode(stream, (900,)), ValueError, "by bytes"),
    ):
        with pytest.raises(error, match=match):
            call()


def test_a_symbol_without_frequency_is_refused_on_every_path(isa):
    symbols, counts = drawn("at the edge", 9000)
    symbols[7777] = 3
    with pytest.raises(ValueError, match="frequency 0"):
        compiled.rans8_encode(symbols, counts)


def test_golden(kernels):
    """These bytes are for ever: changing them changes the bitstream."""
    symbols = (np.arange(150) ** 2 % 101 * 2).astype(np.uint8)
    stream = kernels.rans8_encode(symbols, np.bincount(symbols, minlength=256))
    assert stream.tobytes().hex() == GOLDEN
    assert np.array_equal(kernels.rans8_decode(bytes.fromhex(GOLDEN), (150,)), symbols)


def test_golden_of_many(isa):
    symbols = (np.arange(20_000) ** 2 % 10_007 % 21 * 9).astype(np.uint8)
    stream = compiled.rans8_encode(symbols, np.bincount(symbols, minlength=256))
    assert (stream.size, zlib.crc32(stream)) == GOLDEN_MANY


GOLDEN = (
    "187e9abe6d1700408090806448312022ca8af82eb6aba28b1268481626442c021ab4d0f50e0ad398888cc55a"
    "8afb7e220ac0b0a49c98989ca4b0c00a223e5e82aa0c3c70a81a5a9e1c68b8429a2c8c268e30a04ac2742aae"
    "6cfdef9540f300c187fcb068e6cef7e8afb2f7cee56c286280a2c8285688be2e6cae2a74c24aa0308e268c2c"
    "9a42b8681c9e5a1aa8703c0caa825e3e220ac0b0a40102020201030202030314010102020101020101140201"
    "0101010101010101010101010101010101010101010101010101010101010101010101010101010101"
)
GOLDEN_MANY = (11117, 4155131595)
