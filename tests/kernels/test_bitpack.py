import numpy as np
import pytest

BITS = range(1, 9)
SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000]


def codes(bits, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2**bits, shape, np.uint8)


def as_bits(q, bits):
    """What a packed stream means, spelled out in characters."""
    text = "".join(f"{code:0{bits}b}" for code in q.flat)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(kernels, bits, size):
    q = codes(bits, size)
    packed = kernels.pack_bits(q, bits)
    assert packed.dtype == np.uint8
    assert packed.tobytes() == as_bits(q, bits)
    for buffer in (packed, packed.tobytes(), bytearray(packed), memoryview(packed)):
        assert np.array_equal(kernels.unpack_bits(buffer, bits, size), q)


def test_any_shape_and_layout_in_c_order(kernels):
    q = codes(3, (4, 6, 5))
    assert np.array_equal(kernels.pack_bits(q, 3), kernels.pack_bits(q.reshape(-1), 3))
    for view in (q.transpose(2, 0, 1), q[::-1, ::2, ::-2]):
        assert np.array_equal(kernels.pack_bits(view, 3), kernels.pack_bits(view.copy("C"), 3))


def test_counts_may_be_numpy_integers(kernels):
    q = codes(3, 100)
    packed = kernels.pack_bits(q, np.uint8(3))
    assert np.array_equal(kernels.unpack_bits(packed, np.uint8(3), np.uint8(100)), q)


def test_any_layout_of_the_buffer(kernels):
    q = codes(5, 100)
    packed = kernels.pack_bits(q, 5)
    spread = np.repeat(packed, 2)
    for buffer in (spread[::2], memoryview(spread)[::2], packed[::-1].copy()[::-1]):
        assert np.array_equal(kernels.unpack_bits(buffer, 5, 100), q)


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("place", [0, 5, 8, 18])
def test_codes_above_the_top_are_refused(kernels, bits, place):
    q = np.zeros(19, np.uint8)
    q[place] = 2**bits
    with pytest.raises(ValueError, match=str(2**bits)):
        kernels.pack_bits(q, bits)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("size", [1, 7, 8, 9, 30])
def test_another_length_is_refused(kernels, bits, size):
    packed = kernels.pack_bits(codes(bits, size), bits).tobytes()
    for buffer in (packed[:-1], packed + b"\0", b"", packed * 9):
        with pytest.raises(ValueError, match="bytes"):
            kernels.unpack_bits(buffer, bits, size)


@pytest.mark.parametrize("bits", [1, 3, 5, 7])
def test_padding_that_is_not_zero_is_refused(kernels, bits):
    packed = kernels.pack_bits(codes(bits, 3), bits)
    packed[-1] |= 1
    with pytest.raises(ValueError, match="padding"):
        kernels.unpack_bits(packed, bits, 3)


def test_a_bomb_of_a_size_allocates_nothing(kernels):
    for size in (2**40, 2**62, 2**80):
        with pytest.raises(ValueError, match="bytes"):
            kernels.unpack_bits(b"12345678", 1, size)


def test_refusals(kernels):
    with pytest.raises(ValueError, match="shape"):
        kernels.pack_bits(np.zeros(0, np.uint8), 4)
    with pytest.raises(TypeError, match="uint8"):
        kernels.pack_bits(np.zeros(4, np.int64), 4)
    for size in (0, -1):
        with pytest.raises(ValueError, match="size"):
            kernels.unpack_bits(b"", 4, size)
    with pytest.raises(TypeError, match="size"):
        kernels.unpack_bits(b"a", 4, 2.0)
    with pytest.raises(TypeError, match="uint8"):
        kernels.unpack_bits(np.zeros(1), 4, 2)
    for buffer in ("text", 7, [1, 2]):
        with pytest.raises(TypeError, match="buffer"):
            kernels.unpack_bits(buffer, 4, 2)


@pytest.mark.parametrize("bits, error", [(0, ValueError), (9, ValueError), ("8", TypeError)])
def test_bad_bits_are_refused(kernels, bits, error):
    with pytest.raises(error, match="bits"):
        kernels.pack_bits(np.zeros(8, np.uint8), bits)
    with pytest.raises(error, match="bits"):
        kernels.unpack_bits(b"12345678", bits, 8)
