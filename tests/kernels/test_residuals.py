"""Streams of residuals: what comes back, what models carry on, and what damage does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels
from splitwire.codecs.ftc.blocks import blocks_of
from splitwire.kernels import reference
from splitwire.kernels.residual_arguments import MOVES, SIZES, STAGES, Model

TRADEOFF = 0.1
SHAPES = [(1, 1), (1, 9), (7, 7), (13, 9)]
BLOCKS = blocks_of(7, 10)  # 1 by 2 blocks


def untaught(components, places):
    contexts = np.zeros((STAGES, sum(SIZES), 2), np.uint16)
    contexts[0, :, 0], contexts[1:, :, 0] = 3277, 19661
    moves = np.zeros((MOVES, 2), np.uint16)
    moves[:, 0] = 1 << 15
    return Model(
        contexts,
        np.full((9, 6), 23000, np.int32),
        moves,
        np.zeros((components, places), np.uint8),
        np.zeros((components, places), np.uint16),
    )


def drawn(blocks, seed=0, components=3, largest=32000):
    """Coefficients from mostly zeros to the largest there are, with vectors and classes."""
    rng = np.random.default_rng(seed)
    count = blocks.order.size
    z = (rng.standard_cauchy((components, count)) * rng.choice([0.1, 0.5, 5])).astype(np.float32)
    z = z.clip(-largest, largest)
    still = rng.random() < 0.3
    blocks_there = blocks.grid[0] * blocks.grid[1]
    far = 1 if still else int(rng.choice([2, 12, 256]))
    vectors = rng.integers(1 - far, far, (blocks_there, 2)).astype(np.int16)
    sources = rng.integers(0, 1 if still else 3, blocks_there).astype(np.uint8)
    kinds = rng.integers(0, 24, z.shape).astype(np.uint8)
    return z, vectors, sources, kinds


def encoded(twin, blocks, case, model):
    z, vectors, sources, kinds = case
    return twin.residuals_encode(
        z, vectors, sources, blocks.grid, kinds, blocks.places, model, TRADEOFF
    )


def bytes_of(model):
    return [array.tobytes() for array in vars(model).values()]


@pytest.mark.parametrize("shape", SHAPES)
def test_round_trips_one_after_another(kernels, shape):
    blocks = blocks_of(*shape)
    model = other = untaught(3, blocks.order.size)
    for seed in range(4):
        case = drawn(blocks, seed)
        before = bytes_of(model)
        stream, q, after = encoded(kernels, blocks, case, model)
        back, vectors, sources, other = kernels.residuals_decode(
            stream.tobytes(), blocks.grid, case[3], blocks.places, other
        )
        np.testing.assert_array_equal(back, q)
        np.testing.assert_array_equal(sources, case[2])
        np.testing.assert_array_equal(vectors, np.where(case[2][:, None] == 2, 0, case[1]))
        assert bytes_of(other) == bytes_of(after)
        assert bytes_of(model) == before
        model = after


@pytest.mark.parametrize("value", [0, 1, -2, 13, -14, 15, 300, 32000, -32000])
def test_every_size(kernels, value):
    z, vectors, sources, kinds = drawn(BLOCKS)
    z[:] = value
    model = untaught(*z.shape)
    stream, q, _ = encoded(kernels, BLOCKS, (z, vectors, sources, kinds), model)
    back = kernels.residuals_decode(stream, BLOCKS.grid, kinds, BLOCKS.places, model)[0]
    np.testing.assert_array_equal(back, q)
    assert np.abs(q - z).max() <= 2
    if abs(value) >= 14:
        np.testing.assert_array_equal(q, z)


def test_what_is_not_finite(kernels):
    z, vectors, sources, kinds = drawn(BLOCKS)
    z[0, :3] = np.nan, np.inf, -np.inf
    _, q, _ = encoded(kernels, BLOCKS, (z, vectors, sources, kinds), untaught(*z.shape))
    assert q[0, :3].tolist() == [0, 32000, -32000]


def test_nothing_to_tell_costs_next_to_nothing(kernels):
    z, vectors, sources, kinds = drawn(BLOCKS)
    case = 0 * z, 0 * vectors, 0 * sources, kinds
    assert encoded(kernels, BLOCKS, case, untaught(*z.shape))[0].size <= 1


def test_what_was_seen_saves(kernels):
    """The same residual again costs less, as its contexts, and where it is large, are known."""
    case, model, sizes = drawn(BLOCKS, 3, 8, 4), untaught(8, BLOCKS.order.size), []
    for _ in range(6):
        stream, _, model = encoded(kernels, BLOCKS, case, model)
        sizes.append(stream.size)
    assert sizes[-1] < 0.85 * sizes[0]


@settings(max_examples=25, deadline=None)
@given(shape=st.tuples(st.integers(1, 10), st.integers(1, 10)), seed=st.integers(0, 1000))
def test_twins_agree(shape, seed):
    blocks = blocks_of(*shape)
    model = other = untaught(2, blocks.order.size)
    for more in range(2):
        case = drawn(blocks, seed + more, 2)
        one, q, model = encoded(kernels, blocks, case, model)
        two, chosen, other = encoded(reference, blocks, case, other)
        assert one.tobytes() == two.tobytes()
        np.testing.assert_array_equal(q, chosen)
        assert bytes_of(model) == bytes_of(other)


def outcome(twin, data, kinds, model):
    try:
        *arrays, after = twin.residuals_decode(data, BLOCKS.grid, kinds, BLOCKS.places, model)
    except ValueError as error:
        return str(error)
    return [array.tobytes() for array in arrays] + bytes_of(after)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), seed=st.integers(0, 5))
def test_any_bytes_give_the_same_outcome(data, seed):
    kinds = drawn(BLOCKS, seed, 2)[3]
    model = untaught(*kinds.shape)
    assert outcome(kernels, data, kinds, model) == outcome(reference, data, kinds, model)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 20), at=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans()
)
def test_damage_gives_the_same_outcome_and_leaves_the_model(seed, at, value, cut):
    case = drawn(BLOCKS, seed, 2)
    model = untaught(2, BLOCKS.order.size)
    before = bytes_of(model)
    stream = encoded(kernels, BLOCKS, case, model)[0]
    data = bytearray(stream.tobytes() or b"\1")
    data[at % len(data)] = value
    data = bytes(data[: at % len(data)] if cut else data)
    assert outcome(kernels, data, case[3], model) == outcome(reference, data, case[3], model)
    assert bytes_of(model) == before


def test_what_goes_on_behind_the_end_is_refused(kernels):
    case = drawn(BLOCKS, 1)
    model = untaught(*case[0].shape)
    stream = encoded(kernels, BLOCKS, case, model)[0].tobytes()
    for damaged in (stream + b"\1" * 9, stream[: len(stream) // 4]):
        with pytest.raises(ValueError, match="no stream of residuals"):
            kernels.residuals_decode(damaged, BLOCKS.grid, case[3], BLOCKS.places, model)


def test_refusals(kernels):
    z, vectors, sources, kinds = drawn(BLOCKS)
    model, places = untaught(*z.shape), BLOCKS.places
    known = {"grid": BLOCKS.grid, "kinds": kinds, "places": places, "model": model}
    given = {"z": z, "vectors": vectors, "sources": sources, "tradeoff": TRADEOFF, **known}
    of_the_encoder = (
        ({"z": z.astype(float)}, "expected float32"),
        ({"z": z[1:]}, "z is"),
        ({"vectors": vectors.astype(int)}, "int16"),
        ({"vectors": vectors + np.int16(600)}, "beyond 255"),
        ({"sources": sources + np.uint8(3)}, "a source beyond 2"),
        ({"sources": sources[1:]}, "vectors is"),
        ({"grid": (2, 2)}, "vectors is"),
    )
    of_both = (
        ({"grid": (-1, -2)}, "at least one block"),
        ({"kinds": kinds[:, 1:]}, "kinds has shape"),
        ({"kinds": kinds + np.uint8(24)}, "24 classes"),
        ({"places": places[:, 1:]}, "places has shape"),
        ({"places": places + 1000}, "octave above 2"),
        ({"model": untaught(1, 1)}, "model.before"),
        ({"model": changed(model, "contexts", 1, 49)}, "no coder leaves"),
        ({"model": changed(model, "moves", 1, 49)}, "no coder leaves"),
        ({"model": changed(model, "moves", 0, 0)}, "no coder leaves"),
        ({"model": changed(model, "weights", 0, -(2**31))}, "no coder leaves"),
    )
    for change, match in of_the_encoder + of_both:
        with pytest.raises(ValueError, match=match):
            kernels.residuals_encode(**(given | change))
    for change, match in of_both:
        with pytest.raises(ValueError, match=match):
            kernels.residuals_decode(b"", **(known | change))


def changed(model, name, column, value):
    other = model.copy()
    getattr(other, name)[..., column] = value
    return other


def test_golden(kernels):
    """These bytes are for ever: changing them changes the bitstream."""
    blocks = blocks_of(2, 9)
    z = (np.arange(36).reshape(2, 18) % 7 - 3).astype(np.float32)
    z[1, 2] = -40
    kinds = (np.arange(36).reshape(2, 18) % 24).astype(np.uint8)
    vectors = np.array([[3, -9], [0, 2]], np.int16)
    case = z, vectors, np.array([0, 1], np.uint8), kinds
    model, streams = untaught(2, 18), []
    for _ in range(2):
        stream, _, model = encoded(kernels, blocks, case, model)
        streams.append(stream.tobytes().hex())
    assert streams == GOLDEN


GOLDEN = [
    "44018401706707c53d340ebc0cb3a77dbbb5d46e335486eabdb6219dbd31c5562a20c33c45d059af",
    "795f7550c806f179bdd965032a189b13cbe3af0668",
]
