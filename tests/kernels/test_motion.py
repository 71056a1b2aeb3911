"""Motion of blocks: maps moved alike by every implementation, and vectors found as well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels
from splitwire.codecs.ftc.blocks import blocks_of
from splitwire.kernels import reference
from splitwire.kernels.reference_motion import motion_cost

SHAPES = [(1, 1), (1, 9), (7, 7), (14, 14), (13, 9)]
LARGEST = 2**27


def edges(shape):
    blocks = blocks_of(*shape)
    return blocks.rows.edges, blocks.columns.edges


def drawn(shape, seed=0, channels=3):
    """Two maps of integers, as large as they get, and vectors that leave the map."""
    rng = np.random.default_rng(seed)
    maps = rng.integers(-LARGEST, LARGEST + 1, (2, channels, *shape)).astype(np.int32)
    grid = blocks_of(*shape).grid
    vectors = rng.integers(-255, 256, (grid[0] * grid[1], 2)) // rng.choice([1, 8, 64])
    return *maps, vectors.astype(np.int16), rng.integers(0, 3, len(vectors)).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(shape=st.tuples(st.integers(1, 17), st.integers(1, 17)), seed=st.integers(0, 1000))
def test_twins_move_alike(shape, seed):
    one = kernels.motion_move(*drawn(shape, seed), *edges(shape))
    other = reference.motion_move(*drawn(shape, seed), *edges(shape))
    assert one.dtype == other.dtype == np.int32
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_still_blocks_stay_as_they_are(kernels, shape):
    last, before, vectors, sources = drawn(shape)
    still = 0 * vectors
    for source, expected in enumerate((last, before, 0 * last)):
        moved = kernels.motion_move(last, before, still, 0 * sources + source, *edges(shape))
        np.testing.assert_array_equal(moved, expected)


def test_whole_and_half_positions(kernels):
    last = np.arange(49, dtype=np.int32).reshape(1, 7, 7)
    args = np.zeros(1, np.uint8), *edges((7, 7))
    whole = kernels.motion_move(last, last, np.array([[4, -8]], np.int16), *args)[0]
    np.testing.assert_array_equal(whole[:6, 2:], last[0, 1:, :5])
    np.testing.assert_array_equal(whole[:6, 0], last[0, 1:, 0])  # beyond the edge it goes on
    half = kernels.motion_move(last, last, np.array([[2, 2]], np.int16), *args)[0]
    np.testing.assert_array_equal(half[:6, :6], last[0, :6, :6] + 4)
    far = kernels.motion_move(last, last, np.array([[-255, 255]], np.int16), *args)[0]
    np.testing.assert_array_equal(far, 6)


def scenes(shape, seed, components=8):
    """A map, the one before it from which it has moved, and one of long ago."""
    rng = np.random.default_rng(seed)
    wide = rng.normal(0, 4, (shape[0] + 6, shape[1] + 6, components)).astype(np.float32)
    wide += np.roll(wide, 1, 0) + np.roll(wide, 1, 1)
    down, across = rng.integers(0, 4, 2)
    last = wide[3 : 3 + shape[0], 3 : 3 + shape[1]]
    now = wide[3 + down - 1 :, 3 + across - 1 :][: shape[0], : shape[1]]
    noise = rng.normal(0, 0.2, now.shape).astype(np.float32)
    return now + noise, last, wide[: shape[0], : shape[1]]


def cost(maps, shape, found, block):
    """What a block costs with what was found for it, but for the bits that tell so."""
    tops, lefts = (axis.tolist() for axis in edges(shape))
    i, j = divmod(block, len(lefts) - 1)
    place = slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1])
    vector, source = found[0][block].tolist(), int(found[1][block])
    return motion_cost(maps[0], [*maps[1:], None][source], place, vector)


@settings(max_examples=10, deadline=None)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 1000))
def test_twins_find_alike(shape, seed):
    maps = scenes(shape, seed)
    one = kernels.motion_search(*maps, *edges(shape), 2)
    other = reference.motion_search(*maps, *edges(shape), 2)
    assert one[0].dtype == other[0].dtype == np.int16
    assert one[1].dtype == other[1].dtype == np.uint8
    assert np.abs(one[0]).max() <= 8
    for block in range(len(one[1])):
        costs = [cost(maps, shape, found, block) for found in (one, other)]
        assert costs[0] == pytest.approx(costs[1], rel=1e-4, abs=1e-3)


def test_finds_what_moved_and_what_came_back(kernels):
    rng = np.random.default_rng(0)
    last = (9 * rng.normal(size=(14, 14, 8))).astype(np.float32)
    old = (9 * rng.normal(size=(14, 14, 8))).astype(np.float32)
    now = np.roll(last, (1, -2), (0, 1))
    now[10:] = old[10:]
    now[4:7, 4:7] = 0
    tops = lefts = np.array([0, 4, 7, 10, 14], np.int32)
    vectors, sources = kernels.motion_search(now, last, old, tops, lefts, 3)
    sources = sources.reshape(4, 4)
    assert (sources[3] == 1).all()
    assert sources[1, 1] == 2
    assert vectors.reshape(4, 4, 2)[1, 2].tolist() == [-4, 8]
    assert not vectors[sources.ravel() > 0].any()


@pytest.mark.parametrize("shape", [(1, 200), (200, 1)])
def test_reaches_as_far_as_a_vector_goes_and_no_further_than_the_map(kernels, shape):
    line = 9 * np.random.default_rng(0).normal(size=(263, 8)).astype(np.float32)
    now, last = line[:200].reshape(*shape, 8), line[63:].reshape(*shape, 8)
    blocks = np.array([0, 100, 200]), np.array([0, 1])
    ends = blocks if shape[0] > 1 else blocks[::-1]
    vectors, _ = kernels.motion_search(now, last, last, *ends, 63)
    far = [0, -252] if shape[0] == 1 else [-252, 0]
    assert vectors[1].tolist() == far
    assert not vectors[:, shape.index(1)].any()


def test_what_is_not_finite_is_no_match(kernels):
    now = np.full((3, 3, 8), np.nan, np.float32)
    vectors, sources = kernels.motion_search(now, now, now, *edges((3, 3)), 1)
    assert vectors.shape == (1, 2)
    assert sources.shape == (1,)


def test_refusals(kernels):
    last, before, vectors, sources = drawn((7, 10))
    rows, columns = edges((7, 10))
    maps = {"last": last, "before": before}
    moved = {"vectors": vectors, "sources": sources, "rows": rows, "columns": columns, **maps}
    for change, match in (
        ({"last": last.astype(float)}, "expected int32"),
        ({"before": before[1:]}, "expected int32"),
        ({"last": last[:0], "before": before[:0]}, "empty"),
        ({"vectors": vectors[1:]}, "vectors is"),
        ({"vectors": vectors.astype(int)}, "vectors is"),
        ({"rows": rows + 1}, "blocks begin"),
        ({"columns": np.array([0, 6, 5, 10])}, "to rise"),
    ):
        with pytest.raises(ValueError, match=match):
            kernels.motion_move(**(moved | change))
    now = np.zeros((7, 10, 8), np.float32)
    for three, match in (
        ((now, now, now.astype(float)), "expected float32"),
        ((now[1:], now, now), "expected float32"),
        ((now[..., 1:],) * 3, "multiple of 8"),
        ((now[:0],) * 3, "multiple of 8"),
    ):
        with pytest.raises(ValueError, match=match):
            kernels.motion_search(*three, rows, columns, 2)
    for reach in (-1, 64):
        with pytest.raises(ValueError, match="expected 0 to 63"):
            kernels.motion_search(now, now, now, rows, columns, reach)
