import zlib

import numpy as np
import pytest

from splitwire import kernels as compiled
from splitwire.kernels import reference
from splitwire.kernels.reference_rans import _level, _weight

BYTE_ALPHABETS = [2, 3, 16, 17, 255, 256]
SIZES = [1, 3, 4, 63, 64, 65, 1000]


def laplace(alphabet, shape, seed=0):
    """Symbols around the middle, and their frequencies."""
    rng = np.random.default_rng(seed)
    x = np.rint(rng.laplace(alphabet / 2, alphabet / 10, shape)).clip(0, alphabet - 1)
    symbols = x.astype(np.uint8 if alphabet <= 256 else np.uint16)
    counts = np.bincount(symbols.reshape(-1), minlength=alphabet)
    return symbols, reference.rans_frequencies(counts)


def entropy(counts):
    counts = np.asarray(counts, float)
    counts = counts[counts > 0]
    return float(-(counts * np.log2(counts / counts.sum())).sum())


@pytest.mark.parametrize("alphabet", [*BYTE_ALPHABETS, 257, 4096])
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(kernels, alphabet, size):
    symbols, frequencies = laplace(alphabet, size)
    stream = kernels.rans_encode(symbols, frequencies)
    decoded = kernels.rans_decode(stream, frequencies, (size,))
    assert decoded.dtype == symbols.dtype
    assert np.array_equal(decoded, symbols)
    again = kernels.rans_decode(stream.tobytes(), frequencies, (1, size, 1))
    assert np.array_equal(again.reshape(-1), symbols)


@pytest.mark.parametrize("alphabet", BYTE_ALPHABETS)
@pytest.mark.parametrize("size", [8191, 16384, 20_001, 40_000])
def test_every_path_makes_the_same_stream(isa, alphabet, size):
    symbols, frequencies = laplace(alphabet, size)
    stream = compiled.rans_encode(symbols, frequencies)
    assert stream.tobytes() == reference.rans_encode(symbols, frequencies).tobytes()
    assert np.array_equal(compiled.rans_decode(stream, frequencies, (size,)), symbols)


@pytest.mark.parametrize("row", [1, 31, 32, 49, 196, 5000])
def test_tables_of_rows(isa, row):
    rng = np.random.default_rng(row)
    rows = 40_000 // row
    tables = rng.integers(0, 5, rows)
    frequencies = np.stack([laplace(9, 500, seed)[1] for seed in range(4)] + [np.full(9, 455)])
    frequencies[4, 0] += 1
    symbols = rng.integers(0, 9, (rows, row), np.uint8)
    frequencies = np.stack([reference.rans_frequencies(f + 1) for f in frequencies.astype(int)])
    stream = compiled.rans_encode(symbols, frequencies, tables)
    twin = reference.rans_encode(symbols, frequencies, tables)
    assert stream.tobytes() == twin.tobytes()
    decoded = compiled.rans_decode(stream, frequencies, symbols.shape, tables)
    assert np.array_equal(decoded, symbols)


def test_streams_stand_alone(kernels):
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 5, (3, 4, 50), np.uint8)
    tables = np.array([[0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    frequencies = np.stack([kernels.rans_frequencies(c) for c in ([9, 5, 3, 1, 1], [1] * 5)])
    data, lengths = kernels.rans_encode_streams(symbols, frequencies, tables)
    assert lengths.sum() == data.size
    ends = np.cumsum(lengths)
    for i, stream in enumerate(np.split(data, ends[:-1])):
        alone = kernels.rans_encode(symbols[i], frequencies, tables[i])
        assert stream.tobytes() == alone.tobytes()
    decoded = kernels.rans_decode_streams(data, lengths, frequencies, symbols.shape, tables)
    assert np.array_equal(decoded, symbols)
    data, lengths = kernels.rans_encode_streams(symbols, frequencies[1])
    decoded = kernels.rans_decode_streams(data, lengths, frequencies[1], symbols.shape)
    assert np.array_equal(decoded, symbols)


@pytest.mark.parametrize("alphabet", [8, 16, 64, 256])
def test_size_with_its_table(alphabet):
    for size, allowed in ((10_000, 1.03), (100_000, 1.01)):
        symbols, _ = laplace(alphabet, size)
        counts = np.bincount(symbols, minlength=alphabet)
        packed = compiled.pack_frequencies(counts)
        stream = compiled.rans_encode(symbols, compiled.unpack_frequencies(packed, alphabet))
        assert packed.size + stream.size <= allowed * entropy(counts) / 8


def test_frequencies_are_sound_and_near_the_best(kernels):
    rng = np.random.default_rng(0)
    for alphabet in (2, 5, 40, 256, 300):
        counts = rng.integers(0, 1000, alphabet) * (rng.random(alphabet) < 0.6)
        counts[:2] += 1
        frequencies = kernels.rans_frequencies(counts).astype(int)
        total = 4096 if alphabet <= 256 else 16384
        assert frequencies.sum() == total
        assert np.array_equal(frequencies > 0, counts > 0)
        cost = -(counts[counts > 0] * np.log2(frequencies[counts > 0] / total)).sum()
        assert cost < 1.003 * entropy(counts)


def test_frequencies_of_one_symbol(kernels):
    assert kernels.rans_frequencies([7, 0, 0]).tolist() == [4095, 1, 0]
    assert kernels.rans_frequencies([0, 0, 7]).tolist() == [0, 1, 4095]
    assert kernels.rans_frequencies([1, 2**40 - 1]).tolist() == [1, 4095]


def test_frequencies_no_single_step_is_better(kernels):
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts = rng.integers(1, 10 ** rng.integers(1, 6), 6)
        best = kernels.rans_frequencies(counts).astype(int)
        cost = -(counts * np.log2(best)).sum()
        for up in range(6):
            for down in range(6):
                other = best.copy()
                other[up] += 1
                other[down] -= 1
                if up != down and other.min():
                    assert -(counts * np.log2(other)).sum() > cost - 1


def test_levels_are_within_an_eighth():
    for f in range(1, 16384):
        assert abs(_weight(_level(f)) - f) <= f / 8
        assert _weight(_level(f)) == f or f > 8


@pytest.mark.parametrize("alphabet", [*BYTE_ALPHABETS, 257, 4096])
def test_packed_frequencies(kernels, alphabet):
    counts = np.bincount(laplace(alphabet, 3000)[0], minlength=alphabet)
    packed = kernels.pack_frequencies(counts)
    frequencies = kernels.unpack_frequencies(packed, alphabet)
    assert packed.size <= 12 + alphabet * 0.7
    assert np.array_equal(frequencies > 0, counts > 0)
    assert frequencies.sum() == (4096 if alphabet <= 256 else 16384)


def test_damaged_tables_are_refused(kernels):
    packed = kernels.pack_frequencies([5, 9, 2, 0, 1]).tobytes()
    for bad in (packed + b"\0", packed + bytes(range(1, 9)), b"\xff" * 30):
        with pytest.raises(ValueError, match="packed table"):
            kernels.unpack_frequencies(bad, 5)


def test_damaged_streams_are_refused_or_decode(isa):
    rng = np.random.default_rng(0)
    symbols, frequencies = laplace(16, 20_000)
    stream = compiled.rans_encode(symbols, frequencies).tobytes()
    refused = 0
    for trial in range(300):
        bad = bytearray(stream)
        if trial % 3 == 0:
            bad = bad[: rng.integers(0, len(bad))]
        elif trial % 3 == 1:
            bad[rng.integers(0, len(bad))] ^= 1 << rng.integers(0, 8)
        else:
            bad = bytearray(rng.bytes(len(bad)))
        try:
            decoded = compiled.rans_decode(bad, frequencies, symbols.shape)
        except ValueError:
            refused += 1
        else:
            assert decoded.shape == symbols.shape
            assert decoded.max() < 16
    assert refused > 290


def test_every_damage_gives_one_answer(isa):
    """A damaged stream is refused, or decoded to the same symbols, on every path."""
    rng = np.random.default_rng(1)
    symbols, frequencies = laplace(5, 16_400)
    stream = compiled.rans_encode(symbols, frequencies).tobytes()
    for _ in range(20):
        bad = bytearray(stream)
        bad[rng.integers(0, len(bad))] ^= 1 << rng.integers(0, 8)
        answers = []
        for kernels in (compiled, reference):
            try:
                answers.append(kernels.rans_decode(bad, frequencies, symbols.shape).tobytes())
            except ValueError as error:
                answers.append(str(error))
        assert answers[0] == answers[1]


def test_refusals(kernels):
    symbols, frequencies = laplace(5, 100)
    two = np.stack([frequencies, frequencies])
    stream = kernels.rans_encode(symbols, frequencies)
    one = np.array([0, 0, 0, 0, 1], np.uint16)
    for call, error, match in (
        (lambda: kernels.rans_encode(symbols.astype(int), frequencies), TypeError, "uint8"),
        (lambda: kernels.rans_encode(symbols[:0], frequencies), ValueError, "shape"),
        (lambda: kernels.rans_encode(symbols + 5, frequencies), ValueError, "alphabet"),
        (lambda: kernels.rans_encode(symbols, frequencies + one), ValueError, "sum"),
        (lambda: kernels.rans_encode(symbols, one * 4096), ValueError, "sum"),
        (lambda: kernels.rans_encode(symbols, frequencies.astype(int)), TypeError, "uint16"),
        (lambda: kernels.rans_encode(symbols, frequencies[:1]), ValueError, "alphabet"),
        (lambda: kernels.rans_encode(symbols, two[None]), ValueError, "frequencies"),
        (lambda: kernels.rans_encode(symbols, two, [0, 1]), ValueError, "tables"),
        (lambda: kernels.rans_encode(symbols, two, np.full(100, 2)), ValueError, "tables"),
        (lambda: kernels.rans_encode(symbols, two, np.zeros(100)), TypeError, "tables"),
        (lambda: kernels.rans_encode_streams(symbols, two, 0), ValueError, "tables"),
        (lambda: kernels.rans_decode(stream, frequencies, (101, 0)), ValueError, "shape"),
        (lambda: kernels.rans_decode(stream, frequencies, 100), TypeError, "shape"),
        (lambda: kernels.rans_decode(stream[:10], frequencies, (100,)), ValueError, "rANS"),
        (lambda: kernels.rans_decode(b"", frequencies, (100,)), ValueError, "rANS"),
        (lambda: kernels.rans_decode("text", frequencies, (100,)), TypeError, "buffer"),
        (
            lambda: kernels.rans_decode_streams(stream, [9, 9], frequencies, (2, 5)),
            ValueError,
            "lengths",
        ),
        (
            lambda: kernels.rans_decode_streams(stream, [9.0], frequencies, (1, 5)),
            TypeError,
            "lengths",
        ),
        (lambda: kernels.rans_frequencies([0, 0]), ValueError, "counts"),
        (lambda: kernels.rans_frequencies([1, -1]), ValueError, "counts"),
        (lambda: kernels.rans_frequencies([1, 2**41]), ValueError, "counts"),
        (lambda: kernels.rans_frequencies([1.0, 2]), TypeError, "counts"),
        (lambda: kernels.rans_frequencies([[1, 2]]), ValueError, "counts"),
        (lambda: kernels.rans_frequencies([1]), ValueError, "alphabet"),
        (lambda: kernels.unpack_frequencies(b"", 5000), ValueError, "alphabet"),
    ):
        with pytest.raises(error, match=match):
            call()


@pytest.mark.parametrize("size", [600, 20_000])
def test_a_symbol_without_frequency_is_refused(kernels, size):
    symbols = np.zeros(size, np.uint8)
    symbols[size // 3] = 2
    with pytest.raises(ValueError, match="frequency 0"):
        kernels.rans_encode(symbols, np.array([4000, 96, 0], np.uint16))


def test_a_symbol_without_frequency_is_refused_on_every_path(isa):
    for alphabet in (3, 200):
        symbols = np.zeros(20_000, np.uint8)
        symbols[7777] = 2
        frequencies = np.zeros(alphabet, np.uint16)
        frequencies[:2] = 4000, 96
        with pytest.raises(ValueError, match="frequency 0"):
            compiled.rans_encode(symbols, frequencies)


def test_golden(kernels):
    """These bytes are for ever: changing them changes the bitstream."""
    symbols = (np.arange(70) ** 2 % 11 % 6).astype(np.uint8)
    packed = kernels.pack_frequencies(np.bincount(symbols, minlength=7))
    frequencies = kernels.unpack_frequencies(packed, 7)
    assert packed.tobytes().hex() == GOLDEN_TABLE
    assert frequencies.tolist() == GOLDEN_FREQUENCIES
    assert kernels.rans_encode(symbols, frequencies).tobytes().hex() == GOLDEN_STREAM


def test_golden_of_many_lanes(isa):
    symbols = (np.arange(20_000) ** 2 % 10_007 % 21 % 16).astype(np.uint8)
    stream = compiled.rans_encode(symbols, compiled.rans_frequencies(np.bincount(symbols)))
    assert (stream.size, zlib.crc32(stream)) == GOLDEN_LANES


GOLDEN_TABLE = "8014044924afff"
GOLDEN_FREQUENCIES = [384, 768, 0, 1536, 768, 640, 0]
GOLDEN_STREAM = "5250b12787230409246d6f0475f9fd01e4b645a6cb4dcbe4"
GOLDEN_LANES = (9836, 3960891069)
