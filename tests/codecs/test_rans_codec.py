"""`rans` is the quantiser to the bit, at the price of its codes' entropy and a small table."""

import numpy as np
import pytest
from streams import UNIT_RANGE, features, payload_of, stream_of

import splitwire as sw
from splitwire import kernels
from splitwire.errors import BitstreamError

X = features(80, 14, 14)


def entropy_bytes(codes):
    share = np.bincount(codes.reshape(-1)) / codes.size
    share = share[share > 0]
    return -(share * np.log2(share)).sum() * codes.size / 8


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("rule", ["clip=3sd", "clip=laplace", "clip=laplace,per=channel"])
def test_it_is_the_quantiser_to_the_bit(bits, rule):
    coded = sw.decode(sw.codec(f"rans:bits={bits},{rule}").encode(X))
    np.testing.assert_array_equal(coded, sw.decode(sw.codec(f"raw:bits={bits},{rule}").encode(X)))


@pytest.mark.parametrize("bits", [3, 5, 8])
def test_a_stream_is_near_the_entropy(bits):
    stream = sw.codec("rans", bits=bits, clip="3sd").encode(X)
    lo, hi = np.frombuffer(payload_of(stream)[:8], "<f4")
    codes = kernels.quantize(X, lo, hi, bits)
    header = len(stream) - len(payload_of(stream)) + len(UNIT_RANGE)
    assert len(stream) - header <= 1.02 * entropy_bytes(codes)


def test_feature_tensors_of_8_bits_are_coded_by_bytes():
    """And those of before, with a packed table, decode to the same."""
    new = sw.codec("rans:bits=8,clip=minmax").encode(X)
    payload = payload_of(new)
    assert payload[8] == 0
    codes = kernels.quantize(X, *np.frombuffer(payload[:8], "<f4"))
    table = kernels.pack_frequencies(kernels.histogram(codes))
    stream = kernels.rans_encode(codes, kernels.unpack_frequencies(table, 256)).tobytes()
    old = payload[:8] + bytes([table.size]) + table.tobytes() + stream
    np.testing.assert_array_equal(sw.decode(stream_of("rans:bits=8", X.shape, old)), sw.decode(new))
    assert len(payload) <= 1.003 * len(old)
    for other in (np.maximum(X, 0), X[:40], np.concatenate([X] * 5)):
        assert payload_of(sw.codec("rans:bits=8,clip=minmax").encode(other))[8] > 0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"\x05\x01\x02",
        b"\xff\xff\xff\xff\x0f",
        b"\xff\xff\xff\xff\xff\xff",
        b"\x01\x00" + bytes(40),
        b"\x04" + bytes([200, 30, 7, 9]) + bytes(16),
    ],
)
def test_damaged_payloads_are_refused(payload):
    with pytest.raises(BitstreamError):
        sw.decode(stream_of("rans", (3, 4, 5), UNIT_RANGE + payload))


def test_a_table_that_is_not_canonical_is_refused():
    payload = payload_of(sw.codec("rans").encode(X))
    length = payload[8]
    padded = payload[:8] + bytes([length + 1]) + payload[9 : 9 + length] + b"\0"
    with pytest.raises(BitstreamError, match="packed table"):
        sw.decode(stream_of("rans", X.shape, padded + payload[9 + length :]))
