"""The compiled kernels and their NumPy twins agree to the bit, and on what they refuse."""

import inspect
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from splitwire import kernels
from splitwire.kernels import reference

pytestmark = pytest.mark.usefixtures("isa")
quick = settings(max_examples=150, deadline=None)

singles = st.floats(width=32)
bits = st.integers(1, 8)
seeds = st.integers(0, 2**32 - 1)
limits = st.floats(width=32, allow_nan=False, allow_infinity=False)
map_shapes = st.tuples(st.integers(1, 40), st.integers(1, 20), st.integers(1, 40))


def same(left, right):
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    assert left.tobytes() == right.tobytes()


def outcome(call):
    """What a call gives, down to the bytes, or what it raises."""
    try:
        result = call()
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    return result.tobytes() if isinstance(result, np.ndarray) else result


@st.composite
def ranges(draw, channels):
    """A scalar range, or one for each channel, some of them without width."""
    if draw(st.booleans()):
        return tuple(sorted((draw(limits), draw(limits))))
    pairs = draw(st.lists(st.tuples(limits, limits), min_size=channels, max_size=channels))
    lo, hi = np.sort(np.array(pairs, np.float32), axis=1).T
    return lo, hi


def bounded(lo, hi):
    """The range, halved where it is too wide for float32."""
    with np.errstate(over="ignore"):
        wide = not np.isfinite(np.float32(hi) - np.float32(lo)).all()
    return (np.float32(0.5) * lo, np.float32(0.5) * hi) if wide else (lo, hi)


@st.composite
def tensors(draw, values=singles):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=9))
    x = draw(hnp.arrays(np.float32, shape, elements=values))
    view = draw(st.sampled_from(["plain", "transposed", "reversed", "strided"]))
    if view == "transposed":
        return x.T
    if view == "reversed":
        return x[tuple(slice(None, None, -1) for _ in shape)]
    return x[..., ::2] if view == "strided" else x


@quick
@given(st.data(), tensors(), bits)
def test_quantize(data, x, bits):
    lo, hi = bounded(*data.draw(ranges(len(x))))
    same(kernels.quantize(x, lo, hi, bits), reference.quantize(x, lo, hi, bits))


@quick
@given(seeds, bits, st.integers(-149, 119), st.integers(1, 3000))
def test_quantize_ties_and_steps(seed, bits, exponent, size):
    """Ranges that are powers of two of the code: every other value lies between two codes."""
    rng = np.random.default_rng(seed)
    top = 2**bits - 1
    unit = 2.0**exponent
    x = (rng.integers(-4, 2 * top + 4, size) * (unit / 2)).astype(np.float32)
    lo, hi = 0.0, top * unit
    same(kernels.quantize(x, lo, hi, bits), reference.quantize(x, lo, hi, bits))


@quick
@given(seeds, bits, st.integers(1, 5000))
def test_quantize_any_bit_pattern(seed, bits, size):
    """Every kind of float32 there is, in runs long enough for vectors and their tails."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2**32, size, np.uint32).view(np.float32)
    lo, hi = np.sort(rng.normal(0, 10.0 ** rng.integers(-40, 38), 2))
    same(kernels.quantize(x, lo, hi, bits), reference.quantize(x, lo, hi, bits))


@quick
@given(st.data(), hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=9)), bits)
def test_dequantize(data, q, bits):
    lo, hi = bounded(*data.draw(ranges(len(q))))
    same(kernels.dequantize(q, lo, hi, bits), reference.dequantize(q, lo, hi, bits))


@quick
@given(map_shapes, seeds, bits, st.integers(1, 20), st.booleans())
def test_mosaics(shape, seed, bits, block, per_channel):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, shape).astype(np.float32)
    lo, hi = (x.min((1, 2)), x.max((1, 2))) if per_channel else (-3.0, 3.0)
    q = kernels.quantize(x, lo, hi, bits)
    frame = reference.tile(q, block)
    same(kernels.tile(q, block), frame)
    same(kernels.quantize_tile(x, lo, hi, bits, block), frame)
    same(reference.quantize_tile(x, lo, hi, bits, block), frame)
    same(kernels.untile(frame, shape), q)
    same(reference.untile(frame, shape), q)
    values = reference.dequantize(q, lo, hi, bits)
    same(kernels.dequantize_untile(frame, shape, lo, hi, bits), values)
    same(reference.dequantize_untile(frame, shape, lo, hi, bits), values)


@quick
@given(tensors())
def test_moments(x):
    ours, twins = outcome(lambda: kernels.moments(x)), outcome(lambda: reference.moments(x))
    assert repr(ours) == repr(twins)


@quick
@given(seeds, st.integers(1, 50_000), st.integers(-30, 30), st.integers(-8, 8), st.integers(0, 9))
def test_moments_of_many(seed, size, exponent, spread, holes):
    rng = np.random.default_rng(seed)
    scale = 10.0**exponent
    drift = np.linspace(0, rng.normal(), size)  # blocks with different means weigh on the merge
    values = scale * (1 + drift + rng.normal(0, 10.0**spread, size))
    x = values.clip(-1e38, 1e38).astype(np.float32)
    x[rng.integers(0, size, holes)] = rng.choice([np.nan, np.inf, -np.inf, -0.0], holes)
    ours, twins = outcome(lambda: kernels.moments(x)), outcome(lambda: reference.moments(x))
    assert repr(ours) == repr(twins)


@quick
@given(seeds, bits, st.integers(1, 3000), st.booleans())
def test_histogram_and_packing(seed, bits, size, too_large):
    q = np.random.default_rng(seed).integers(0, 2**bits, size, np.uint8)
    if too_large:
        q[seed % size] = 255
    for name in ("histogram", "pack_bits"):
        ours, twin = getattr(kernels, name), getattr(reference, name)
        assert outcome(partial(ours, q, bits)) == outcome(partial(twin, q, bits))


@quick
@given(st.binary(max_size=40), bits, st.integers(-2, 330))
def test_unpacking_garbage(buffer, bits, size):
    ours = outcome(lambda: kernels.unpack_bits(buffer, bits, size))
    assert ours == outcome(lambda: reference.unpack_bits(buffer, bits, size))


@quick
@given(st.binary(min_size=1, max_size=40), bits)
def test_unpacking_what_fits(buffer, bits):
    size = len(buffer) * 8 // bits
    ours = outcome(lambda: kernels.unpack_bits(buffer, bits, size))
    assert ours == outcome(lambda: reference.unpack_bits(buffer, bits, size))
    if isinstance(ours, bytes):
        codes = np.frombuffer(ours, np.uint8)
        assert kernels.pack_bits(codes, bits).tobytes() == buffer


ONES = np.ones((2, 3, 4), np.float32)
CODES = np.ones((2, 3, 4), np.uint8)
FRAME = np.ones((3, 8), np.uint8)
REFUSED = {
    "empty": lambda m: m.quantize(ONES[:0], 0, 1),
    "bits": lambda m: m.quantize(ONES, 0, 1, 0),
    "range": lambda m: m.quantize(ONES, 1, 0),
    "channel": lambda m: m.dequantize(CODES, [0, 1], [1, 0]),
    "lo": lambda m: m.dequantize_untile(FRAME, (2, 3, 4), "low", 1),
    "q": lambda m: m.dequantize(ONES, 0, 1),
    "rank": lambda m: m.quantize_tile(ONES[0], 0, 1),
    "out": lambda m: m.quantize_tile(ONES, 0, 1, out=CODES),
    "frame": lambda m: m.untile(FRAME, (2, 4, 4)),
    "shape": lambda m: m.dequantize_untile(FRAME, (2, 4), 0, 1),
    "block": lambda m: m.tile(CODES, 0),
    "moments": lambda m: m.moments(ONES * np.nan),
    "histogram": lambda m: m.histogram(CODES + 1, 1),
    "size": lambda m: m.unpack_bits(b"", 1, 0),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refusals(call):
    kind, message = outcome(lambda: call(kernels))
    assert (kind, message) == outcome(lambda: call(reference))
    assert issubclass(kind, TypeError | ValueError)
    assert "\n" not in message


def test_names_and_signatures():
    assert kernels.__all__ == reference.__all__
    for name in kernels.__all__:
        ours = inspect.signature(getattr(kernels, name)).parameters.values()
        twins = inspect.signature(getattr(reference, name)).parameters.values()
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in twins]
        assert getattr(kernels, name).__doc__


LARGE = [(85, 227, 230), (70, 60, 1100), (90_000, 7, 7), (2, 2, 1_100_000), (40_000, 1, 110)]


@pytest.mark.parametrize("shape", LARGE, ids=lambda shape: "x".join(map(str, shape)))
def test_more_than_the_caches_hold(shape):
    """Large tensors are written past the caches, and mosaics in bands."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape, np.float32)
    q = reference.quantize(x, -2.0, 2.0, 7)
    values = reference.dequantize(q, -2.0, 2.0, 7)
    frame = reference.tile(q, 16)
    out = np.empty(x.size + 1, np.uint8)[1:].reshape(shape)  # off the boundaries of vectors
    same(kernels.quantize(x, -2.0, 2.0, 7, out), q)
    same(kernels.dequantize(q, -2.0, 2.0, 7), values)
    same(kernels.tile(q, 16), frame)
    same(kernels.untile(frame, shape), q)
    same(kernels.quantize_tile(x, -2.0, 2.0, 7, 16), frame)
    same(kernels.dequantize_untile(frame, shape, -2.0, 2.0, 7), values)
    hi = np.linspace(1, 2, len(x))
    q = reference.quantize(x, -2.0, hi)
    same(kernels.quantize(x, -2.0, hi), q)
    same(kernels.quantize_tile(x, -2.0, hi), reference.tile(q))
    values = reference.dequantize(q, -2.0, hi)
    same(kernels.dequantize(q, -2.0, hi), values)
    same(kernels.dequantize_untile(reference.tile(q), shape, -2.0, hi), values)
